import type { CaptureEvent, SchemaEvent } from '../model/event.ts';
import { SchemaSet } from '../model/schema-set.ts';

/** Remembers the schemas of a recording, so that each of its files can hold them. Bounded as recorders are. */
export class SeenSchemas {
  readonly #known = new SchemaSet();
  readonly #seen: SchemaEvent[] = [];
  #bytes = 0;

  note(event: CaptureEvent): void {
    if (event.type !== 'schema' || this.#known.add(event.data) !== 'new') return;
    this.#seen.push(event);
    this.#bytes += event.data.length;
  }

  /** Of all schemas together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The schemas again, at this place in the order of events. */
  *repeated(seq: number, at: number): Generator<SchemaEvent, void, undefined> {
    for (const event of this.#seen) yield { ...event, seq, at };
  }
}

import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent, GapEvent } from '../model/event.ts';
import { invalidOption } from '../model/option-values.ts';
import type { CaptureInRuns } from './open-capture.ts';

/** A capture that was opened by this name. */
export interface NamedCapture {
  readonly name: string;
  readonly capture: CaptureInRuns;
}

/** What one recorder recorded: one capture, or the parts of one that was rotated, in order. */
export interface Recording {
  /** Of its first part. */
  readonly header: CaptureHeader;
  readonly parts: readonly NamedCapture[];
}

/**
 * Puts the parts of rotated recordings together: they share ids, lanes and numbers. Recordings come in the order of their first
 * part.
 *
 * @throws GardenhoseError `invalid-option` when the same part is there twice: all of it would be
 */
export function recordingsOf(captures: readonly NamedCapture[]): Recording[] {
  const byId = new Map<string, NamedCapture[]>();
  for (const named of captures) {
    const { id, part } = named.capture.header;
    const parts = byId.get(id) ?? [];
    const same = parts.find(({ capture }) => capture.header.part === part);
    if (same !== undefined) {
      throw invalidOption(
        'captures',
        `hold the same recording twice: ${same.name} and ${named.name} are both part ${part} of the capture with the id ${id}`,
      );
    }
    byId.set(id, [...parts, named]);
  }
  return Array.from(byId.values(), (parts) => {
    const sorted = parts.toSorted((a, b) => a.capture.header.part - b.capture.header.part);
    return { parts: sorted, headers: sorted.map(({ capture }) => capture.header) };
  }).flatMap(({ parts, headers: [header] }) => (header === undefined ? [] : [{ header, parts }]));
}

/**
 * The events of all parts. What a part repeats for those who read it alone is left out, and a part that is missing is declared by
 * a gap.
 */
export async function* recordingRuns({
  parts,
}: Recording): AsyncGenerator<Iterable<CaptureEvent>, void, undefined> {
  let before: number | undefined;
  let last: CaptureEvent | undefined;
  for (const { capture } of parts) {
    const { part } = capture.header;
    const repeats = before !== undefined && part === before + 1;
    let missing = before !== undefined && !repeats;
    function* wanted(events: Iterable<CaptureEvent>): Generator<CaptureEvent, void, undefined> {
      for (const event of events) {
        if (repeats && event.type === 'resume') continue;
        if (missing && last !== undefined) yield missingPart(last, event);
        missing = false;
        last = event;
        yield event;
      }
    }
    for await (const events of capture.runs()) yield wanted(events);
    before = part;
  }
}

/** Between the last event of one part and the first of another that does not follow it. */
function missingPart(last: CaptureEvent, next: CaptureEvent): GapEvent {
  // What a part begins with repeats the number of the event before it.
  const firstSeq = next.seq + (next.type === 'resume' ? 1 : 0);
  const fromSeq = last.seq + 1;
  return {
    type: 'gap',
    reason: 'damage',
    seq: last.seq,
    at: next.at,
    fromAt: last.at,
    toAt: next.at,
    exchanges: 0,
    events: Math.max(0, firstSeq - fromSeq),
    fromSeq,
  };
}

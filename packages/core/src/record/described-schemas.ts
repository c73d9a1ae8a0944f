import { SchemaSet, schemaLimits } from '../model/schema-set.ts';
import { outlineSchema } from '../protobuf/schema-outline.ts';
import type { RequestPath } from './request-path.ts';

/** What a recording was told of the messages of its exchanges: each schema once, before what needs it. */
export class DescribedSchemas {
  readonly #path: RequestPath;
  readonly #failed: (why: string) => void;
  readonly #known = new SchemaSet();
  /** Those that found no room. */
  readonly #owed: Uint8Array[] = [];

  constructor(path: RequestPath, failed: (why: string) => void) {
    this.#path = path;
    this.#failed = failed;
  }

  add(schema: Uint8Array): void {
    const verdict = this.#known.add(schema);
    if (verdict === 'known') return;
    if (verdict === 'new') {
      // Recorded all the same: what can be read of it counts.
      this.#describe(schema);
      if (schema.length > 0 && outlineSchema(schema) !== undefined) return;
      this.#failed(
        `a schema of ${schema.length} bytes is no FileDescriptorSet, so messages that need it are dropped`,
      );
      return;
    }
    this.#failed(
      `a schema of ${schema.length} bytes is ${verdict === 'too-large' ? 'too large' : 'one too many'}: at most ${schemaLimits.bytes} bytes each, ${schemaLimits.totalBytes} together and ${schemaLimits.count} schemas are recorded`,
    );
  }

  /** Messages are not recorded without their schema, so one that found no room comes as soon as there is some. */
  describeOwed(): void {
    while (this.#owed.length > 0 && this.#path.flowing) {
      const schema = this.#owed.shift();
      if (schema !== undefined) this.#describe(schema);
    }
  }

  #describe(schema: Uint8Array): void {
    if (!this.#path.note((writer, at) => writer.schema(at, schema))) this.#owed.push(Uint8Array.from(schema));
  }
}

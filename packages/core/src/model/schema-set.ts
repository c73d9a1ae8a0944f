import { createHash } from 'node:crypto';

/** What a recording takes of schemas. A record of the capture format has to hold one, and each rotated file all of them. */
export const schemaLimits = {
  /** One schema, bytes. */
  bytes: 16_000_000,
  /** All distinct schemas together, bytes. */
  totalBytes: 32_000_000,
  /** Distinct schemas. */
  count: 256,
  /** What all of them declare together: messages, enums, extensions and methods. */
  declarations: 200_000,
} as const;

/** What became of a schema: the last two are over a limit. */
export type SchemaVerdict = 'new' | 'known' | 'too-large' | 'too-many';

/** Schemas told apart by their SHA-256, within {@link schemaLimits}. */
export class SchemaSet {
  readonly #hashes = new Set<string>();
  #bytes = 0;

  get size(): number {
    return this.#hashes.size;
  }

  add(schema: Uint8Array): SchemaVerdict {
    if (schema.length > schemaLimits.bytes) return 'too-large';
    const hash = createHash('sha256').update(schema).digest('base64');
    if (this.#hashes.has(hash)) return 'known';
    if (this.#hashes.size >= schemaLimits.count || this.#bytes + schema.length > schemaLimits.totalBytes) {
      return 'too-many';
    }
    this.#hashes.add(hash);
    this.#bytes += schema.length;
    return 'new';
  }
}

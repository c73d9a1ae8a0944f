import { createHash } from 'node:crypto';
import { outlineSchema, type SchemaEvent, SchemaRegistry } from '@gardenhose/core';
import { showCount } from './output.ts';
import { printable } from './printable.ts';

/** A schema of a capture. */
interface ListedSchema {
  /** SHA-256 of its bytes, as hex. */
  readonly digest: string;
  readonly bytes: number;
  readonly files: number;
  readonly services: readonly string[];
}

const maxNames = 500;
const shownServices = 5;
const shownSchemas = 20;

/** The schemas that a capture carries, each once. */
export class SchemaList {
  readonly registry: SchemaRegistry = new SchemaRegistry();
  readonly #schemas: ListedSchema[] = [];

  add({ data }: SchemaEvent): void {
    const before = this.registry.schemaCount;
    const whole = this.registry.add(data);
    // Rotated files repeat them, and what is over the limits counts for nothing.
    if (this.registry.schemaCount === before) return;
    const files = whole ? (outlineSchema(data) ?? []) : [];
    this.#schemas.push({
      digest: createHash('sha256').update(data).digest('hex'),
      bytes: data.length,
      files: files.length,
      services: files.flatMap(({ services }) => services).slice(0, maxNames),
    });
  }

  toJson(): Record<string, unknown> {
    const { schemaCount, messageCount, methodCount } = this.registry;
    return { count: schemaCount, messages: messageCount, methods: methodCount, sets: this.#schemas };
  }

  toLines(): string[] {
    const { schemaCount, messageCount, methodCount } = this.registry;
    if (schemaCount === 0) return [];
    const more = schemaCount > shownSchemas ? [`  and ${schemaCount - shownSchemas} more`] : [];
    return [
      `${showCount(schemaCount, 'schema')} of ${showCount(messageCount, 'message')} and ${showCount(methodCount, 'method')}`,
      ...this.#schemas.slice(0, shownSchemas).map(lineOf),
      ...more,
    ];
  }
}

function lineOf({ digest, files, services }: ListedSchema): string {
  const shown = services.slice(0, shownServices).map((name) => printable(name, 100));
  const more = services.length > shownServices ? ` and ${services.length - shownServices} more` : '';
  const names = shown.length === 0 ? '' : `: ${shown.join(', ')}${more}`;
  return `  ${digest.slice(0, 12)}  ${showCount(files, 'file')}, ${showCount(services.length, 'service')}${names}`;
}

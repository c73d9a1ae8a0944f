import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Io } from './io.ts';
import { printableJson, printableLines } from './printable.ts';

export interface OutputOptions {
  /** One JSON document on standard output instead of text. */
  readonly json: boolean;
  /** No notes and no progress. */
  readonly quiet: boolean;
}

/**
 * Where a command's words go: its result to standard output, as text or as one JSON document, and its notes to standard
 * error. All text is made safe for a terminal here, whatever it was made of.
 */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #io: Io;

  constructor(io: Io, options: OutputOptions) {
    this.#io = io;
    this.json = options.json;
    this.quiet = options.quiet;
  }

  /** Lines of the result; nothing with `--json`. Waits while the reader is slow. */
  async text(lines: string): Promise<void> {
    if (!this.json) await write(this.#io.stdout, `${printableLines(lines)}\n`);
  }

  /** The result as a JSON document; nothing without `--json`. To be called once. */
  async document(value: unknown): Promise<void> {
    if (this.json) await write(this.#io.stdout, `${printableJson(JSON.stringify(value, undefined, 2))}\n`);
  }

  /** A piece of the JSON document, for results too long to be held; nothing without `--json`. */
  async documentPart(json: string): Promise<void> {
    if (this.json) await write(this.#io.stdout, printableJson(json));
  }

  /** Something worth knowing that is not the result. */
  note(line: string): void {
    if (!this.quiet) this.#io.stderr.write(`${printableLines(line)}\n`);
  }

  /** What went wrong: said in any case. */
  error(line: string): void {
    this.#io.stderr.write(`gardenhose: ${printableLines(line)}\n`);
  }
}

/** Writes and, when the stream asks for it, waits. A reader that went away (`| head`) is no error: the rest is dropped. */
async function write(stream: Writable, text: string): Promise<void> {
  if (stream.destroyed || stream.errored) return;
  if (stream.write(text)) return;
  await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => undefined);
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A number of bytes for people: `1.5 MiB`. */
export function showBytes(bytes: number): string {
  const step = Math.min(byteUnits.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** step;
  return `${step === 0 ? value : value.toFixed(1)} ${byteUnits[step]}`;
}

/** Nanoseconds for people: `18.2 ms`, `1 min 03 s`. */
export function showDuration(ns: number): string {
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} us`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(1)} ms`;
  if (ns < 60e9) return `${(ns / 1e9).toFixed(2)} s`;
  const seconds = Math.round(ns / 1e9);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** `1 exchange`, `2 exchanges`. */
export function showCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

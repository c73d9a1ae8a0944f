import type { Clock } from '@gardenhose/core';
import type { Io } from './io.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';

const redrawNs = 100e6;
const plainNs = 10e9;

export interface ProgressOptions {
  /** Where there is no terminal, say a plain line every ten seconds. Default false: say nothing. */
  readonly plain?: boolean;
}

/**
 * One line on standard error that tells how far a command has come, drawn again and again. Only on a terminal; not with
 * `--quiet`.
 */
export class Progress {
  readonly #io: Io;
  readonly #clock: Clock;
  readonly #terminal: boolean;
  readonly #shown: boolean;
  readonly #everyNs: number;
  #drawnAt: number;
  #drawn = false;

  constructor(io: Io, output: Output, clock: Clock, { plain = false }: ProgressOptions = {}) {
    this.#io = io;
    this.#clock = clock;
    this.#terminal = io.stderr.isTTY === true;
    this.#shown = !output.quiet && (this.#terminal || plain);
    this.#everyNs = this.#terminal ? redrawNs : plainNs;
    this.#drawnAt = this.#terminal ? Number.NEGATIVE_INFINITY : clock.nowNs();
  }

  /**
   * Shows this text in place of the last, at most ten times a second. `line` is only called when it is shown, with the
   * columns that it has, or undefined where it is a plain line.
   */
  update(line: (columns: number | undefined) => string): void {
    const now = this.#clock.nowNs();
    if (!this.#shown || now - this.#drawnAt < this.#everyNs) return;
    this.#drawnAt = now;
    if (!this.#terminal) {
      this.#io.stderr.write(`${printable(line(undefined))}\n`);
      return;
    }
    this.#drawn = true;
    const columns = (this.#io.stderr.columns || 80) - 1;
    this.#io.stderr.write(`\r\x1b[2K${printable(line(columns)).slice(0, columns)}`);
  }

  /** Takes the line away. To be called before anything else is written. */
  clear(): void {
    if (this.#drawn) this.#io.stderr.write('\r\x1b[2K');
    this.#drawn = false;
  }
}

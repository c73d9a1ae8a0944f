import type { Clock } from '@gardenhose/core';
import type { Io } from './io.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';

const redrawNs = 100e6;

/** One line on standard error that tells how far a command has come. Only on a terminal, and not with `--quiet`. */
export class Progress {
  readonly #io: Io;
  readonly #clock: Clock;
  readonly #shown: boolean;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #drawn = false;

  constructor(io: Io, output: Output, clock: Clock) {
    this.#io = io;
    this.#clock = clock;
    this.#shown = io.stderr.isTTY === true && !output.quiet;
  }

  /** Shows this text in place of the last, at most ten times a second. `line` is only called when it is shown. */
  update(line: () => string): void {
    const now = this.#clock.nowNs();
    if (!this.#shown || now - this.#drawnAt < redrawNs) return;
    this.#drawnAt = now;
    this.#drawn = true;
    this.#io.stderr.write(`\r\x1b[2K${printable(line()).slice(0, (this.#io.stderr.columns || 80) - 1)}`);
  }

  /** Takes the line away. To be called before anything else is written. */
  clear(): void {
    if (this.#drawn) this.#io.stderr.write('\r\x1b[2K');
    this.#drawn = false;
  }
}

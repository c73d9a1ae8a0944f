import { Worker } from 'node:worker_threads';
import { createMirror, GardenhoseError, type Mirror, type MirrorStats, type Report } from '@gardenhose/core';
import type { Command } from 'commander';
import { type Address, collect, parseOrigin } from './flags.ts';
import { type GuardFlags, guardOf } from './guard-flags.ts';
import { mirrorText } from './mirror-flags.ts';
import type { FromMirrorThread, MirrorThreadStart } from './mirror-messages.ts';
import { parseTime } from './pace-flags.ts';
import { isSamePlace, placeOf } from './same-place.ts';

/** Whether a recording is mirrored, and what may be sent where. */
export interface RecordMirrorFlags extends Pick<GuardFlags, 'allow' | 'allowMutations'> {
  /** An origin. */
  readonly mirror?: string;
  /** In milliseconds. */
  readonly delay?: number;
}

export const recordMirrorHelp = `
Mirroring: with --mirror, what is recorded is replayed to a second build as well, --delay (default 2s) after it was recorded: masked, marked as
shadow traffic, without recorded credentials, at its distances and in its order. Exchanges that take longer than the delay are not
mirrored. A mirror that cannot keep up drops whole exchanges, counted; the service never waits for it. Targets that are not loopback
need --allow, and --allow-mutations for requests that may change state.`;

/** Adds the flags. */
export function withRecordMirrorFlags(command: Command): Command {
  return command
    .option('--mirror <origin>', 'replay what is recorded to this origin too, a moment later', parseOrigin)
    .option('--delay <time>', 'with --mirror: how long after it was recorded (default: 2s)', parseTime)
    .option('--allow <origin>', 'with --mirror: let this origin be sent to', collect(parseOrigin))
    .option(
      '--allow-mutations',
      'with --mirror: send requests that may change state to an origin that is not loopback',
    );
}

/** How a mirror ended. */
export type MirrorEnd =
  | { readonly report: Report; readonly stats: MirrorStats }
  | { readonly failed: GardenhoseError };

/** The mirror of a recording, in a thread of its own. */
export class RecordMirror implements AsyncDisposable {
  readonly to: string;
  readonly mirror: Mirror;
  /** How it ended; it may before the recording does. */
  readonly ended: Promise<MirrorEnd>;
  readonly #worker: Worker;

  private constructor(to: string, mirror: Mirror, worker: Worker, ended: Promise<MirrorEnd>) {
    this.to = to;
    this.mirror = mirror;
    this.ended = ended;
    this.#worker = worker;
  }

  /**
   * Starts the thread, which asks the guard before anything is listened to; undefined where no mirror was asked for.
   *
   * @throws GardenhoseError `invalid-option` for a flag without effect; `target-refused`, also for the recorded service itself
   */
  static async start(
    flags: RecordMirrorFlags & { readonly to: string; readonly listen: Address },
  ): Promise<RecordMirror | undefined> {
    const { mirror: to, delay, allow, allowMutations } = flags;
    if (to === undefined) {
      const flag = delay !== undefined ? '--delay' : allow !== undefined ? '--allow' : undefined;
      const idle = flag ?? (allowMutations === undefined ? undefined : '--allow-mutations');
      if (idle !== undefined) throw wrong('invalid-option', idle, 'has an effect only with --mirror; add it');
      return undefined;
    }
    const { host, port } = flags.listen;
    const place = placeOf(to);
    if (isSamePlace(place, placeOf(flags.to))) {
      throw wrong('target-refused', '--mirror', `is ${to}, the recorded service itself; name another build`);
    }
    if (isSamePlace(place, { host, port })) {
      throw wrong(
        'target-refused',
        '--mirror',
        `is ${to}, where is listened: it would mirror what it mirrors`,
      );
    }
    const mirror = createMirror();
    const delayMs = delay === undefined ? undefined : Math.max(1, Math.round(delay));
    const start: MirrorThreadStart = {
      source: mirror.source,
      to,
      guard: guardOf({ allow, allowMutations }),
      delayMs,
    };
    const worker = new Worker(new URL('./mirror-thread.js', import.meta.url), {
      workerData: start,
      name: 'gardenhose-mirror',
    });
    let tellReady = (): void => {};
    const ready = new Promise<undefined>((resolve) => {
      tellReady = () => resolve(undefined);
    });
    const ended = endOf(worker, () => tellReady());
    const first = await Promise.race([ready, ended]);
    if (first !== undefined && 'failed' in first) throw first.failed;
    return new RecordMirror(to, mirror, worker, ended);
  }

  /** How it ended, once the recorder is closed: it has the delay still to go, but does not wait for what a failed recorder no longer says. */
  async finish(): Promise<MirrorEnd> {
    if (!this.mirror.closed) await this.#worker.terminate();
    return this.ended;
  }

  /** Nothing more is sent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  /** Tells of an end that nobody expects yet. */
  whenFailed(tell: (line: string) => void): void {
    void this.ended.then((end) => {
      if ('failed' in end) tell(`${this.text(end).join('; ')}; the recording goes on`);
    });
  }

  /** What came of it, for the JSON document. */
  json(end: MirrorEnd): object {
    const { to } = this;
    const { dropped } = this.mirror;
    if ('failed' in end)
      return { to, dropped, error: { code: end.failed.code, message: end.failed.message } };
    const { report, stats } = end;
    const { unfinished, late, overflowed } = stats;
    const { verdict, exchanges, reasons } = report;
    return { to, dropped, verdict, exchanges, unfinished, late, overflowed, reasons };
  }

  /** What came of it, as lines. */
  text(end: MirrorEnd): string[] {
    if ('failed' in end) return [`the mirror to ${this.to} ended early: ${end.failed.message}`];
    const { exchanges, reasons } = end.report;
    const { total, sent, answered, failed, skipped } = exchanges;
    const dropped =
      this.mirror.dropped > 0
        ? [`mirror: ${this.mirror.dropped} exchanges dropped before it, since it read too slowly`]
        : [];
    const note = mirrorText(end.stats);
    return [
      `mirrored to ${this.to}: ${sent} of ${total} sent, ${answered} answered, ${failed} failed, ${skipped} skipped${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`,
      ...(note === undefined ? [] : [note]),
      ...dropped,
    ];
  }
}

function endOf(worker: Worker, ready: () => void): Promise<MirrorEnd> {
  return new Promise((resolve) => {
    const fail = (message: string, code: GardenhoseError['code'] = 'worker-failed') =>
      resolve({ failed: new GardenhoseError(code, message) });
    worker.on('message', (message: FromMirrorThread) => {
      if (message.type === 'ready') ready();
      else if (message.type === 'report') resolve({ report: message.report, stats: message.stats });
      else fail(message.message, message.code);
    });
    worker.on('error', (error) => fail(`the thread of the mirror failed: ${error.message}`));
    worker.on('exit', (code) => fail(`the thread of the mirror ended with code ${code}`));
  });
}

function wrong(code: 'invalid-option' | 'target-refused', flag: string, why: string): GardenhoseError {
  return new GardenhoseError(code, `${flag} ${why}`, { subject: flag });
}

import { invalidOption } from '../model/option-values.ts';
import type { Extent, PaceOptions, ReplayWindow, Schedule } from './schedule.ts';

/** What else than its pace makes a run's plan other than the recording. What is not asked for is absent. */
export interface Pacing {
  /** The part of the capture that is replayed. */
  readonly window?: ReplayWindow | undefined;
  /** How many times it is replayed. */
  readonly loop?: number | undefined;
  /** Which of these times was read last. */
  readonly iteration?: number | undefined;
  /** What idle times were cut to. */
  readonly maxIdleMs?: number | undefined;
  /** How much of the plan's time was cut out, as far as it was read. */
  readonly idleCutMs?: number | undefined;
  /** How long the run takes to come to its full rate. */
  readonly rampUpMs?: number | undefined;
  /** When time zero was to be: ISO 8601, in UTC. */
  readonly startAt?: string | undefined;
}

/** What a run says of its pacing; undefined when it is nothing but its pace. */
export function pacingOf(
  options: PaceOptions,
  { loop }: Extent,
  startAtMs: number | undefined,
  rampUpMs: number,
  schedule: Schedule,
  iteration?: number,
): Pacing | undefined {
  const { window, maxIdleMs } = options;
  const pacing: Pacing = {
    ...(window === undefined ? {} : { window }),
    ...(loop === 1 ? {} : { loop, ...(iteration === undefined ? {} : { iteration }) }),
    ...(maxIdleMs === undefined ? {} : { maxIdleMs, idleCutMs: schedule.idleCutNs / 1e6 }),
    ...(rampUpMs === 0 ? {} : { rampUpMs }),
    ...(startAtMs === undefined ? {} : { startAt: new Date(startAtMs).toISOString() }),
  };
  return Object.keys(pacing).length === 0 ? undefined : pacing;
}

/** Pacing in words, each with a comma before it: `, the part from 5 s to 10 s, 3 times`. */
export function describePacing(pacing: Pacing | undefined): string {
  if (pacing === undefined) return '';
  const { window, loop, maxIdleMs, idleCutMs = 0, rampUpMs, startAt } = pacing;
  const parts: string[] = [];
  if (window !== undefined) {
    const { fromMs = 0, toMs } = window;
    parts.push(`the part from ${fromMs / 1e3} s${toMs === undefined ? '' : ` to ${toMs / 1e3} s`}`);
  }
  if (loop !== undefined) parts.push(`${loop} times`);
  if (maxIdleMs !== undefined) {
    parts.push(`idle at most ${maxIdleMs} ms (${(idleCutMs / 1e3).toFixed(1)} s cut out)`);
  }
  if (rampUpMs !== undefined) parts.push(`rising to full rate over ${rampUpMs / 1e3} s`);
  if (startAt !== undefined) parts.push(`starting at ${startAt}`);
  return parts.map((part) => `, ${part}`).join('');
}

/** Further ahead is a mistake, such as a wrong unit. */
const maxAheadMs = 7 * 24 * 3_600_000;

/**
 * When time zero is to be, in milliseconds since 1970.
 *
 * @throws {@link GardenhoseError} `invalid-option` when it is no time, is over, or further ahead than a week
 */
export function checkStartAt(startAt: Date | number | undefined, wallMs: number): number | undefined {
  if (startAt === undefined) return undefined;
  const ms = startAt instanceof Date ? startAt.getTime() : startAt;
  if (!(typeof ms === 'number' && Number.isFinite(ms) && Math.abs(ms) <= 8.64e15)) {
    throw invalidOption('startAt', `must be a Date, or milliseconds since 1970, got ${String(startAt)}`);
  }
  const aheadMs = ms - wallMs;
  const when = new Date(ms).toISOString();
  if (aheadMs < 0) {
    throw invalidOption(
      'startAt',
      `must lie ahead, got ${when}, which was ${Math.ceil(-aheadMs / 1e3)} s ago`,
    );
  }
  if (aheadMs > maxAheadMs) throw invalidOption('startAt', `must be within a week from now, got ${when}`);
  return ms;
}

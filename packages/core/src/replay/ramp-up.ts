import { invalidOption } from '../model/option-values.ts';
import type { Guard } from './guard.ts';
import type { PaceOptions, Schedule } from './schedule.ts';

const usualMs = 5_000;

/**
 * How long a run takes to come to its full rate; 0 when it begins with it.
 *
 * @throws {@link GardenhoseError} `invalid-option` where the pace is a ramp of its own
 */
export function rampUpOf(
  { rampUpMs, loopback }: Guard,
  { pace = 'recorded', speed = 1 }: PaceOptions,
): number {
  const ownRamp = typeof pace === 'object' && pace !== null && 'ramp' in pace;
  if (ownRamp && rampUpMs !== undefined && rampUpMs > 0) {
    throw invalidOption(
      'guard.rampUpMs',
      'has no meaning with a ramp, which is a pace of its own; leave it out',
    );
  }
  if (rampUpMs !== undefined) return rampUpMs;
  const asRecorded = pace === 'recorded' && speed <= 1;
  return loopback || ownRamp || asRecorded ? 0 : usualMs;
}

/**
 * A schedule that comes to its full rate evenly, from none at time zero: what would be due within half of that time is due within
 * all of it, and everything else half of it later. Distances within exchanges stay.
 */
export function rampedUp(schedule: Schedule, rampUpMs: number): Schedule {
  if (rampUpMs === 0) return schedule;
  const halfNs = (rampUpMs * 1e6) / 2;
  // Its clock runs at t/T of the run's: it shows t²/2T, so what is due at u is due at sqrt(2Tu).
  const later = (at: number): number => (at < halfNs ? 2 * Math.sqrt(halfNs * at) : at + halfNs);
  return {
    description: schedule.description,
    maxRate: schedule.maxRate,
    get idleCutNs() {
      return schedule.idleCutNs;
    },
    plan: (startAt, finishedAt) => later(schedule.plan(startAt, finishedAt)),
    again: () => schedule.again(),
    forecast(times) {
      const { lastNs, peakPerSecond } = schedule.forecast(times);
      return { lastNs: later(lastNs), peakPerSecond };
    },
    offset: (recordedOffsetNs) => schedule.offset(recordedOffsetNs),
    abandonAfter: (recordedOffsetNs) => schedule.abandonAfter(recordedOffsetNs),
    deadlineAfter: (recordedNs, passed) => schedule.deadlineAfter(recordedNs, passed),
  };
}

/** Exchanges under way at once, at the beginning. */
const leastInFlight = 4;

/** How many exchanges may be under way so long after time zero: what bursts at the beginning is held back too. */
export function inFlightAt(elapsedMs: number, rampUpMs: number, maxInFlight: number): number {
  const share = Math.max(0, elapsedMs / rampUpMs);
  return Math.min(maxInFlight, Math.max(leastInFlight, Math.floor(maxInFlight * share)));
}

import { GardenhoseError, type MirrorOptions, type MirrorStats } from '@gardenhose/core';
import type { Command } from 'commander';
import { showCount } from './output.ts';
import { type PaceFlags, parseTime } from './pace-flags.ts';

/** Whether standard input is a recording that goes on, and how far behind it a replay keeps. */
export interface MirrorFlags extends PaceFlags {
  readonly mirror?: boolean;
  /** In milliseconds. */
  readonly delay?: number;
  readonly dryRun?: boolean;
}

export const mirrorHelp = `
Mirroring: with --mirror, standard input is a recording that goes on, and each exchange is sent a constant time after it was recorded: --delay
(default 2s), and what the start took. What is not over by then is skipped as partial, so --delay is also the longest exchange
that is mirrored; a replay that lags 5 s more drops whole exchanges, which count as gaps. The recorder is never held up: where its
pipe is full, it drops and counts too.`;

/** Adds the flags. */
export function withMirrorFlags(command: Command): Command {
  return command
    .option('--mirror', 'FILE is "-", a recording that goes on: send what it records a moment later')
    .option('--delay <time>', 'with --mirror: how long after it was recorded (default: 2s)', parseTime);
}

/**
 * How to mirror; undefined where it was not asked for.
 *
 * @throws GardenhoseError `invalid-option` for a flag without effect
 */
export function mirrorOf(
  flags: MirrorFlags,
  files: readonly string[],
): Pick<MirrorOptions, 'delayMs'> | undefined {
  const wrong = (flag: string, why: string) =>
    new GardenhoseError('invalid-option', `${flag} ${why}`, { subject: flag });
  const { mirror = false, delay } = flags;
  if (!mirror) {
    if (delay !== undefined) throw wrong('--delay', 'has an effect only with --mirror; add it');
    return undefined;
  }
  if (files.length !== 1 || files[0] !== '-') {
    throw wrong('--mirror', 'takes a recording that goes on from standard input; give "-" as FILE');
  }
  const { pace, ramp, speed, maxIdle, window, loop, startAt, dryRun } = flags;
  const others = { '--pace': pace, '--ramp': ramp, '--speed': speed, '--max-idle': maxIdle };
  for (const [flag, value] of Object.entries({ ...others, '--window': window, '--loop': loop })) {
    if (value !== undefined) throw wrong(flag, 'does not go with --mirror, which keeps the recorded pace');
  }
  if (startAt !== undefined)
    throw wrong('--start-at', 'does not go with --mirror, which starts by the recording');
  if (dryRun === true)
    throw wrong('--dry-run', 'does not go with --mirror: what will be recorded is not known');
  return { delayMs: delay === undefined ? undefined : Math.max(1, Math.round(delay)) };
}

/** What a mirror could not do, in a sentence; undefined where there is nothing to say. */
export function mirrorText({ unfinished, late, overflowed }: MirrorStats): string | undefined {
  const parts = [
    ...(unfinished > 0
      ? [
          `${showCount(unfinished, 'exchange')} not over within the delay and skipped as partial (see --delay)`,
        ]
      : []),
    ...(late > 0 ? [`${showCount(late, 'exchange')} dropped since the replay lagged`] : []),
    ...(overflowed > 0 ? [`${showCount(overflowed, 'exchange')} dropped since too much waited`] : []),
  ];
  return parts.length === 0 ? undefined : `mirror: ${parts.join('; ')}`;
}

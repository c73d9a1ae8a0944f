import { GardenhoseError, type PaceOptions, type Ramp, type ReplayWindow } from '@gardenhose/core';
import { type Command, InvalidArgumentError } from 'commander';
import { parseCount, parsePace, parsePositive } from './flags.ts';

/** When a replay sends, and what part of a capture. */
export interface PaceFlags extends Pick<PaceOptions, 'pace' | 'speed' | 'loop' | 'window'> {
  readonly ramp?: Ramp;
  readonly maxIdle?: number;
  readonly startAt?: Date;
}

/** The command with the flags of when to send. */
export function withPaceFlags(command: Command): Command {
  return command
    .option('--pace <pace>', 'recorded (default), asap, or requests per second', parsePace)
    .option('--speed <factor>', 'with the recorded pace: how many times faster (default: 1)', parsePositive)
    .option(
      '--ramp <from:to:time>',
      'requests per second, from the first to the second within the time',
      parseRamp,
    )
    .option(
      '--max-idle <time>',
      'with the recorded pace: cut longer times in which nothing happens',
      parseTime,
    )
    .option(
      '--window <from:to>',
      'replay what began in this part of the capture; either may be left out',
      parseWindow,
    )
    .option('--loop <n>', 'replay it so many times, each with connections of its own', parseCount)
    .option('--start-at <when>', 'begin at this time, such as 2030-01-31T09:30:00Z', parseMoment);
}

/** @throws {@link GardenhoseError} `invalid-option` */
export function paceOptions(flags: PaceFlags): PaceOptions & { readonly startAt?: Date | undefined } {
  const { pace, ramp, speed, maxIdle, window, loop, startAt } = flags;
  if (pace !== undefined && ramp !== undefined) {
    throw new GardenhoseError('invalid-option', '--ramp is a pace of its own, as --pace is; leave one out', {
      subject: '--ramp',
    });
  }
  return { pace: ramp === undefined ? pace : { ramp }, speed, maxIdleMs: maxIdle, window, loop, startAt };
}

const unitsMs: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** `500ms`, `2.5s`, `10m` or `1h`, in milliseconds. */
export function parseTime(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const value = Number(match?.[1]) * (unitsMs.get(match?.[2] ?? '') ?? Number.NaN);
  if (!Number.isFinite(value))
    throw new InvalidArgumentError('Expected a time such as 500ms, 2s, 10m or 1h.');
  return value;
}

/** `10:500:60s`. */
export function parseRamp(text: string): Ramp {
  const [from = '', to = '', time = '', ...rest] = text.split(':');
  if (rest.length > 0 || !/^\d+(\.\d+)?$/.test(from) || !/^\d+(\.\d+)?$/.test(to)) {
    throw new InvalidArgumentError(
      'Expected two numbers of requests per second and a time, such as 10:500:60s.',
    );
  }
  return { from: Number(from), to: Number(to), overMs: parseTime(time) };
}

/** `10s:20s`, `10s:` or `:20s`. */
export function parseWindow(text: string): ReplayWindow {
  const [from = '', to = '', ...rest] = text.split(':');
  if (rest.length > 0 || !text.includes(':') || text === ':') {
    throw new InvalidArgumentError('Expected two times with a colon between, such as 10s:20s, 10s: or :20s.');
  }
  return {
    ...(from === '' ? {} : { fromMs: parseTime(from) }),
    ...(to === '' ? {} : { toMs: parseTime(to) }),
  };
}

/** A date and time of ISO 8601 with its zone: without one, it would be another moment on another machine. */
export function parseMoment(text: string): Date {
  const date = new Date(text);
  if (
    !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) ||
    Number.isNaN(date.getTime())
  ) {
    throw new InvalidArgumentError('Expected a time with its zone, such as 2030-01-31T09:30:00Z.');
  }
  return date;
}

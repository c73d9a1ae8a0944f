import { createInterface } from 'node:readline/promises';
import { type BreakerOptions, GardenhoseError, type GuardOptions } from '@gardenhose/core';
import { type Command, InvalidArgumentError } from 'commander';
import { collect, parseCount, parseOrigin, parsePositive } from './flags.ts';
import type { Io } from './io.ts';
import { parseTime } from './pace-flags.ts';

/** What may be sent, where to and how much. */
export interface GuardFlags {
  readonly allow?: readonly string[];
  readonly allowMutations?: boolean;
  readonly allowRecordedOrigin?: boolean;
  readonly maxRequests?: number;
  readonly maxRps?: number;
  /** In seconds. */
  readonly maxDuration?: number;
  readonly breaker?: boolean;
  readonly breakerLimits?: BreakerOptions;
  /** In milliseconds. */
  readonly maxLag?: number;
  /** In milliseconds. */
  readonly rampUp?: number;
  readonly stopFile?: string;
  readonly yes?: boolean;
}

/** Adds the flags of a guard. */
export function withGuardFlags(command: Command): Command {
  return command
    .option('--allow <origin>', 'let this target be sent to; may be repeated', collect(parseOrigin))
    .option('--allow-mutations', 'send requests that may change state to a target that is not loopback')
    .option('--allow-recorded-origin', 'let a target be sent to that the capture was recorded from')
    .option('--max-requests <count>', 'end the run when so many were sent', parseCount)
    .option('--max-rps <count>', 'begin no more than so many sends in a second', parsePositive)
    .option('--max-duration <seconds>', 'end the run after so long', parsePositive)
    .option('--breaker', 'pause when half of the answers are errors, also where the target is loopback')
    .option('--no-breaker', 'do not pause when half of the answers are errors')
    .option(
      '--breaker-limits <errors:of:pause:pauses>',
      'other numbers for --breaker, which this turns on (default: 0.5:20:5s:3)',
      parseBreaker,
    )
    .option('--max-lag <time>', 'end the run when it is so far behind its plan, such as 200ms', parseTime)
    .option('--ramp-up <time>', 'rise to the full rate within this time; 0s begins with it', parseTime)
    .option('--stop-file <file>', 'end the run as soon as this file is there')
    .option('--yes', 'send to a target whose name looks like production without being asked');
}

/** The guard that flags ask for. */
export function guardOf(flags: GuardFlags): GuardOptions {
  const { allow, allowMutations, allowRecordedOrigin, maxRequests, maxRps, maxDuration, stopFile } = flags;
  const { breaker, breakerLimits, maxLag, rampUp } = flags;
  if (breaker === false && breakerLimits !== undefined) {
    throw new GardenhoseError(
      'invalid-option',
      '--breaker-limits has no effect with --no-breaker; leave one out',
      {
        subject: '--breaker-limits',
      },
    );
  }
  return {
    ...{ allow, allowMutations, allowRecordedOrigin, maxRequests, maxRps, stopFile },
    breaker: breakerLimits ?? breaker,
    maxLagMs: maxLag,
    rampUpMs: rampUp,
    maxDurationMs: maxDuration === undefined ? undefined : maxDuration * 1_000,
  };
}

/** `0.5:20:5s:3`. Whether the numbers can be, the guard says. */
export function parseBreaker(text: string): BreakerOptions {
  const [, errors, of, pause = '', pauses] = /^(\d+(?:\.\d+)?):(\d+):(\w+(?:\.\w+)?):(\d+)$/.exec(text) ?? [];
  if (errors === undefined) {
    throw new InvalidArgumentError(
      'Expected a share of errors, of how many exchanges, a pause and how many of them, such as 0.5:20:5s:3.',
    );
  }
  return { errors: Number(errors), of: Number(of), pauseMs: parseTime(pause), maxPauses: Number(pauses) };
}

/** Words that stand in names of production. */
const production = /(?:^|[.-])(?:prod|prd|production|live)\d*(?:[.-]|$)/i;

/** The first of these targets whose name looks like production. */
export function productionTarget(targets: readonly string[]): string | undefined {
  return targets.find((target) => URL.canParse(target) && production.test(new URL(target).hostname));
}

/**
 * Asks before anything is sent to a target whose name looks like production; without a terminal nobody can be asked.
 *
 * @throws GardenhoseError `target-refused` when the answer is not yes
 */
export async function confirmTargets(targets: readonly string[], { yes }: GuardFlags, io: Io): Promise<void> {
  const target = productionTarget(targets);
  if (target === undefined || yes === true) return;
  if (io.stdinIsTerminal) {
    const asking = createInterface({ input: io.stdin, output: io.stderr });
    try {
      const answer = await asking.question(`${target} looks like production. Send to it? [y/N] `);
      if (/^y(?:es)?$/i.test(answer.trim())) return;
    } finally {
      asking.close();
    }
  }
  throw new GardenhoseError(
    'target-refused',
    `${target} looks like production; add --yes if traffic may be sent there`,
    { subject: target },
  );
}

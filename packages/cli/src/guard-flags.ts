import { createInterface } from 'node:readline/promises';
import { GardenhoseError, type GuardOptions } from '@gardenhose/core';
import type { Command } from 'commander';
import { collect, parseCount, parseOrigin, parsePositive } from './flags.ts';
import type { Io } from './io.ts';

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
    .option('--stop-file <file>', 'end the run as soon as this file is there')
    .option('--yes', 'send to a target whose name looks like production without being asked');
}

/** The guard that flags ask for. */
export function guardOf(flags: GuardFlags): GuardOptions {
  const { allow, allowMutations, allowRecordedOrigin, maxRequests, maxRps, maxDuration, breaker, stopFile } =
    flags;
  return {
    ...{ allow, allowMutations, allowRecordedOrigin, maxRequests, maxRps, breaker, stopFile },
    maxDurationMs: maxDuration === undefined ? undefined : maxDuration * 1_000,
  };
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

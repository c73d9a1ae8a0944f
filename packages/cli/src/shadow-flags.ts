import { readFileSync } from 'node:fs';
import { GardenhoseError, type MarkOptions } from '@gardenhose/core';
import type { Command } from 'commander';

/** How replayed traffic is marked. */
export interface ShadowFlags {
  /** False with `--no-mark`. */
  readonly mark: boolean;
  readonly runId?: string;
  readonly hostSuffix?: boolean | string;
  readonly tenancy?: string;
  readonly markKeyFile?: string;
}

/** Adds the flags that say how requests are marked. */
export function withShadowFlags(command: Command): Command {
  return command
    .option('--no-mark', 'do not mark requests as shadow traffic')
    .option('--run-id <id>', 'name of the run in the marks (default: random)')
    .option('--host-suffix [suffix]', 'put this behind the host in Host and :authority (-shadow if left out)')
    .option('--tenancy <name: value>', 'a header that names a tenant; {runId} in it is filled in')
    .option('--mark-key-file <file>', 'sign the marks with the key in this file (16 bytes or more)');
}

/**
 * The marks that flags ask for.
 *
 * @throws GardenhoseError `invalid-option` for a flag without effect; what reading the key throws
 */
export function marksOf(flags: ShadowFlags): boolean | MarkOptions {
  const { mark, runId, hostSuffix, tenancy, markKeyFile } = flags;
  if (!mark) {
    const given = { '--host-suffix': hostSuffix, '--tenancy': tenancy, '--mark-key-file': markKeyFile };
    for (const [flag, value] of Object.entries(given)) {
      if (value === undefined) continue;
      throw new GardenhoseError('invalid-option', `${flag} has no effect with --no-mark; leave one out`, {
        subject: flag,
      });
    }
    return false;
  }
  return {
    runId,
    hostSuffix,
    tenancy,
    signKey: markKeyFile === undefined ? undefined : keyIn(markKeyFile),
  };
}

/** Text editors end a file with a line break, which is no part of a key. */
function keyIn(path: string): Uint8Array {
  const bytes = readFileSync(path);
  const end = bytes.at(-1) === 10 ? (bytes.at(-2) === 13 ? -2 : -1) : undefined;
  return bytes.subarray(0, end);
}

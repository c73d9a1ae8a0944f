import { resolve } from 'node:path';
import { GardenhoseError, type Policy, readPolicyFile } from '@gardenhose/core';
import type { Command } from 'commander';
import type { Io } from './io.ts';

/** Flags of the commands that mask. */
export interface MaskFlags {
  readonly policy?: string;
  readonly maskKeyFile?: string;
}

export const maskHelp = `
Masking: everything is masked before it is written, by the "secure" policy or by a policy file (JSON). Equal values get
equal tokens under the same key: 32 bytes or more from --mask-key-file, or as base64 from GARDENHOSE_MASK_KEY.
Without either, a random key is used that ends with the recording.`;

/** Adds the flags of the commands that mask. */
export function withMaskFlags(command: Command): Command {
  return command
    .option('--policy <file>', 'mask by this policy (JSON) instead of the default one')
    .option('--mask-key-file <file>', 'file with the key of the mask tokens');
}

/**
 * The mask policy that flags and environment ask for. What it holds is checked where the masker is made.
 *
 * @throws GardenhoseError `mask-policy` when the policy file cannot be read; `mask-key` when two keys are given
 */
export function maskOf(flags: MaskFlags, env: Io['env']): Policy {
  const policy: Policy = flags.policy === undefined ? { version: 1 } : readPolicyFile(flags.policy);
  const fromEnv = env.GARDENHOSE_MASK_KEY !== undefined && env.GARDENHOSE_MASK_KEY !== '';
  if (flags.maskKeyFile !== undefined && fromEnv) {
    throw new GardenhoseError(
      'mask-key',
      'two mask keys are given, by --mask-key-file and by GARDENHOSE_MASK_KEY; take one away',
      { subject: '--mask-key-file' },
    );
  }
  if (flags.maskKeyFile !== undefined) return { ...policy, key: { file: resolve(flags.maskKeyFile) } };
  // Only the name is passed on: the thread that masks reads the environment itself.
  return fromEnv ? { ...policy, key: { env: 'GARDENHOSE_MASK_KEY' } } : policy;
}

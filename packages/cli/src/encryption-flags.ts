import { resolve } from 'node:path';
import { captureKeyOf, GardenhoseError, type KeySource } from '@gardenhose/core';
import type { Io } from './io.ts';

export const encryptionHelp = `
Encryption: with --encryption-key-file, or with a key in GARDENHOSE_ENCRYPTION_KEY_FILE (a file) or GARDENHOSE_ENCRYPTION_KEY
(base64), chunks are encrypted by AES-256-GCM. The key has 32 bytes or more; "openssl rand -base64 32" makes one. Every command
that reads the capture takes its key from the same variables.`;

/**
 * The key that a new capture is encrypted with, if one is given.
 *
 * @throws GardenhoseError `invalid-option` when two are given
 */
export function encryptionKeyOf(file: string | undefined, env: Io['env']): KeySource | undefined {
  const fromEnv = captureKeyOf(env);
  if (file === undefined) return fromEnv;
  if (fromEnv === undefined) return { file: resolve(file) };
  throw new GardenhoseError(
    'invalid-option',
    'two encryption keys are given, by --encryption-key-file and by the environment; take one away',
    { subject: '--encryption-key-file' },
  );
}

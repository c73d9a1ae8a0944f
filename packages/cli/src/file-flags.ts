import { resolve } from 'node:path';
import { captureKeyOf, type FileSinkOptions, GardenhoseError, type KeySource } from '@gardenhose/core';
import type { Command } from 'commander';
import { parseCount, parseTime } from './flags.ts';
import type { Io } from './io.ts';

/** Flags of the files that are written: when another is begun, which are kept, how they are encrypted. */
export interface FileFlags {
  readonly maxFileBytes?: number;
  readonly maxFileAge?: number;
  readonly retainFiles?: number;
  readonly retainBytes?: number;
  readonly retainAge?: number;
  readonly encryptionKeyFile?: string;
}

export const encryptionHelp = `
Encryption: with --encryption-key-file, or with a key in GARDENHOSE_ENCRYPTION_KEY_FILE (a file) or GARDENHOSE_ENCRYPTION_KEY
(base64), chunks are encrypted by AES-256-GCM. The key has 32 bytes or more; "openssl rand -base64 32" makes one. Every command
that reads the capture takes its key from the same variables.`;

/** Adds the flags of the files that are written. */
export function withFileFlags(command: Command): Command {
  return command
    .option('--max-file-bytes <n>', 'begin another file after this many bytes', parseCount)
    .option('--max-file-age <time>', 'and after this much time, such as 90s, 15m, 12h or 7d', parseTime)
    .option('--retain-files <n>', 'keep this many files of this name, the newest', parseCount)
    .option('--retain-bytes <n>', 'keep this many bytes in files of this name', parseCount)
    .option('--retain-age <time>', 'keep files of this name so long, such as 12h or 7d', parseTime)
    .option('--encryption-key-file <file>', 'encrypt the capture with the key in this file');
}

/** Those of the flags that need files, as they are typed: a stream has none. */
export function onlyForFiles(flags: FileFlags): string | undefined {
  const { maxFileBytes, maxFileAge, retainFiles, retainBytes, retainAge } = flags;
  const given: readonly (readonly [name: string, value: number | undefined])[] = [
    ['--max-file-bytes', maxFileBytes],
    ['--max-file-age', maxFileAge],
    ['--retain-files', retainFiles],
    ['--retain-bytes', retainBytes],
    ['--retain-age', retainAge],
  ];
  return given.find(([, value]) => value !== undefined)?.[0];
}

/**
 * What a file sink is told.
 *
 * @throws GardenhoseError `invalid-option` when two keys are given
 */
export function fileOptionsOf(flags: FileFlags, env: Io['env']): Omit<FileSinkOptions, 'path'> {
  const { maxFileBytes, maxFileAge, retainFiles, retainBytes, retainAge } = flags;
  const retains = (retainFiles ?? retainBytes ?? retainAge) !== undefined;
  return {
    maxFileBytes,
    maxFileAgeMs: maxFileAge,
    retain: retains ? { maxFiles: retainFiles, maxBytes: retainBytes, maxAgeMs: retainAge } : undefined,
    encryptionKey: encryptionKeyOf(flags, env),
  };
}

/** The same, in the variables that `register` reads. */
export function fileEnv(flags: FileFlags, env: Io['env']): Record<string, string | undefined> {
  const given = {
    GARDENHOSE_MAX_FILE_BYTES: flags.maxFileBytes,
    GARDENHOSE_MAX_FILE_AGE_MS: flags.maxFileAge,
    GARDENHOSE_RETAIN_FILES: flags.retainFiles,
    GARDENHOSE_RETAIN_BYTES: flags.retainBytes,
    GARDENHOSE_RETAIN_AGE_MS: flags.retainAge,
    GARDENHOSE_ENCRYPTION_KEY_FILE:
      flags.encryptionKeyFile === undefined ? undefined : resolve(flags.encryptionKeyFile),
  };
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, value === undefined ? env[name] : String(value)]),
  );
}

/**
 * The key that a new capture is encrypted with, if one is given.
 *
 * @throws GardenhoseError `invalid-option` when two are given
 */
export function encryptionKeyOf(
  { encryptionKeyFile: file }: FileFlags,
  env: Io['env'],
): KeySource | undefined {
  const fromEnv = captureKeyOf(env);
  if (file === undefined) return fromEnv;
  if (fromEnv === undefined) return { file: resolve(file) };
  throw new GardenhoseError(
    'invalid-option',
    'two encryption keys are given, by --encryption-key-file and by the environment; take one away',
    { subject: '--encryption-key-file' },
  );
}

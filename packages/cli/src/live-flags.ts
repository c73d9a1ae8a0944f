import { readFile } from 'node:fs/promises';
import {
  type CorrelateOptions,
  GardenhoseError,
  learnBindings,
  parseBindings,
  type TimeShiftOptions,
} from '@gardenhose/core';
import type { Command } from 'commander';
import type { CaptureContents, CaptureSource } from './capture-source.ts';
import type { Io } from './io.ts';

/** Which values are sent as they are now, and not as they were recorded. */
export interface LiveFlags {
  readonly bindings?: string;
  /** False with `--no-correlate`. */
  readonly correlate: boolean;
  readonly timeShift?: boolean;
  readonly jwtKeyFile?: string;
}

export const liveHelp = `
Live values: ids, tokens and cookies that the recorded answers told are sent as the live answers tell them, where the capture can be read
again; --bindings says which, --no-correlate turns that off. --time-shift moves dates and times in requests by as much as the replay is
later than the recording; with a key in --jwt-key-file or GARDENHOSE_JWT_KEY, web tokens get new times and are signed anew.`;

/** Adds the flags. */
export function withLiveFlags(command: Command): Command {
  return command
    .option('--bindings <file>', 'which values are sent live: a file that "gardenhose correlate" wrote')
    .option('--no-correlate', 'send all values as they were recorded')
    .option('--time-shift', 'move times in requests by as much as the replay is later')
    .option('--jwt-key-file <file>', 'with --time-shift: secret or private key that signs web tokens anew');
}

/** @throws GardenhoseError `invalid-option` for a flag without effect */
export function checkLiveFlags({ bindings, correlate, timeShift, jwtKeyFile }: LiveFlags): void {
  const wrong = (flag: string, why: string) =>
    new GardenhoseError('invalid-option', `${flag} ${why}`, { subject: flag });
  if (!correlate && bindings !== undefined) {
    throw wrong('--bindings', 'has no effect with --no-correlate; leave one out');
  }
  if (timeShift !== true && jwtKeyFile !== undefined) {
    throw wrong('--jwt-key-file', 'has an effect only with --time-shift; add it');
  }
}

/**
 * Which values are sent live: by the bindings of a file, or by those that the capture shows where it can be read again. False where
 * there are none.
 */
export async function correlationOf(
  { bindings: file, correlate, dryRun = false }: LiveFlags & { readonly dryRun?: boolean | undefined },
  source: CaptureSource,
  { schemas }: CaptureContents,
): Promise<false | CorrelateOptions> {
  if (!correlate) return false;
  if (file !== undefined) return { bindings: parseBindings(await readFile(file, 'utf8'), file) };
  if (!source.again || dryRun) return false;
  const bindings = await learnBindings(source.exchanges(), { schemas });
  return bindings.bindings.some(({ enabled }) => enabled !== false) && { bindings };
}

/** How times are moved; false where they are not. */
export async function timeShiftOf(
  { timeShift, jwtKeyFile }: LiveFlags,
  source: CaptureSource,
  { env }: Io,
): Promise<false | TimeShiftOptions> {
  if (timeShift !== true) return false;
  const recordedAt = source.header.wallMs;
  // A line break at the end is an editor's.
  if (jwtKeyFile !== undefined) {
    return { recordedAt, jwtKey: (await readFile(jwtKeyFile, 'utf8')).replace(/\r?\n$/, '') };
  }
  const fromEnv = env.GARDENHOSE_JWT_KEY;
  return { recordedAt, jwtKey: fromEnv === undefined || fromEnv === '' ? undefined : fromEnv };
}

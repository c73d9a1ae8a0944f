import { resolve } from 'node:path';
import { type FlightSinkOptions, GardenhoseError, isGardenhoseError } from '@gardenhose/core';
import { parseSaveOn } from '@gardenhose/core/adapter';
import { type Command, InvalidArgumentError } from 'commander';
import { encryptionKeyOf, type FileFlags } from './file-flags.ts';
import { parseCount, parseTime } from './flags.ts';
import type { Io } from './io.ts';

/** Flags of the flight recorder. */
export interface FlightFlags {
  readonly flight?: string;
  readonly flightWindow?: number;
  readonly flightBytes?: number;
  readonly saveOn?: string;
}

/** Adds the flags of the flight recorder. */
export function withFlightFlags(command: Command): Command {
  return command
    .option(
      '--flight <dir>',
      'keep the last minutes in memory, and save them in this directory when something happens; with -o, beside the file',
    )
    .option('--flight-window <time>', 'how far back that reaches (default: 10m)', parseTime)
    .option('--flight-bytes <n>', 'memory of it, in bytes as a file has them (default: 67108864)', parseCount)
    .option(
      '--save-on <triggers>',
      'what makes it save besides SIGTERM and an uncaught error: error, aborted, status:5xx, grpc-status:14, slow:2000, header:NAME, signal:SIGUSR2, with commas',
      checkSaveOn,
    );
}

/** The flight recorder that these flags ask for, if they do. */
export function flightOptionsOf(
  flags: FlightFlags & FileFlags,
  env: Io['env'],
): FlightSinkOptions | undefined {
  const { flight: directory, flightWindow: windowMs, flightBytes: maxBytes, saveOn } = flags;
  if (directory === undefined) {
    const given =
      windowMs !== undefined ? '--flight-window' : maxBytes !== undefined ? '--flight-bytes' : '--save-on';
    if ((windowMs ?? maxBytes ?? saveOn) !== undefined) {
      throw new GardenhoseError('invalid-option', `${given} is for --flight; give that, or leave it out`, {
        subject: given,
      });
    }
    return undefined;
  }
  const encryptionKey = encryptionKeyOf(flags, env);
  return {
    directory,
    windowMs,
    maxBytes,
    encryptionKey,
    ...(saveOn === undefined ? {} : parseSaveOn(saveOn)),
  };
}

/** The same, in the variables that `register` reads. */
export function flightEnv(flags: FlightFlags, env: Io['env']): Record<string, string | undefined> {
  const text = (value: number | undefined) => (value === undefined ? undefined : String(value));
  return {
    GARDENHOSE_FLIGHT: flags.flight === undefined ? env.GARDENHOSE_FLIGHT : resolve(flags.flight),
    GARDENHOSE_FLIGHT_WINDOW_MS: text(flags.flightWindow) ?? env.GARDENHOSE_FLIGHT_WINDOW_MS,
    GARDENHOSE_FLIGHT_BYTES: text(flags.flightBytes) ?? env.GARDENHOSE_FLIGHT_BYTES,
    GARDENHOSE_SAVE_ON: flags.saveOn ?? env.GARDENHOSE_SAVE_ON,
  };
}

/** @throws GardenhoseError `invalid-option` when nothing says where a recording goes */
export function needsOutput({ output, flight }: FlightFlags & { readonly output: string }): void {
  if (output !== '' || flight !== undefined) return;
  throw new GardenhoseError(
    'invalid-option',
    'nothing says where the recording goes; give -o FILE, --flight DIR, or both',
    { subject: '--output' },
  );
}

function checkSaveOn(text: string): string {
  try {
    parseSaveOn(text);
    return text;
  } catch (error) {
    if (!isGardenhoseError(error)) throw error;
    throw new InvalidArgumentError(`${error.message}.`);
  }
}

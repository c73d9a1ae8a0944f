import { resolve } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import {
  type FlightFlags,
  flightEnv,
  flightOptionsOf,
  needsOutput,
  withFlightFlags,
} from '../src/flight-flags.ts';

function flagsOf(...words: readonly string[]): FlightFlags {
  const command = withFlightFlags(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return command.parse(words, { from: 'user' }).opts<FlightFlags>();
}

test('flags make a flight recorder, and the variables of register', () => {
  const flags = flagsOf(
    '--flight',
    'flights',
    '--flight-window',
    '5m',
    '--flight-bytes',
    '2000000',
    '--save-on',
    'error,slow:500',
  );
  expect(flightOptionsOf(flags, {})).toEqual({
    directory: 'flights',
    windowMs: 300_000,
    maxBytes: 2_000_000,
    encryptionKey: undefined,
    on: [{ error: true }, { slowerThanMs: 500 }],
    signals: ['SIGTERM'],
  });
  expect(flightEnv(flags, { GARDENHOSE_FLIGHT: 'other' })).toEqual({
    GARDENHOSE_FLIGHT: resolve('flights'),
    GARDENHOSE_FLIGHT_WINDOW_MS: '300000',
    GARDENHOSE_FLIGHT_BYTES: '2000000',
    GARDENHOSE_SAVE_ON: 'error,slow:500',
  });
});

test('without --flight there is none, and what is for it is refused', () => {
  expect(flightOptionsOf(flagsOf(), {})).toBeUndefined();
  expect(flightEnv(flagsOf(), { GARDENHOSE_FLIGHT: 'other' }).GARDENHOSE_FLIGHT).toBe('other');
  expect(() => flightOptionsOf(flagsOf('--save-on', 'error'), {})).toThrow('--save-on is for --flight');
  expect(() => flagsOf('--save-on', 'errors')).toThrow('invalid');
});

test('a recording goes to a file, to a flight recorder, or to both', () => {
  expect(() => needsOutput({ output: '' })).toThrow('give -o FILE, --flight DIR, or both');
  needsOutput({ output: 'a.hose' });
  needsOutput({ output: '', flight: 'flights' });
});

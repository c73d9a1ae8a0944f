import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, expect, test } from 'vitest';
import { type SamplingFlags, samplerFrom, samplingEnv, withSamplingFlags } from '../src/sampling-flags.ts';

const folder = mkdtempSync(join(tmpdir(), 'gardenhose-sampling-'));
afterAll(() => rmSync(folder, { recursive: true }));

function flagsOf(...words: readonly string[]): SamplingFlags {
  const command = withSamplingFlags(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return command.parse(words, { from: 'user' }).opts<SamplingFlags>();
}

test('flags make a sampler, and the variables of register', () => {
  const file = join(folder, 'rules.json');
  writeFileSync(file, '[{"where":{"path":"/health"},"ratio":0}]');
  const flags = flagsOf(
    ...[
      '--sample',
      '0.1',
      '--sample-by',
      'trace',
      '--keep-errors',
      '--keep-slow',
      '500',
      '--sample-rules',
      file,
    ],
  );
  expect(samplerFrom(flags)?.description).toBe(
    '/health: ratio 0; error: always; slower than 500 ms: always; otherwise: ratio 0.1 by trace',
  );
  expect(samplingEnv(flags, {}, (path) => `/abs${path}`)).toEqual({
    GARDENHOSE_SAMPLE_RATIO: '0.1',
    GARDENHOSE_SAMPLE_BY: 'trace',
    GARDENHOSE_SAMPLE_RULES: `/abs${file}`,
    GARDENHOSE_KEEP_ERRORS: '1',
    GARDENHOSE_KEEP_SLOW_MS: '500',
  });
});

test('without flags everything is recorded, and the variables stay as they are', () => {
  expect(samplerFrom(flagsOf())).toBeUndefined();
  expect(samplingEnv(flagsOf(), { GARDENHOSE_KEEP_ERRORS: '1' }, String).GARDENHOSE_KEEP_ERRORS).toBe('1');
});

test.each([[['--sample-by', 'header:']], [['--sample-by', 'lane']], [['--keep-slow', '0']]])(
  'refused: %j',
  (words) => {
    expect(() => flagsOf(...words)).toThrow('invalid');
  },
);

test('rules that make no sense are refused before anything runs', () => {
  const file = join(folder, 'wrong.json');
  writeFileSync(file, '[{"where":{"paths":"/"},"ratio":0}]');
  expect(() => samplingEnv(flagsOf('--sample-rules', file), {}, String)).toThrow(
    'rules[0].where must be paths',
  );
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { marksOf } from '../src/shadow-flags.ts';

test('flags are options of marks', () => {
  const flags = { runId: 'r1', hostSuffix: true, tenancy: 'a: {runId}' };
  expect(marksOf({ mark: true, ...flags })).toEqual({ ...flags, signKey: undefined });
  expect(marksOf({ mark: false })).toBe(false);
});

test('a key is read without the line break at its end', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gardenhose-key-'));
  const path = join(directory, 'key');
  const keyOf = (text: string) => {
    writeFileSync(path, text);
    const marks = marksOf({ mark: true, markKeyFile: path });
    const { signKey } = typeof marks === 'object' ? marks : {};
    return Buffer.from(signKey ?? '').toString();
  };
  const key = 'k'.repeat(16);
  expect([`${key}\n`, `${key}\r\n`, key, `${key} \n\n`].map(keyOf)).toEqual([key, key, key, `${key} \n`]);
  rmSync(directory, { recursive: true });
});

test('without marks, flags that ask for some are refused', () => {
  for (const flags of [{ hostSuffix: true }, { tenancy: 'a: b' }, { markKeyFile: 'key' }]) {
    expect(() => marksOf({ mark: false, ...flags })).toThrow(/has no effect with --no-mark/);
  }
});

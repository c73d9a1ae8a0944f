import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMasker } from '../../../src/mask/create-masker.ts';
import { ephemeralKey, readKeys } from '../../../src/mask/value/token-key.ts';
import type { KeySource } from '../../../src/model/key-source.ts';
import { key } from '../support.ts';

const older = { base64: Buffer.alloc(32, 8).toString('base64') };
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'mask-key-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const idOf = (from: KeySource) => readKeys([from])[0]?.id;
const masked = (keys: readonly KeySource[], keyId?: string) =>
  createMasker({ version: 1, key: keys }, { keyId });

test('reads a key from base64, from base64 or raw bytes in a file, and from the environment', () => {
  const text = join(directory, 'text');
  const raw = join(directory, 'raw');
  writeFileSync(text, `${key.base64}\n`, { mode: 0o600 });
  writeFileSync(raw, Buffer.alloc(32, 7), { mode: 0o600 });
  process.env.TEST_MASK_KEY = ` ${key.base64}\n`;
  try {
    for (const from of [{ file: text }, { file: raw }, { env: 'TEST_MASK_KEY' }]) {
      expect(idOf(from)).toBe(idOf(key));
    }
  } finally {
    delete process.env.TEST_MASK_KEY;
  }
});

test.each([
  ['short', { base64: Buffer.alloc(31).toString('base64') }, /31 bytes; 32 or more/],
  ['not base64', { base64: `${'a'.repeat(50)}!` }, /is no base64/],
  ['not set', { env: 'TEST_MASK_KEY_NOT_SET' }, /TEST_MASK_KEY_NOT_SET is not set/],
  ['not there', { file: '/nowhere/key' }, /\/nowhere\/key cannot be read: there is no such file/],
  ['a directory', { file: '/' }, /cannot be read: it is a directory/],
  ['endless', { file: '/dev/zero' }, /longer than 65536 bytes/],
  [
    'empty, and no file, as a pipe that was read before',
    { file: '/dev/null' },
    /a pipe can be read only once: give a file/,
  ],
])('refuses a key that is %s', (_, from, message) => {
  expect(() => readKeys([from])).toThrow(
    expect.objectContaining({ code: 'mask-key', message: expect.stringMatching(message) }),
  );
});

test('refuses one key twice', () => {
  expect(() => readKeys([key, older, key])).toThrow(/is given twice/);
});

test('makes a key that is gone with the process where none is given', () => {
  expect(ephemeralKey().id).toMatch(/^ephemeral-[0-9a-f]{8}$/);
  expect(ephemeralKey().id).not.toBe(ephemeralKey().id);
});

test('makes tokens with the newest of its keys, or with the one that is asked for', () => {
  const [newId, oldId] = [masked([key]).summary.keyId, masked([older]).summary.keyId];
  expect(masked([key, older]).summary.keyId).toBe(newId);
  expect(masked([key, older], oldId).summary.keyId).toBe(oldId);
  expect(masked([key, older], 'ffffffff').summary.keyId).toBe(newId);
  expect(masked([key, older]).summary.digest).toBe(masked([older]).summary.digest);
});

test('warns once of a key file that other users can read or change', async () => {
  const warnings: string[] = [];
  const heard = (warning: Error & { code?: string }) => {
    if (warning.code === 'GARDENHOSE_OPEN_KEY_FILE') warnings.push(warning.message);
  };
  process.on('warning', heard);
  for (const [name, mode] of [
    ['open', 0o644],
    ['group-writes', 0o620],
    ['group-reads', 0o640],
  ] as const) {
    const file = join(directory, name);
    writeFileSync(file, key.base64);
    chmodSync(file, mode);
    readKeys([{ file }]);
    readKeys([{ file }]);
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', heard);
  expect(warnings).toEqual([
    expect.stringMatching(/open can be read by other users \(mode 644\); chmod 600 it/),
    expect.stringMatching(/group-writes can be changed by other users \(mode 620\)/),
  ]);
});

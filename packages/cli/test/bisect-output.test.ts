import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { openCapture, recoverCapture } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { afterAll, expect, test, vi } from 'vitest';
import { someEvents, tempDir, writeCapture } from '../../../test/support/captures.ts';
import { bisectOutput, checkBisectOutput, writeBisect } from '../src/bisect-output.ts';

const dir = tempDir();
afterAll(() => dir[Symbol.dispose]());

const modeOf = (path: string) => statSync(path).mode & 0o777;
const options = { overwrite: true, schemas: [], http: 'http://127.0.0.1:1', grpc: undefined };

test('what holds bodies of requests is for its owner alone, whatever was there before', async () => {
  const file = await writeCapture(dir.file('all.hose'), someEvents());
  const files = bisectOutput(dir.file('small.hose'));
  writeFileSync(dir.file('other'), 'not to be touched');
  symlinkSync(dir.file('other'), files.script);
  await writeBisect(file, files, [anExchange()], options);
  expect([modeOf(files.script), modeOf(files.capture)]).toEqual([0o700, 0o600]);
  expect(readFileSync(dir.file('other'), 'utf8')).toBe('not to be touched');
  chmodSync(files.script, 0o755);
  await writeBisect(file, files, [anExchange()], options);
  expect(modeOf(files.script)).toBe(0o700);
});

test('what cannot be written is told before the search', async () => {
  const file = await writeCapture(dir.file('source.hose'), someEvents());
  const check = (name: string, overwrite = false) =>
    checkBisectOutput(file, bisectOutput(dir.file(name)), overwrite);
  await check('new.hose');
  expect(existsSync(dir.file('new.hose'))).toBe(false);
  writeFileSync(dir.file('there.sh'), '');
  await expect(check('there.hose')).rejects.toThrow('there.sh is there already');
  await check('there.hose', true);
  mkdirSync(dir.file('taken.hose'));
  await expect(check('taken.hose', true)).rejects.toThrow('taken.hose is a directory');
  await expect(check('nowhere/x.hose')).rejects.toThrow('ENOENT');
  await expect(check('source.hose', true)).rejects.toThrow('-o is the capture itself');
});

test('of an encrypted capture nothing is written in plain', async () => {
  const key = { file: dir.file('capture.key') };
  writeFileSync(key.file, randomBytes(32), { mode: 0o600 });
  const plain = await writeCapture(dir.file('plain.hose'), someEvents());
  const file = dir.file('encrypted.hose');
  await recoverCapture(plain, file, { encrypt: key });
  const files = bisectOutput(dir.file('found.hose'));
  vi.stubEnv('GARDENHOSE_ENCRYPTION_KEY_FILE', key.file);
  const schemas = [new Uint8Array(0)];
  const calls = [anExchange({ id: 1, protocol: 'grpc' })];
  const written = await writeBisect(file, files, calls, { ...options, schemas }).finally(vi.unstubAllEnvs);
  expect(written).toEqual({ script: undefined, schemas: undefined });
  expect([files.script, files.schemas].map(existsSync)).toEqual([false, false]);
  await using capture = await openCapture(files.capture, { encryptionKey: key });
  expect(capture.header.encryption).toBeDefined();
});

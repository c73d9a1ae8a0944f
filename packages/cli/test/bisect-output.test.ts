import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { anExchange } from '@gardenhose/core/testing';
import { afterAll, expect, test } from 'vitest';
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

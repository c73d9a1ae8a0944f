import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileOutput } from '../../src/capture/file-output.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gardenhose-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a new file can be read by its owner alone', () => {
  const file = new FileOutput(join(dir, 'a.hose'), false);
  file.write(Buffer.from('bytes'));
  file.sync();
  file.close();
  expect(readFileSync(join(dir, 'a.hose'), 'utf8')).toBe('bytes');
  expect(statSync(join(dir, 'a.hose')).mode & 0o777).toBe(0o600);
});

test('a file that is there is replaced only when asked for', () => {
  writeFileSync(join(dir, 'a.hose'), 'old, and longer than the new one');
  expect(() => new FileOutput(join(dir, 'a.hose'), false)).toThrow('there is a file of this name');
  const file = new FileOutput(join(dir, 'a.hose'), true);
  file.write(Buffer.from('new'));
  file.close();
  expect(readFileSync(join(dir, 'a.hose'), 'utf8')).toBe('new');
});

test('replacing a link leaves what it leads to alone', () => {
  writeFileSync(join(dir, 'other'), 'mine');
  symlinkSync(join(dir, 'other'), join(dir, 'a.hose'));
  new FileOutput(join(dir, 'a.hose'), true).close();
  expect(readFileSync(join(dir, 'other'), 'utf8')).toBe('mine');
});

test('a pipe is written to, and never replaced or removed', async () => {
  const pipe = join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
  const read = text(reader.stdout);
  const file = new FileOutput(pipe, true);
  file.write(Buffer.from('one'));
  file.write(Buffer.from('two'));
  file.sync();
  file.discard();
  expect(await read).toBe('onetwo');
  expect(statSync(pipe).isFIFO()).toBe(true);
  if (reader.exitCode === null) await once(reader, 'exit');
});

// The superuser may write anywhere but there.
test.runIf(process.platform === 'linux')('what to do is told where no file may be made', () => {
  const refused = (path: string) => () => new FileOutput(path, false);
  expect(refused('/sys/a.hose')).toThrow(
    /^\/sys\/a\.hose: (?:this user may not make files there; write elsewhere|the file system can only be read)/,
  );
  expect(refused('/dev/null/a.hose')).toThrow(/no directory; write elsewhere/);
});

test('a directory that is not there is named', () => {
  expect(() => new FileOutput(join(dir, 'none', 'a.hose'), false)).toThrow(/none\/a\.hose/);
});

import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { tempDir, writeCapture } from '../support/captures.ts';
import { runCli } from '../support/run-cli.ts';

vi.setConfig({ testTimeout: 60_000 });
afterEach(() => vi.unstubAllEnvs());

const key = Buffer.alloc(32, 1).toString('base64');
const next = Buffer.alloc(32, 2).toString('base64');

test('encrypt writes a capture that is read with its key, and refused without', async () => {
  using dir = tempDir();
  const plain = await writeCapture(dir.file('plain.hose'));
  writeFileSync(dir.file('a.key'), `${key}\n`, { mode: 0o600 });
  const args = ['encrypt', plain, '-o', dir.file('enc.hose'), '--key-file', dir.file('a.key')];
  const { code, stdout } = await runCli(args);
  expect(stdout).toMatch(/^34 events written to .*enc\.hose with key [0-9a-f]{16} \(/);
  expect(code).toBe(0);

  const refused = await runCli(['inspect', dir.file('enc.hose')]);
  expect(refused.code).toBe(64);
  expect(refused.stderr).toMatch(
    /is encrypted with the key [0-9a-f]{16}, and no key was given: set GARDENHOSE_/,
  );

  vi.stubEnv('GARDENHOSE_ENCRYPTION_KEY_FILE', dir.file('a.key'));
  const verified = await runCli(['verify', dir.file('enc.hose'), '--json']);
  expect(JSON.parse(verified.stdout)).toMatchObject({ state: 'complete', events: 34, faultCount: 0 });
  const [one, two] = [plain, dir.file('enc.hose')].map((file) =>
    runCli(['inspect', file, '--exchange', '1']),
  );
  expect((await two)?.stdout).toBe((await one)?.stdout);
  const { stdout: shown } = await runCli(['inspect', dir.file('enc.hose')]);
  expect(shown).toMatch(/^encrypted with the key [0-9a-f]{16}$/m);
});

test('encrypt changes the key, and takes the encryption away', async () => {
  using dir = tempDir();
  const plain = await writeCapture(dir.file('plain.hose'));
  writeFileSync(dir.file('a.key'), key, { mode: 0o600 });
  writeFileSync(dir.file('b.key'), next, { mode: 0o600 });
  const [a, b, back] = ['a.hose', 'b.hose', 'back.hose'].map((name) => dir.file(name));
  await runCli(['encrypt', plain, '-o', `${a}`, '--key-file', dir.file('a.key')]);
  const keys = ['--old-key-file', dir.file('a.key'), '--key-file', dir.file('b.key')];
  expect((await runCli(['encrypt', `${a}`, '-o', `${b}`, ...keys])).code).toBe(0);
  vi.stubEnv('GARDENHOSE_ENCRYPTION_KEY', next);
  expect((await runCli(['verify', `${b}`])).code).toBe(0);
  expect((await runCli(['verify', `${a}`])).code).toBe(64);
  const result = await runCli(['encrypt', `${b}`, '-o', `${back}`, '--plain', '--json']);
  expect(JSON.parse(result.stdout)).toMatchObject({ events: 34, state: 'complete' });
  vi.unstubAllEnvs();
  expect((await runCli(['verify', `${back}`])).code).toBe(0);
  expect(readFileSync(`${b}`).includes('localhost')).toBe(false);
});

test('encrypt says what is wrong with what it was given, and writes nothing', async () => {
  using dir = tempDir();
  const plain = await writeCapture(dir.file('plain.hose'));
  const out = ['-o', dir.file('out.hose')];
  expect(await runCli(['encrypt', plain, ...out])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('no key is given; name one with --key-file, or ask for --plain'),
  });
  const both = await runCli(['encrypt', plain, ...out, '--plain', '--key-file', 'x']);
  expect(both.stderr).toContain('--plain and --key-file cannot be given together');
  writeFileSync(dir.file('short.key'), 'short', { mode: 0o600 });
  expect(await runCli(['encrypt', plain, ...out, '--key-file', dir.file('short.key')])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('has 5 bytes; 32 or more are needed'),
  });
  expect(() => readFileSync(dir.file('out.hose'))).toThrow('ENOENT');
});

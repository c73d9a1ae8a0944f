import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { exchangeEvents, interleave } from '@gardenhose/core/testing';
import { expect, test, vi } from 'vitest';
import { tempDir, writeCapture } from '../support/captures.ts';
import { runCli, startCli } from '../support/run-cli.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

test('recover writes a clean capture from a cut one, and says what was lost', async () => {
  using dir = tempDir();
  const lists = Array.from({ length: 400 }, (_, i) =>
    exchangeEvents({
      exchange: i + 1,
      at: (i + 1) * 20e6,
      masked: true,
      start: { target: `/${i}${'x'.repeat(900)}` },
    }),
  );
  const whole = readFileSync(await writeCapture(dir.file('whole.hose'), interleave(...lists)));
  writeFileSync(dir.file('cut.hose'), whole.subarray(0, whole.length - 2000));
  expect((await runCli(['verify', dir.file('cut.hose')])).code).toBe(65);

  const { code, stdout } = await runCli(['recover', dir.file('cut.hose'), '-o', dir.file('clean.hose')]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\d+ events saved in .*clean\.hose \(.*\); .* were lost$/m);
  const verified = await runCli(['verify', dir.file('clean.hose'), '--json']);
  expect(verified.code).toBe(0);
  expect(JSON.parse(verified.stdout).events).toBeGreaterThan(100);
});

test('recover reads standard input and prints one JSON document', async () => {
  using dir = tempDir();
  const whole = readFileSync(await writeCapture(dir.file('whole.hose')));
  const { code, stdout } = await runCli(['recover', '-', '-o', dir.file('copy.hose'), '--json'], whole);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ output: dir.file('copy.hose'), events: 34, lossless: true });
});

test('recover writes to standard output, and its words to standard error', async () => {
  using dir = tempDir();
  const whole = await writeCapture(dir.file('whole.hose'));
  const { child, done } = startCli(['recover', whole, '-o', '-']);
  const pieces: Buffer[] = [];
  child.stdout?.on('data', (piece: Buffer) => pieces.push(piece));
  const { code, stderr } = await done;
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^34 events saved in standard output/),
  });
  const both = await runCli(['recover', whole, '-o', '-', '--json']);
  expect(JSON.parse(both.stdout)).toMatchObject({ error: { code: 'invalid-option', exit: 64 } });
  const verified = await runCli(['verify', '-', '--json'], Buffer.concat(pieces));
  expect(JSON.parse(verified.stdout)).toMatchObject({ state: 'complete', events: 34, faultCount: 0 });
});

test('recover refuses what it cannot do in one sentence', async () => {
  using dir = tempDir();
  const whole = await writeCapture(dir.file('whole.hose'));
  writeFileSync(dir.file('noise'), Buffer.alloc(4096, 'noise'));
  const out = dir.file('out.hose');
  const cases: [args: string[], exit: number, sentence: RegExp][] = [
    [[whole], 64, /required option '-o, --output <file>' not specified/],
    [[whole, '-o', whole], 64, /the capture itself/],
    [[whole, '-o', dir.file('noise')], 74, /there is a file of this name; .* add --overwrite/],
    [[whole, '-o', dir.file('none/out.hose')], 74, /none\/out\.hose/],
    [[dir.path, '-o', out], 65, /is a directory/],
    [[dir.file('none.hose'), '-o', out], 74, /none\.hose/],
    [[dir.file('noise'), '-o', out], 65, /noise is not a capture/],
    ...(existsSync('/dev/full')
      ? [[[whole, '-o', '/dev/full'], 74, /no space left/] satisfies [string[], number, RegExp]]
      : []),
  ];
  for (const [args, exit, sentence] of cases) {
    const { code, stdout, stderr } = await runCli(['recover', ...args]);
    expect({ args, code, stdout }).toEqual({ args, code: exit, stdout: '' });
    expect(stderr).toMatch(/^gardenhose: [^\n]*\n$/);
    expect(stderr).toMatch(sentence);
    expect(existsSync(out)).toBe(false);
  }
});

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { tempDir, writeCapture } from '../support/captures.ts';
import { newerCapture } from '../support/newer-capture.ts';
import { runCli, runCliProcess } from '../support/run-cli.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

/** What every command says of a capture such as these. */
const unmasked = 'NOT MASKED: this capture holds values as they were sent\n';

test('inspect shows what a capture says of itself, what it holds, and its lanes', async () => {
  using dir = tempDir();
  const file = await writeCapture(dir.file('some.hose'));
  const { code, stdout, stderr } = await runCli(['inspect', file]);
  expect(code).toBe(0);
  expect(stderr).toBe('');
  expect(stdout).toContain('service shop on test-host');
  expect(stdout).toContain('4 exchanges in 33.0 ms (inbound 4; http 4)');
  expect(stdout).toMatch(/^PUT \/orders\/:id\/scan +1 +0 +800\.0 us +800\.0 us$/m);
  expect(stdout).toMatch(/^a +● ●─+ +2$/m);
});

test('inspect reads standard input and prints one JSON document', async () => {
  using dir = tempDir();
  const file = await writeCapture(dir.file('some.hose'));
  const { code, stdout, stderr } = await runCliProcess(['inspect', '-', '--json'], readFileSync(file));
  expect(code).toBe(0);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({
    file: 'standard input',
    header: { service: 'shop' },
    condition: { state: 'complete' },
    exchanges: { total: 4, failed: 1 },
    laneCount: 2,
  });
});

test('inspect --where lists the exchanges that the filter describes', async () => {
  using dir = tempDir();
  const file = await writeCapture(dir.file('some.hose'));
  const text = await runCli(['inspect', file, '--where', 'method = PUT or abort']);
  expect(text.code).toBe(0);
  expect(
    text.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(['2', '4']);
  expect(text.stderr).toBe(`${unmasked}2 of 4 exchanges\n`);
  const json = JSON.parse((await runCli(['inspect', file, '--where', 'lane = a', '--json'])).stdout);
  expect(json.exchanges.map((row: { id: number }) => row.id)).toEqual([1, 3]);
  expect(json).toMatchObject({ policy: { mode: 'none' }, matching: 2, total: 4 });
  const none = await runCli(['inspect', file, '--where', 'status = 599', '--json']);
  expect(JSON.parse(none.stdout)).toMatchObject({ exchanges: [], matching: 0 });
});

test('inspect --exchange shows one exchange whole', async () => {
  using dir = tempDir();
  const file = await writeCapture(dir.file('some.hose'));
  const { code, stdout } = await runCli(['inspect', file, '--exchange', '2', '--quiet']);
  expect(code).toBe(0);
  expect(stdout).toContain('> first,second,third\n> [chunks at 200.0 us +6, 300.0 us +7, 400.0 us +5]');
  const json = JSON.parse((await runCli(['inspect', file, '--exchange', '2', '--json'])).stdout);
  expect(json).toMatchObject({ id: 2, request: { body: { text: 'first,second,third' } } });
});

test('an exchange that is missing from a capture that was cut off may have been lost with its end', async () => {
  using dir = tempDir();
  const file = await writeCapture(dir.file('some.hose'));
  truncateSync(file, readFileSync(file).length >> 1);
  const { code, stderr } = await runCli(['inspect', file, '--exchange', '99']);
  expect(code).toBe(65);
  expect(stderr).toMatch(/^gardenhose: exchange 99 is not in what can be read: .* is cut off .*recover/);
});

test.each([
  [['--exchange', '99'], 64, 'holds no exchange 99'],
  [['--exchange', 'x'], 64, 'Expected a whole number over 0.'],
  [['--where', 'statsu = 3'], 64, '--where names the field "statsu", expected one of'],
  [['--where', 'status = 3', '--exchange', '1'], 64, '--exchange and --where exclude each other'],
  [['--nonsense'], 64, "unknown option '--nonsense'"],
  [['more', 'files'], 64, 'too many arguments'],
])('inspect refuses %j in one sentence', async (flags, exit, sentence) => {
  using dir = tempDir();
  const file = await writeCapture(dir.file('some.hose'));
  const { code, stdout, stderr } = await runCli(['inspect', file, ...flags]);
  expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
  expect(stderr).toMatch(/^gardenhose: [^\n]*\n$/);
  expect(stderr).toContain(sentence);
  const json = JSON.parse((await runCli(['inspect', file, ...flags, '--json'])).stdout);
  expect(json.error).toMatchObject({ exit });
  expect(json.error.message).toContain(sentence);
});

test.each(['inspect', 'verify'])('%s says in one sentence what is wrong with an input', async (command) => {
  using dir = tempDir();
  const sound = readFileSync(await writeCapture(dir.file('sound.hose')));
  writeFileSync(dir.file('empty.hose'), '');
  writeFileSync(
    dir.file('text.hose'),
    'this is no capture at all, it is a text that someone renamed, and long enough for a head',
  );
  writeFileSync(dir.file('cut.hose'), sound);
  truncateSync(dir.file('cut.hose'), sound.length - 300);
  const flipped = Buffer.from(sound);
  flipped[300] = (flipped[300] ?? 0) ^ 0xff;
  writeFileSync(dir.file('flipped.hose'), flipped);
  writeFileSync(dir.file('newer.hose'), newerCapture());
  const cases: [path: string, exit: number, sentence: RegExp][] = [
    [dir.file('newer.hose'), 65, /newer\.hose .*version 2/],
    [dir.file('empty.hose'), 65, /empty\.hose is not a capture: it is empty/],
    [dir.file('text.hose'), 65, /text\.hose is not a capture: /],
    [dir.path, 65, /is a directory, expected a capture; name a \.hose file in it/],
    [dir.file('none.hose'), 74, /none\.hose: no such file; check the path/],
    [dir.file('cut.hose'), 65, /cut\.hose is cut off .*recover/],
    [dir.file('flipped.hose'), 65, /flipped\.hose is damaged .*recover/],
  ];
  for (const [path, exit, sentence] of cases) {
    const { code, stderr, stdout } = await runCli([command, path]);
    expect({ path, code }).toEqual({ path, code: exit });
    expect(command === 'verify' ? stderr + stdout : stderr).toMatch(sentence);
    expect(stderr.split('\n').length, stderr).toBeLessThanOrEqual(2);
    const json = JSON.parse((await runCli([command, path, '--json'])).stdout);
    expect(json).toBeTypeOf('object');
  }
});

test('verify says that a sound capture is sound', async () => {
  using dir = tempDir();
  const file = await writeCapture(dir.file('some.hose'));
  const { code, stdout } = await runCli(['verify', file]);
  expect(code).toBe(0);
  expect(stdout).toBe(`${file} is sound: 34 events in 1 chunk\n${unmasked}`);
  const piped = await runCliProcess(['verify', '-', '--json'], readFileSync(file));
  expect(JSON.parse(piped.stdout)).toMatchObject({
    policy: { mode: 'none' },
    state: 'complete',
    events: 34,
    faults: [],
  });
});

test('what was recorded cannot act on the terminal', async () => {
  using dir = tempDir();
  const { exchangeEvents } = await import('@gardenhose/core/testing');
  const start = { target: '/\x1b]owned\x07\u009bJ', lane: '\u202elane' };
  const file = await writeCapture(dir.file('evil.hose'), exchangeEvents({ masked: true, start }), {
    service: '\x1b[31m',
  });
  for (const flags of [[], ['--where', 'id'], ['--exchange', '1']]) {
    const { stdout } = await runCli(['inspect', file, ...flags]);
    expect(stdout).toContain('\\x1b]owned');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  }
});

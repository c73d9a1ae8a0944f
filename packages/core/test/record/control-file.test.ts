import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test, vi } from 'vitest';
import { tempDir } from '../../../../test/support/captures.ts';
import { noMask } from '../../src/mask/masker.ts';
import { watchControlFile } from '../../src/record/control-file.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder, type Recorder } from '../../src/record/recorder.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const dir = tempDir();
afterAll(() => dir[Symbol.dispose]());

function controlled(name: string) {
  const [clock, sink, controlFile] = [new ManualClock(), memorySink(), dir.file(name)];
  const make = () => createRecorder({ service: 's', sink, mask: noMask, clock, controlFile });
  /** Writes the file, and lets it be looked at until `holds`. */
  const says = async (content: string | undefined, holds: () => void) => {
    if (content === undefined) rmSync(controlFile);
    else writeFileSync(controlFile, content);
    await vi.waitFor(() => {
      clock.advanceMs(1_000);
      holds();
    });
  };
  return { make, says, sink, controlFile };
}

const offered = (recorder: Recorder) => recorder.begin(aStart(), true) !== undefined;

test('a file holds from the first exchange on, and what it no longer says is as it was made', async () => {
  const { make, says, sink, controlFile } = controlled('a.json');
  writeFileSync(controlFile, '{"paused":true}');
  const recorder = make();
  expect(offered(recorder)).toBe(false);
  await says('{"ratio":1}', () => expect(recorder.control.state).toMatchObject({ paused: false, ratio: 1 }));
  expect(offered(recorder)).toBe(true);
  await says(undefined, () => expect(recorder.control.state.ratio).toBe(null));
  await recorder.close();
  const controls = sink.events.flatMap((event) =>
    event.type === 'control' ? [event.name, event.value] : [],
  );
  expect(controls).toEqual([
    ...['pause', 'file', 'sampling', 'ratio 1 (file)', 'resume', 'file'],
    ...['sampling', 'always (file)'],
  ]);
});

test('what is no control changes nothing and is told', async () => {
  const { make, says, controlFile } = controlled('b.json');
  const recorder = make();
  await says('{"ratio":0.25}', () => expect(recorder.control.state.ratio).toBe(0.25));
  const wrong: [string, string][] = [
    ['{"ratio":', 'it is no JSON'],
    ['{"ratio":7}', 'control.ratio must be'],
    ['[]', 'must be an object'],
    ['{"kill":"yes"}', '"kill" must be'],
    [`{"ratio":1${' '.repeat(70_000)}}`, 'longer than 65536 bytes'],
  ];
  for (const [content, why] of wrong) {
    await says(content, () => expect(recorder.stats().lastError).toContain(why));
    expect(recorder.control.state).toMatchObject({ paused: false, ratio: 0.25 });
  }
  await recorder.close();
  // A folder is no file.
  rmSync(controlFile);
  mkdirSync(controlFile);
  const other = make();
  expect(other.stats().lastError).toContain('changes nothing: EISDIR');
  await other.close();
});

test('a pause goes on while the file is written anew: that it is empty counts when it was found so twice', async () => {
  const controlFile = dir.file('d.json');
  writeFileSync(controlFile, '{"paused":true}');
  const recorder = createRecorder({ service: 's', sink: memorySink(), mask: noMask });
  let look = (): void => undefined;
  let planned = (): void => undefined;
  const after = (_: number, run: () => void) => {
    look = run;
    planned();
    return () => undefined;
  };
  const unwatch = watchControlFile(controlFile, recorder.control, after, (problem) => expect.fail(problem));
  /** After the file was looked at once more. */
  const paused = async () => {
    const looked = new Promise<void>((done) => {
      planned = done;
    });
    look();
    await looked;
    return recorder.control.state.paused;
  };
  writeFileSync(controlFile, '');
  expect(await paused()).toBe(true);
  writeFileSync(controlFile, '{"paused":true,"ratio":1}');
  expect(await paused()).toBe(true);
  expect(recorder.control.state.ratio).toBe(1);
  rmSync(controlFile);
  expect(await paused()).toBe(true);
  expect(await paused()).toBe(false);
  unwatch();
  await recorder.close();
});

test.skipIf(process.platform === 'win32')('a named pipe, which nobody writes to, holds up nobody', () => {
  const pipe = dir.file('pipe');
  execFileSync('mkfifo', [pipe]);
  // In a process of its own: what waits here could not be ended.
  const { stdout } = spawnSync(
    process.execPath,
    [
      ...['--input-type=module', '-e'],
      `import { createRecorder, memorySink } from '@gardenhose/core';
      const recorder = createRecorder({ service: 's', sink: memorySink(), controlFile: process.argv[1] });
      console.log(recorder.stats().lastError);
      await recorder.close();`,
      pipe,
    ],
    { timeout: 10_000, killSignal: 'SIGKILL', encoding: 'utf8' },
  );
  expect(stdout).toContain('changes nothing: it is no regular file');
});

test('a file kills, and what it says later is too late', async () => {
  const { make, says, sink } = controlled('c.json');
  const recorder = make();
  expect(offered(recorder)).toBe(true);
  await says('{"kill":true,"ratio":0}', () => expect(recorder.control.state.killed).toBe(true));
  expect(offered(recorder)).toBe(false);
  expect((await recorder.close()).state).toBe('closed');
  expect(sink.closed).toBe(true);
});

test('the path must be one', () => {
  expect(() => createRecorder({ service: 's', sink: memorySink(), mask: noMask, controlFile: '' })).toThrow(
    /controlFile must be the path of a file/,
  );
});

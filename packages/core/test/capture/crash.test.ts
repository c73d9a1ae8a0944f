import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openCapture } from '../../src/capture/open-capture.ts';
import { recoverCapture } from '../../src/capture/recover-capture.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { readAll } from './support.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
/** `npm run conformance:full` kills 200 times. */
const kills = process.env.CONFORMANCE_FULL === '1' ? 200 : 6;

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gardenhose-crash-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const shared = `
  import { fileSink } from '@gardenhose/core';
  const header = { id: '0'.repeat(32), writer: 'w', service: 's', host: 'h', pid: 1, wallMs: 0,
    policy: { mode: 'none', name: 'none', digest: '', keyId: '', disabled: [] }, sampling: 'always', part: 0, tags: {} };
  const mark = (seq) => ({ type: 'mark', seq, at: seq * 1000, exchange: 1, name: 'n', value: 'value ' + seq * 7919 });
`;

/** Writes until it is killed, and says what it has flushed. */
const endless = `${shared}
  const sink = await fileSink({ path: process.argv[1] }).open(header);
  for (let seq = 1; ; ) {
    for (let i = 0; i < 20; i++) await sink.write(Array.from({ length: 10 }, () => mark(seq++)));
    await sink.flush();
    process.stdout.write(seq - 1 + '\\n');
    await new Promise(setImmediate);
  }
`;

it(`killed at ${kills} moments, a writer leaves a capture that opens, with everything it had flushed`, async () => {
  for (let round = 0; round < kills; round++) {
    const path = join(dir, `${round}.hose`);
    const child = spawn(process.execPath, ['--input-type=module', '-e', endless, path], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let flushed = 0;
    // Killed after so many flushes, wherever it is by then in the next ones.
    const enough = 200 * (1 + Math.floor(Math.random() * 30));
    for await (const line of createInterface({ input: child.stdout })) {
      flushed = Number(line);
      if (flushed >= enough && child.exitCode === null) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');

    const found: CaptureEvent[] = [];
    await using capture = await openCapture(path);
    for await (const event of capture.events()) found.push(event);
    // Killed within a write, with the head of a frame in the file but not all of it, it has a gap that says so at its end.
    const written = found.at(-1)?.type === 'gap' ? found.slice(0, -1) : found;
    expect(written.length).toBeGreaterThanOrEqual(flushed);
    expect(written.findIndex((event, i) => event.type !== 'mark' || event.seq !== i + 1)).toBe(-1);
    await recoverCapture(path, `${path}.new`);
    expect(await verifyCapture(`${path}.new`)).toMatchObject({ state: 'complete', events: found.length });
  }
}, 900_000);

/** Writes against a limit of the size of files, which a shell has set, and has the limit lifted later. */
const cramped = `${shared}
  import { execFileSync } from 'node:child_process';
  process.on('SIGXFSZ', () => {});
  const sink = await fileSink({ path: process.argv[1], compression: 'none', chunkBytes: 4096 }).open(header);
  const errors = [];
  let seq = 1;
  const write = async (count) => {
    for (let i = 0; i < count; i++) await sink.write([mark(seq++)]).catch((error) => errors.push(error.code));
    await sink.flush().catch((error) => errors.push(error.code));
  };
  await write(5000);
  execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']);
  const before = errors.length;
  await write(500);
  await sink.close();
  console.log(JSON.stringify({ before, codes: [...new Set(errors)], later: errors.length - before, last: seq - 1, lost: sink.lost() }));
`;

const canLimit = spawnSync('sh', ['-c', 'ulimit -S -f 64 && prlimit --version']).status === 0;

it.skipIf(!canLimit)(
  'on a full disk, says so, goes on when there is room, and declares what is missing (needs prlimit)',
  async () => {
    const path = join(dir, 'cramped.hose');
    const run = spawnSync(
      'sh',
      ['-c', 'ulimit -S -f 64; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, cramped, path],
      { cwd: root, encoding: 'utf8' },
    );
    expect(run.stderr).toBe('');
    const told = JSON.parse(run.stdout);
    expect(told).toMatchObject({ codes: ['io'], later: 0, last: 5500 });
    expect(told.before).toBeGreaterThan(1);
    const { events } = await readAll(await readFile(path), 'strict');
    const gaps = events.flatMap((event) => (event.type === 'gap' ? [event] : []));
    const marks = events.filter((event) => event.type === 'mark');
    expect(gaps).toMatchObject([
      { reason: 'sink-failed', fromSeq: (marks.findIndex((m, i) => m.seq !== i + 1) || 0) + 1 },
    ]);
    expect(marks.length + (gaps[0]?.events ?? 0)).toBe(5500);
    expect(told.lost.events).toBe(gaps[0]?.events);
    expect(events.at(-1)).toMatchObject({ type: 'mark', seq: 5500 });
  },
);

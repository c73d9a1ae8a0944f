import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { openCapture, type RecorderStats, recoverCapture, verifyCapture } from '@gardenhose/core';
import { describe, expect, test, vi } from 'vitest';
import { tempDir } from '../support/captures.ts';

vi.setConfig({ testTimeout: 60_000 });
const service = fileURLToPath(new URL('../support/chaos-service.js', import.meta.url));

interface Outcome {
  readonly answered: number;
  readonly state: string;
  readonly stats: RecorderStats;
}

/** Runs the service to its end. `shell` is put before its command, `flags` are Node's. */
async function suffers(what: string, path: string, flags: readonly string[] = [], shell?: string) {
  const words = [process.execPath, ...flags, service, what, path];
  const child =
    shell === undefined
      ? spawn(words[0] ?? '', words.slice(1))
      : spawn('sh', ['-c', `${shell}; exec "$@"`, 'sh', ...words]);
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  expect(error).not.toContain('hunter2');
  return { child, error, outcome: (): Outcome => JSON.parse(out) };
}

/** What the capture holds and what it says is missing. */
async function contents(path: string) {
  const { state } = await verifyCapture(path);
  await using capture = await openCapture(path);
  let exchanges = 0;
  let missing = 0;
  const reasons = new Set<string>();
  let last = -1;
  for await (const event of capture.events()) {
    expect(event.at).toBeGreaterThanOrEqual(last);
    last = event.at;
    if (event.type === 'start') exchanges += 1;
    if (event.type === 'gap') {
      missing += event.events;
      reasons.add(event.reason);
    }
  }
  return { state, exchanges, missing, reasons: [...reasons] };
}

/** Every exchange that was offered is accounted for. */
function accounted({ offered, recorded, sampledOut, dropped }: RecorderStats): void {
  expect(recorded + sampledOut + Object.values(dropped).reduce((sum, count) => sum + count, 0)).toBe(offered);
  expect(offered).toBe(160);
}

describe('a recorded service answers every request, and what was lost is said', () => {
  test('when nothing happens, nothing is', async () => {
    using dir = tempDir();
    const { outcome } = await suffers('nothing', dir.file('a.hose'));
    const { answered, stats } = outcome();
    expect(answered).toBe(160);
    accounted(stats);
    expect(stats).toMatchObject({ recorded: 160, sinkErrors: 0, tapFailures: 0 });
    expect(await contents(dir.file('a.hose'))).toEqual({
      state: 'complete',
      exchanges: 160,
      missing: 0,
      reasons: [],
    });
  });

  test.skipIf(spawnSync('sh', ['-c', 'ulimit -S -f 8']).status !== 0)('when the disk is full', async () => {
    using dir = tempDir();
    // Files of this process end at 4 KiB.
    const { outcome } = await suffers('disk-full', dir.file('a.hose'), [], 'ulimit -S -f 8');
    const { answered, stats } = outcome();
    expect(answered).toBe(160);
    accounted(stats);
    expect(stats.sinkErrors).toBeGreaterThan(0);
    expect(stats.eventsLost['sink-failed']).toBeGreaterThan(0);
    expect(stats.lastError).toMatch(/EFBIG|file too large/i);
    expect(['open', 'truncated', 'complete']).toContain((await verifyCapture(dir.file('a.hose'))).state);
  });

  test('when its file is deleted', async () => {
    using dir = tempDir();
    const { outcome } = await suffers('file-deleted', dir.file('a.hose'));
    const { answered, stats } = outcome();
    expect(answered).toBe(160);
    accounted(stats);
    expect(stats.sinkErrors).toBeGreaterThan(0);
    expect(stats.lastError).toContain('the file was deleted while it was written');
  });

  test('when nothing can be written in the directory', async () => {
    const { outcome, error } = await suffers('no-directory', '/proc/gardenhose.hose');
    const { answered, stats } = outcome();
    expect(answered).toBe(160);
    accounted(stats);
    expect(stats).toMatchObject({ recorded: stats.recorded, lastError: expect.any(String) });
    expect(error === '' || error.includes('nothing is recorded')).toBe(true);
  });

  test.each([
    ['hook-throws', 'a hook throws'],
    ['hook-hangs', 'a hook never answers'],
  ])('%s: when %s', async (what) => {
    using dir = tempDir();
    const { outcome } = await suffers(what, dir.file('a.hose'));
    const { answered, stats } = outcome();
    expect(answered).toBe(160);
    accounted(stats);
    expect(stats.exchangesLost.hook).toBeGreaterThan(0);
    const { state, reasons } = await contents(dir.file('a.hose'));
    expect(['complete', 'open']).toContain(state);
    expect(reasons).toContain('hook');
  });

  test.each([
    ['worker-killed', 'the worker is killed', ['failed']],
    // On a busy machine, before it has said that the file is open.
    ['worker-stuck', 'the worker is stuck', ['recording', 'opening']],
  ])('%s: when %s', async (what, _, states) => {
    using dir = tempDir();
    const { outcome } = await suffers(what, dir.file('a.hose'));
    const found = outcome();
    expect(found.answered).toBe(160);
    accounted(found.stats);
    expect(states).toContain(found.state);
    expect(found.stats.eventsLost.failed).toBeGreaterThan(0);
    // What there is of the file is sound; it may be stuck before there is one.
    if (existsSync(dir.file('a.hose'))) expect((await verifyCapture(dir.file('a.hose'))).faultCount).toBe(0);
  });

  test('when the clock is set back', async () => {
    using dir = tempDir();
    const { outcome } = await suffers('clock-back', dir.file('a.hose'));
    const { answered, stats } = outcome();
    expect(answered).toBe(160);
    accounted(stats);
    expect(await contents(dir.file('a.hose'))).toMatchObject({
      state: 'complete',
      exchanges: 160,
      missing: 0,
    });
  });

  test('when its heap is small', async () => {
    using dir = tempDir();
    const { outcome } = await suffers('small-heap', dir.file('a.hose'), ['--max-old-space-size=24']);
    const { answered, stats } = outcome();
    expect(answered).toBe(160);
    accounted(stats);
    if (stats.state === 'closed') expect((await contents(dir.file('a.hose'))).exchanges).toBe(stats.recorded);
  });

  test('when it is killed, all that was flushed is there', async () => {
    using dir = tempDir();
    const { child } = await suffers('killed', dir.file('a.hose'));
    expect(child.signalCode).toBe('SIGKILL');
    await recoverCapture(dir.file('a.hose'), dir.file('b.hose'));
    expect(await contents(dir.file('b.hose'))).toMatchObject({ state: 'complete', exchanges: 80 });
  });
});

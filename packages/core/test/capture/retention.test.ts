import { readdirSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileSinkOptions, fileSink } from '../../src/capture/file-sink.ts';
import { retain } from '../../src/capture/retention.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import type { CaptureHeader } from '../../src/model/capture-header.ts';
import { aHeader, failure, someEvents } from './support.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gardenhose-retain-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const path = (name = 'orders.hose') => join(dir, name);
const files = () => readdirSync(dir).toSorted();
const hour = 3_600_000;

/** A closed capture that was written to last so long ago. */
async function old(name: string, agoMs: number, header: Partial<CaptureHeader> = {}): Promise<void> {
  await (await fileSink({ path: path(name) }).open({ ...aHeader, ...header })).close();
  aged(name, agoMs);
}

function aged(name: string, agoMs: number): void {
  const then = (Date.now() - agoMs) / 1000;
  utimesSync(path(name), then, then);
}

/** One that its writer did not close. */
async function left(name: string, agoMs: number, header: Partial<CaptureHeader>): Promise<void> {
  await fileSink({ path: path(name) }).open({ ...aHeader, ...header });
  aged(name, agoMs);
}

async function recorded(options: Partial<FileSinkOptions>, count = 10, header: CaptureHeader = aHeader) {
  const sink = await fileSink({ path: path(), compression: 'none', chunkBytes: 256, ...options }).open(
    header,
  );
  for (const event of someEvents(count)) await sink.write([event]);
  await sink.close();
}

describe('retention', () => {
  it('keeps so many files of a rotated recording, the newest', async () => {
    await recorded({ maxFileBytes: 4096, retain: { maxFiles: 3 } }, 600);
    const numbers = files().map((name) => Number(name.split('.')[1]));
    expect(numbers).toHaveLength(3);
    expect(Math.min(...numbers)).toBeGreaterThan(1);
    for (const name of files()) expect((await verifyCapture(path(name))).state).toBe('complete');
  });

  it('keeps all files together below so many bytes, at every moment', async () => {
    const sink = await fileSink({
      path: path(),
      compression: 'none',
      chunkBytes: 256,
      maxFileBytes: 8192,
      retain: { maxBytes: 40_000 },
    }).open(aHeader);
    let most = 0;
    for (const event of someEvents(1500)) {
      await sink.write([event]);
      most = Math.max(
        most,
        files().reduce((sum, name) => sum + statSync(path(name)).size, 0),
      );
    }
    await sink.close();
    expect(files().length).toBeGreaterThan(2);
    expect(most).toBeGreaterThan(24_000);
    expect(most).toBeLessThan(44_000);
  });

  it('removes what earlier runs left, by age, and by number the oldest first', async () => {
    await old('orders.pid-1.hose', 3 * hour);
    await old('orders-2026.hose', 2 * hour);
    await old('orders.7.hose', hour);
    await recorded({ retain: { maxAgeMs: 2.5 * hour } });
    expect(files()).toEqual(['orders-2026.hose', 'orders.7.hose', 'orders.hose']);
    await rm(path());
    await recorded({ retain: { maxFiles: 2 } });
    expect(files()).toEqual(['orders.7.hose', 'orders.hose']);
  });

  it('removes nothing but captures of the same service, under the same name', async () => {
    await old('orders.1.hose', hour, { service: 'billing' });
    await old('ordersheet.hose', hour);
    await old('other.hose', hour);
    await writeFile(path('orders.notes.hose'), 'mine');
    aged('orders.notes.hose', hour);
    await writeFile(path('orders.2.hose'), '');
    symlinkSync(path('other.hose'), path('orders.3.hose'));
    await old('orders.4.hose', hour);
    await recorded({ retain: { maxFiles: 2, maxAgeMs: 1000 } });
    expect(files()).toEqual([
      'orders.1.hose',
      'orders.2.hose',
      'orders.3.hose',
      'orders.hose',
      'orders.notes.hose',
      'ordersheet.hose',
      'other.hose',
    ]);
  });

  it('leaves what somebody made of recordings, which takes no room of theirs either', async () => {
    const { policy } = aHeader;
    await old('orders.1.hose', 9 * hour);
    await old('orders-incident.hose', 8 * hour, { tags: { 'slice-of': '0'.repeat(32) } });
    await old('orders-shared.hose', 8 * hour, { policyHistory: [policy] });
    await old('orders-saved.hose', 8 * hour, { trigger: { reason: 'error', at: 0, wallMs: 0 } });
    const of = { id: aHeader.id, service: 'orders', host: 'h', pid: 1, wallMs: 0, policy };
    await old('orders-all.hose', 8 * hour, { mergedFrom: [{ ...of, skewNs: 0, driftPpm: 0 }] });
    await old('orders.2.hose', hour);
    await recorded({ retain: { maxFiles: 2 } });
    const made = ['orders-all.hose', 'orders-incident.hose', 'orders-saved.hose', 'orders-shared.hose'];
    expect(files()).toEqual([...made, 'orders.2.hose', 'orders.hose']);
  });

  it('leaves files that this process writes when the clock is set back, or far on', async () => {
    const names = ['orders.1.hose', 'orders.2.hose'];
    const at = (nowMs: number) => retain(path(), { maxFiles: 2 }, aHeader, undefined, 0, nowMs);
    // By the clock that was set back by an hour, they were written just now.
    for (const name of names) await left(name, hour, { pid: process.pid });
    at(Date.now() - hour);
    expect(files()).toEqual(names);
    for (const name of names) aged(name, 0);
    at(Date.now() + 1000 * hour);
    expect(files()).toEqual(names);
  });

  it('leaves a file to whoever still writes it, and takes one whose writer is gone', async () => {
    const { host } = aHeader;
    await left('orders.pid-1.hose', hour, { pid: process.ppid });
    await left('orders.pid-2.hose', hour, { pid: process.pid });
    await left('orders.pid-3.hose', 0, { pid: process.pid });
    await left('orders.pid-4.hose', hour, { pid: 0x3fffffff });
    await left('orders.pid-5.hose', hour, { pid: 0x3fffffff, host: `not ${host}` });
    aged('orders.pid-2.hose', 10 * 24 * hour);
    await recorded({ retain: { maxFiles: 2 } });
    // Number 2 was written before this process began, by another with its id, as in containers.
    expect(files()).toEqual(['orders.hose', 'orders.pid-1.hose', 'orders.pid-3.hose', 'orders.pid-5.hose']);
  });

  it('refuses limits that it cannot keep', async () => {
    const wrong = (retain: object, more = {}) =>
      failure(() => fileSink({ path: path(), retain, ...more })).then(String);
    expect(await wrong({ maxFiles: 1 })).toContain('retain.maxFiles is 1, expected a whole number from 2');
    expect(await wrong({ maxBytes: 10_000 }, { maxFileBytes: 8192 })).toContain('retain.maxBytes is 10000');
    expect(await wrong({ maxAge: 5 })).toContain('retain has no option "maxAge"');
    expect(await wrong({ maxAgeMs: 0 })).toContain('retain.maxAgeMs is 0');
  });
});

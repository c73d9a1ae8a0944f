import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaptureEvent } from '@gardenhose/core';
import { createRecorder, fanOutSink, fileSink, isGardenhoseError, readCapture } from '@gardenhose/core';
import { aStart, assembleAll } from '@gardenhose/core/testing';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'gardenhose-recorder-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function readAll(path: string): Promise<{ events: CaptureEvent[]; state: string; mode: string }> {
  const stream = await readCapture(createReadStream(path), { mode: 'strict' });
  const events: CaptureEvent[] = [];
  for await (const event of stream.events) events.push(event);
  return { events, state: stream.condition().state, mode: stream.header.policy.mode };
}

test('recorded in a worker, masked, into two files: both whole, in order, and without the secrets', async () => {
  const paths = [join(folder, 'a.hose'), join(folder, 'b.hose')];
  const sink = fanOutSink(paths.map((path) => fileSink({ path, compression: 'none' })));
  const recorder = createRecorder({ service: 'shop', sink });
  await recorder.ready;
  const taps = [];
  for (let i = 0; i < 300; i++) {
    const tap = recorder.begin(
      aStart({
        method: 'POST',
        target: `/orders?email=bob${i}%40example.com`,
        headers: [
          'Host',
          'shop.test',
          'Authorization',
          'Bearer s3cr3t-token-value',
          'Content-Type',
          'application/json',
        ],
      }),
    );
    tap?.chunk('request', Buffer.from('{"password":"hunter2-hunter2",'));
    taps.push(tap);
    const other = taps[i - 3];
    other?.chunk('request', Buffer.from('"email":"alice@example.com"}'));
    other?.end('request');
    other?.headers(200, 'OK', '1.1', ['Content-Type', 'application/json', 'Set-Cookie', 'sid=s3cr3t-cookie']);
    other?.chunk('response', Buffer.from('{"id":7}'));
    other?.end('response');
  }
  const stats = await recorder.close();

  expect(stats).toMatchObject({ state: 'closed', recorded: 300, sinkErrors: 0, lastError: undefined });
  expect(stats.masked).toBeGreaterThan(1000);
  for (const path of paths) {
    const bytes = readFileSync(path, 'latin1');
    for (const secret of ['s3cr3t', 'hunter2', 'alice@', 'bob1']) expect(bytes).not.toContain(secret);
    const { events, state, mode } = await readAll(path);
    expect([state, mode]).toEqual(['complete', 'masked']);
    const numbered = events.filter(({ type }) => type !== 'body' && type !== 'audit');
    expect(numbered.map(({ seq }) => seq)).toEqual(Array.from({ length: stats.events }, (_, i) => i + 1));
    const exchanges = assembleAll(events);
    expect(exchanges).toHaveLength(300);
    expect(exchanges.slice(0, 297).flatMap(({ partial }) => partial)).toEqual([]);
    expect(exchanges.slice(297).map(({ abort }) => abort?.code)).toEqual(Array(3).fill('recorder-closed'));
  }
});

test('a file that is there already is not written over: ready says so, the application goes on', async () => {
  const path = join(folder, 'a.hose');
  const recorder = createRecorder({ service: 'shop', sink: fileSink({ path }) });
  const error: unknown = await recorder.ready.catch((reason: unknown) => reason);
  expect(isGardenhoseError(error, 'io')).toBe(true);
  expect((await recorder.close()).state).toBe('failed');
});

test('a wrong mask policy is an error at once', () => {
  const sink = fileSink({ path: join(folder, 'c.hose') });
  const rule = { id: 'mine', at: 'header:', mask: 'keep' } as const;
  expect(() => createRecorder({ service: 'shop', sink, mask: { version: 1, rules: [rule] } })).toThrow(
    /mine/,
  );
});

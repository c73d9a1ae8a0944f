// A recorded session as a unit test. In a project of your own the capture would be kept beside the test and recorded once;
// this one records it before the tests, so that the example holds all of the way.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecorder, fileSink, renderReport } from '@gardenhose/core';
import { replay, tapServer } from '@gardenhose/http-adapter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from './app.js';

// One request at a time, in the order of the capture, and without the recorded pauses.
const session = { pace: 'asap', order: 'serial' } as const;

const folder = mkdtempSync(join(tmpdir(), 'gardenhose-'));
const capture = join(folder, 'orders.hose');

beforeAll(() => recordSession(capture));
afterAll(() => rmSync(folder, { recursive: true }));

test('the app still answers the recorded session the same', async () => {
  // No port is opened: the app is called over Node's own HTTP parser, within this process.
  const report = await replay(capture, createApp(), { ...session, compare: true });
  expect(report.verdict, renderReport(report)).toBe(0);
  expect(report.exchanges.answered).toBe(4);
});

test('a change of the answers is found, and where it is', async () => {
  const report = await replay(capture, createApp({ taxPercent: 19 }), { ...session, compare: true });
  expect(report.verdict).toBe(1);
  const places = report.differences?.groups.map(
    ({ operation, path }) => `${operation.split(' ')[0]} ${path}`,
  );
  expect(places?.sort()).toEqual(['GET body:$.total', 'PUT body:$.total']);
});

test('a change that is meant to be is left out by its path', async () => {
  const options = { ...session, compare: { ignore: ['body:$.total'] } };
  const report = await replay(capture, createApp({ taxPercent: 19 }), options);
  expect(report.verdict, renderReport(report)).toBe(0);
});

/** Drives the app over a real port, as its users do, and records what passes. */
async function recordSession(path: string): Promise<void> {
  const recorder = createRecorder({ service: 'orders', sink: fileSink({ path }) });
  const server = createServer(createApp());
  tapServer(server, recorder);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  for (const [method, url, body] of [
    ['GET', '/orders/a1'],
    ['PUT', '/orders/a1', '{"item":"hose","net":50}'],
    ['GET', '/orders/a1'],
    ['GET', '/orders/none'],
  ]) {
    const headers = { 'content-type': 'application/json' };
    await (await fetch(origin + url, { method, headers, body })).text();
  }
  server.close();
  server.closeAllConnections();
  await recorder.close();
}

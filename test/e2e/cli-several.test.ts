import { exchangeEvents, interleave } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { tempDir, writeCapture } from '../support/captures.ts';
import { httpServer } from '../support/http-server.ts';
import { runCli } from '../support/run-cli.ts';

const anchor = 1_767_225_600_000;

/** A recording of some requests, each answered 200 when it was recorded: what to ask for, and when, in milliseconds. */
const requests = (...asked: readonly (readonly [target: string, atMs: number])[]) =>
  interleave(
    ...asked.map(([target, atMs], i) =>
      exchangeEvents({ exchange: i + 1, lane: '1', at: atMs * 1e6, stepNs: 1e5, start: { target } }),
    ),
  );

test('replay sends several captures as one, in the order of their clocks', async () => {
  using dir = tempDir();
  const asked: string[] = [];
  await using target = await httpServer((request, response) => {
    asked.push(`${request.url} ${request.socket.remotePort}`);
    response.end('{"id":7}');
  });
  const first = await writeCapture(dir.file('a.hose'), requests(['/a1', 0], ['/a2', 60]), {
    id: '1'.repeat(32),
    wallMs: anchor,
    host: 'pod-1',
  });
  const second = await writeCapture(dir.file('b.hose'), requests(['/b1', 0], ['/b2', 60]), {
    id: '2'.repeat(32),
    wallMs: anchor + 30,
    host: 'pod-2',
  });
  const { code, stdout, stderr } = await runCli(['replay', second, first, '--to', target.origin, '--json']);
  expect(stderr).toContain('merged from 1: service');
  expect(stderr).toContain('on pod-1');
  expect(asked.map((line) => line.split(' ')[0])).toEqual(['/a1', '/b1', '/a2', '/b2']);
  // A connection for each of the recorded ones.
  expect(new Set(asked.map((line) => line.split(' ')[1])).size).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ exchanges: { total: 4, sent: 4, answered: 4 } });
  expect(code).toBe(0);
});

test('replay refuses standard input among several captures, and one capture twice', async () => {
  using dir = tempDir();
  const capture = await writeCapture(dir.file('a.hose'), requests(['/a', 0]));
  const to = ['--to', 'http://127.0.0.1:9'];
  const stream = await runCli(['replay', capture, '-', ...to]);
  expect({ code: stream.code, said: stream.stderr }).toEqual({
    code: 64,
    said: expect.stringContaining('FILE is standard input beside other captures'),
  });
  const twice = await runCli(['replay', capture, capture, ...to]);
  expect({ code: twice.code, said: twice.stderr }).toEqual({
    code: 64,
    said: expect.stringContaining('hold the same recording twice'),
  });
});

// Starts worker threads, which load the built packages: `npm run build` first.
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Exchange,
  type GuardOptions,
  headerValues,
  planReplay,
  type ReplayOptions,
} from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { createSender, replay } from '@gardenhose/http-adapter';
import { expect, test } from 'vitest';
import { replayAll } from './support/replay.ts';
import { answerHeads, okAnswer, type WireServer, wireServer } from './support/wire-server.ts';

/** Closes after each answer, so that every exchange needs a connection of its own. */
const closing = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';

const gets = (count: number, headers: readonly string[] = ['Host', 'other.test']): Exchange[] =>
  Array.from({ length: count }, (_, i) => anExchange({ id: i + 1, lane: `l${i % 3}`, request: { headers } }));

/** The server by a name that is not loopback, and what is asked about names. */
function named(server: WireServer, name: string, addresses: (asked: string[]) => readonly string[]) {
  const target = server.origin.replace('127.0.0.1', name);
  const asked: string[] = [];
  const guard: GuardOptions = {
    allow: [target],
    resolve: async (host) => {
      asked.push(host);
      return addresses(asked);
    },
  };
  return { target, guard, asked, sender: createSender(target) };
}

const refused = async (
  exchanges: readonly Exchange[],
  { sender, guard }: Pick<ReturnType<typeof named>, 'sender' | 'guard'>,
  options: ReplayOptions = {},
) => {
  const error = { code: 'target-refused' };
  await expect(replayAll(exchanges, sender, { pace: 'asap', guard, ...options })).rejects.toMatchObject(
    error,
  );
  await expect(planReplay(exchanges, sender, { guard })).rejects.toMatchObject(error);
};

test.each(['inline', 'worker'] as const)(
  'a name is looked up once, and all connections go where it led then (%s)',
  async (thread) => {
    await using server = await wireServer(answerHeads(closing));
    // Whoever asks a second time is sent to where nothing listens.
    const { sender, guard, asked } = named(server, 'staging.test', ({ length }) =>
      length === 1 ? ['127.0.0.1'] : ['127.0.0.9'],
    );
    const results = await replayAll(gets(12), sender, {
      ...{ thread, pace: 'asap', order: 'serial' },
      guard: { ...guard, allowRecordedOrigin: true },
    });
    expect(results.map(({ entry }) => entry.outcome)).toEqual(Array(12).fill('answered'));
    expect(server.connections.length).toBeGreaterThanOrEqual(12);
    expect(asked).toEqual(['staging.test']);
  },
);

test('what an earlier run looked up does not hold for the next', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const { sender, guard, asked } = named(server, 'staging.test', ({ length }) =>
    length === 1 ? ['127.0.0.9'] : ['127.0.0.1'],
  );
  const options = { pace: 'asap', guard: { ...guard, allowRecordedOrigin: true } } as const;
  await expect(replayAll(gets(1), sender, options)).rejects.toMatchObject({ code: 'target-unreachable' });
  const [result] = await replayAll(gets(1), sender, options);
  expect(result?.entry.outcome).toBe('answered');
  expect(asked).toHaveLength(2);
});

test('a name that is not known is told, and the system is not asked behind the back of the guard', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const { guard } = named(server, 'staging.test', () => []);
  const target = server.origin.replace('127.0.0.1', 'staging.test');
  await expect(replayAll(gets(1), createSender(target), { guard, pace: 'asap' })).rejects.toMatchObject({
    code: 'target-unreachable',
    message: expect.stringContaining('is not known'),
  });
  expect(server.connections).toHaveLength(0);
});

test('a name that leads to where clouds keep credentials gets nothing', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  for (const address of ['169.254.169.254', 'fe80::1', '::ffff:169.254.169.254', '127.0.0.1, 169.254.0.1']) {
    await refused(
      gets(3),
      named(server, 'staging.test', () => address.split(', ')),
    );
  }
  expect(server.connections).toHaveLength(0);
});

test('an origin that is recorded under another name gets nothing', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const { port } = new URL(server.origin);
  for (const host of [
    `shop.test:${port}`,
    `127.0.0.1:${port}`,
    `[::ffff:7f00:1]:${port}`,
    `u@shop.test:${port}`,
  ]) {
    await refused(
      gets(3, ['Host', host]),
      named(server, 'alias.test', () => ['127.0.0.1']),
    );
  }
  const absolute = anExchange({ request: { headers: ['Host', 'x'], target: `http://shop.test:${port}/a` } });
  await refused(
    [absolute],
    named(server, 'alias.test', () => ['127.0.0.1']),
  );
  expect(server.connections).toHaveLength(0);
});

test('no spelling of an address that is not allowed gets anything', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const { port } = new URL(server.origin);
  // All of them reach the server on Linux.
  for (const host of ['0.0.0.0', '0', '[::]', '[::ffff:0.0.0.0]', '0x0', '000.0']) {
    const sender = createSender(`http://${host}:${port}`);
    await refused(gets(1), { sender, guard: { allow: [`http://127.0.0.1:${port}`, 'http://0.0.0.1'] } });
  }
  expect(server.connections).toHaveLength(0);
});

test('redirects are answers: what they lead to gets nothing', async () => {
  await using elsewhere = await wireServer(answerHeads(okAnswer));
  const location = (path: string) =>
    `HTTP/1.1 307 T\r\nLocation: ${path}\r\nContent-Length: 0\r\nRefresh: 0;url=${elsewhere.origin}\r\n\r\n`;
  await using server = await wireServer(
    answerHeads((count) => location(count === 0 ? `${elsewhere.origin}/a` : `//${elsewhere.authority}/b`)),
  );
  const exchanges = gets(2).map((exchange) => ({ ...exchange, lane: 'one' }));
  const results = await replayAll(exchanges, createSender(server.origin), { pace: 'asap', order: 'serial' });
  expect(results.map(({ entry }) => entry.status)).toEqual([307, 307]);
  expect(elsewhere.connections).toHaveLength(0);
});

test('whatever a recorded request names, it goes to the target', async () => {
  await using elsewhere = await wireServer(answerHeads(okAnswer));
  await using server = await wireServer(answerHeads(okAnswer));
  const { authority, origin } = elsewhere;
  const exchanges = [
    { target: `${origin}/a`, headers: ['Host', authority] },
    { target: `http://user@${authority}/a`, headers: ['Host', authority, 'Host', 'b'] },
    { target: `//${authority}/a`, headers: ['Host', `127.0.0.1@${authority}`] },
    { target: authority, method: 'CONNECT', headers: ['Host', authority] },
    { target: authority, headers: ['Host', authority] },
    { target: '/a', headers: ['Host', `x\r\nHost: ${authority}`] },
    { target: '/a', headers: ['Host', 'x', 'X-Forwarded-Host', authority], authority },
  ].map((request, i) => anExchange({ id: i + 1, request }));
  const results = await replayAll(exchanges, createSender(server.origin), { pace: 'asap', order: 'serial' });
  expect(elsewhere.connections).toHaveLength(0);
  const sent = server.connections.map((connection) => connection.text()).join('');
  const lines = sent.split('\r\n').filter((line) => /^host:/i.test(line));
  expect(new Set(lines)).toEqual(new Set([`Host: ${server.authority}`]));
  expect(sent).not.toMatch(/^(GET|CONNECT) [^/]/m);
  const inOrder = results.toSorted((a, b) => a.entry.exchange - b.entry.exchange);
  expect(inOrder.map(({ entry }) => entry.skip)).toEqual([
    ...[undefined, undefined, undefined, 'protocol', 'request-invalid', undefined, undefined],
  ]);
});

test('a host suffix stands before the port, and the connection is that of the target', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const { target, sender, guard } = named(server, 'staging.test', () => ['127.0.0.1']);
  const mark = { runId: 'r1', hostSuffix: true };
  const options: ReplayOptions = { pace: 'asap', guard: { ...guard, allowRecordedOrigin: true }, mark };
  await replayAll(gets(1), sender, options);
  const { port } = new URL(target);
  expect(server.connections[0]?.text()).toContain(`Host: staging.test-shadow:${port}\r\n`);
  const [own] = await replayAll(gets(1), createSender(server.origin), { pace: 'asap', mark });
  expect(own?.entry.outcome).toBe('answered');
  expect(server.connections[1]?.text()).toContain(`Host: ${server.authority}\r\n`);
  // As recorded, and as a hook has it.
  await replayAll(gets(1), createSender(server.origin, { host: 'recorded' }), { pace: 'asap', mark });
  expect(server.connections[2]?.text()).toContain('Host: other.test-shadow\r\n');
});

test('what is sent carries all marks of the run', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const recorded = [
    ...['Host', 'a', 'User-Agent', 'app/1', 'Idempotency-Key', 'k1'],
    ...['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ];
  const mark = { runId: 'r1', tenancy: 'request-tenancy: shadow/{runId}', signKey: 'k'.repeat(32) };
  await replayAll(gets(1, recorded), createSender(server.origin), { pace: 'asap', mark });
  const sent = (server.connections[0]?.text() ?? '').split('\r\n').flatMap((line) => line.split(': '));
  const value = (name: string) => headerValues(sent.slice(1), name)[0];
  expect(value('x-shadow-signature')).toMatch(/^v1\.\d+\.[\w-]{43}$/);
  expect(value('idempotency-key')).toBe('r1-k1');
  expect(value('request-tenancy')).toBe('shadow/r1');
  expect(value('user-agent')).toMatch(/^app\/1 shadow-replay\//);
  expect(value('x-shadow-origin-trace')).toBe('0af7651916cd43dd8448eb211c80319c');
  expect(value('baggage')).toBe('shadow=true,shadow.run=r1');
});

const posts = (count: number, bytes: number): Exchange[] =>
  Array.from({ length: count }, (_, i) => {
    const chunks = [{ at: 0, size: bytes, data: new Uint8Array(bytes) }];
    const headers = ['Host', 'a', 'Content-Length', String(bytes)];
    return anExchange({
      id: i + 1,
      request: { method: 'POST', headers, chunks, size: bytes, complete: true },
    });
  });

test.each(['inline', 'worker'] as const)(
  'what a run may spend is spent, and then it ends and says why (%s)',
  async (thread) => {
    await using server = await wireServer(answerHeads(okAnswer));
    const spent = async (exchanges: Exchange[], guard: GuardOptions) => {
      const report = await replay(exchanges, server.origin, { thread, pace: 'asap', guard });
      return [report.exchanges.answered, report.run?.stopped, report.fidelity.verdict];
    };
    expect(await spent(gets(10), { maxRequests: 4 })).toEqual([4, 'max-requests', 'stopped']);
    expect(await spent(gets(4), { maxRequests: 4 })).toEqual([4, undefined, 'faithful']);
    await using counting = await wireServer((connection, data) => {
      if (data.length >= 1_000 || data.includes('POST')) connection.socket.write(okAnswer);
    });
    const report = await replay(posts(10, 1_000), counting.origin, {
      ...{ thread, pace: 'asap', order: 'serial', guard: { maxBytes: 3_500 } },
    });
    expect(report.run?.stopped).toBe('max-bytes');
    const bytes = counting.connections.map((connection) => connection.text().split('\0').length - 1);
    expect(bytes.reduce((sum, one) => sum + one, 0)).toBe(3_000);
  },
);

test.each(['inline', 'worker'] as const)('no more begin in a second than may (%s)', async (thread) => {
  await using server = await wireServer(answerHeads(okAnswer));
  const exchanges = gets(9).map((exchange) => ({ ...exchange, lane: 'one' }));
  const report = await replay(exchanges, server.origin, { thread, pace: 'asap', guard: { maxRps: 4 } });
  expect(report.exchanges.answered).toBe(9);
  const seconds = server.connections.flatMap(({ pieces }) => pieces.map(({ atMs }) => atMs));
  // Nine are three seconds' worth; a second may have begun at any moment.
  expect((seconds.at(-1) ?? 0) - (seconds[0] ?? 0)).toBeGreaterThan(900);
});

test('a file that someone makes stops the run, with a report on what was sent', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-stop-'));
  try {
    const stopFile = join(directory, 'stop');
    const answer = answerHeads(okAnswer);
    // Connections may be made before the run begins: it is the first answer that counts.
    await using server = await wireServer((connection) => {
      answer(connection);
      writeFileSync(stopFile, '');
    });
    const exchanges = gets(1_000).map((exchange, i) => ({ ...exchange, startAt: i * 50e6 }));
    const report = await replay(exchanges, server.origin, { guard: { stopFile } });
    expect(report.run?.stopped).toBe('stop-file');
    expect(report.exchanges.answered).toBeGreaterThan(0);
    expect(report.exchanges.answered).toBeLessThan(500);
    // One that is there from the start is no run at all.
    const before = server.connections.length;
    const again = replay(exchanges, server.origin, { guard: { stopFile } });
    await expect(again).rejects.toMatchObject({ code: 'target-refused' });
    expect(server.connections.length).toBe(before);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test.each(['inline', 'worker'] as const)(
  'a target that answers with errors is given a pause (%s)',
  async (thread) => {
    await using server = await wireServer(answerHeads('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'));
    const exchanges = gets(400).map((exchange, i) => ({ ...exchange, startAt: i * 5e6, lane: 'one' }));
    const stop = new AbortController();
    const report = await replay(exchanges, server.origin, {
      ...{ thread, guard: { breaker: true }, signal: stop.signal },
      onProgress({ pauses, elapsedMs }) {
        // Until now 300 would have been sent.
        if (pauses === 1 && elapsedMs > 1_500) stop.abort();
      },
    });
    expect(report.run).toMatchObject({ stopped: 'signal', pauses: 1 });
    expect(report.exchanges.sent).toBeGreaterThanOrEqual(20);
    expect(report.exchanges.sent).toBeLessThan(150);
    expect(report.reasons.join()).toContain('The run paused once');
  },
);

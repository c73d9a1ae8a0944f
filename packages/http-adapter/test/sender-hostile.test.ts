import { once } from 'node:events';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { type Exchange, isUnsendable, type Request, type RunTimer, systemClock } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { expect, test, vi } from 'vitest';
import { defaultResponseLimits } from '../src/response-parser.ts';
import { createSender } from '../src/sender.ts';
import { HttpLane } from '../src/sender-lane.ts';
import { toRequest } from '../src/to-request.ts';
import { answerBody, replayAll } from './support/replay.ts';
import { answerHeads, okAnswer, wireServer } from './support/wire-server.ts';

const ms = 1e6;

const recorded = (
  id: number,
  lane: string,
  from: number,
  to: number,
  request: Partial<Request> = {},
): Exchange =>
  anExchange({ id, lane, startAt: from * ms, endAt: to * ms, request, response: { endAt: to * ms } });

test('what follows an answer without being asked for is the answer to nothing', async () => {
  await using server = await wireServer(
    answerHeads(`${okAnswer}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`),
  );
  const results = await replayAll(
    [1, 2, 3].map((id) => recorded(id, 'a', id, id + 0.5, { method: 'POST', target: `/${id}` })),
    createSender(server.origin),
    { pace: 'asap' },
  );
  expect(results.map((result) => result.entry.error ?? answerBody(result))).toEqual(['ok', 'ok', 'ok']);
  expect(server.connections.map(({ text }) => text().split(' HTTP')[0])).toEqual([
    'POST /1',
    'POST /2',
    'POST /3',
  ]);
});

test('a target that says close after each answer gets all that was pipelined, one after the other', async () => {
  await using server = await wireServer(({ socket }) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
  });
  const exchanges = Array.from({ length: 8 }, (_, i) => recorded(i + 1, 'a', i / 10, 50 + i));
  const results = await replayAll(exchanges, createSender(server.origin));
  expect(results.map(({ entry }) => entry.error?.code ?? entry.status)).toEqual(Array(8).fill(200));
  expect(results.at(-1)?.entry.resent).toBe(true);
});

test('a target that says close and does not leaves no socket behind', async () => {
  const sockets: Socket[] = [];
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', () =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const open = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  const before = open();
  try {
    const { port } = server.address() as AddressInfo;
    const exchanges = Array.from({ length: 5 }, (_, i) => recorded(i + 1, 'a', i, i + 0.5));
    const results = await replayAll(exchanges, createSender(`http://127.0.0.1:${port}`));
    expect(results.map(({ entry }) => entry.status)).toEqual([200, 200, 200, 200, 200]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sockets).toHaveLength(5);
    expect(open() - before).toBeLessThanOrEqual(5);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

test('a body in pieces of one byte is kept whole, in few pieces', async () => {
  const pieces = 200_000;
  await using server = await wireServer(({ socket }) => {
    socket.write(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(pieces)}0\r\n\r\n`,
    );
  });
  const [result] = await replayAll([anExchange()], createSender(server.origin));
  expect(answerBody(result)).toBe('x'.repeat(pieces));
  expect(result?.replayed?.response).toMatchObject({ size: pieces, state: 'kept' });
  expect(result?.replayed?.response?.chunks.length).toBeLessThan(2_000);
});

const head = 'HTTP/1.1 200 OK\r\n';
const hostile: readonly (readonly [name: string, answer: string])[] = [
  ['two lengths', `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`],
  ['a signed length', `${head}Content-Length: +2\r\n\r\nok`],
  [
    'a length beside a transfer coding',
    `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['a chunk size beyond counting', `${head}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx`],
  ['a chunk size with a sign', `${head}Transfer-Encoding: chunked\r\n\r\n-1\r\nx`],
  ['a chunk size line without end', `${head}Transfer-Encoding: chunked\r\n\r\n1;${'e'.repeat(5000)}`],
  ['trailers without end', `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n${'A: b\r\n'.repeat(20_000)}`],
  ['a folded header', `${head}X: a\r\n b\r\nContent-Length: 2\r\n\r\nok`],
  ['a name with a blank', `${head}Content-Length : 2\r\n\r\nok`],
  ['a bare line feed', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
  ['bytes of nothing', '\0\xff\xfe'.repeat(100)],
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
  ['1xx without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_000)],
  ['headers without number', `${head}${'A:b\r\n'.repeat(5_000)}\r\n`],
];

test.each(hostile)(
  'an answer with %s fails its exchange, and no other lane is late',
  async (_name, answer) => {
    await using server = await wireServer((connection) => {
      const bad = connection.text().includes('/bad');
      connection.socket.write(bad ? answer : okAnswer, 'latin1');
    });
    const results = await replayAll(
      [recorded(1, 'bad', 0, 1, { target: '/bad' }), recorded(2, 'good', 20, 21)],
      createSender(server.origin),
      { guard: { timeoutMs: 5000 } },
    );
    const of = (id: number) => results.find(({ entry }) => entry.exchange === id)?.entry;
    expect(of(1)?.error?.code).toMatch(/^response-(?:malformed|limit)$/);
    expect(of(2)).toMatchObject({ outcome: 'answered', status: 200 });
    expect((of(2)?.sentAt ?? 0) - (of(2)?.plannedAt ?? 0)).toBeLessThan(2000 * ms);
  },
);

const stages: readonly (readonly [name: string, before: string])[] = [
  ['before a byte', ''],
  ['in the status line', 'HTTP/1.1 2'],
  ['in a head', `${head}Content-Le`],
  ['in a counted body', `${head}Content-Length: 10\r\n\r\nabc`],
  ['in a chunk', `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nab`],
  ['before the last chunk', `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`],
  ['after an informational head', 'HTTP/1.1 100 Continue\r\n\r\n'],
];

test.each(stages)('a connection that is reset %s fails its exchange once', async (_name, before) => {
  await using server = await wireServer(({ socket }) => {
    if (before === '') socket.resetAndDestroy();
    else socket.write(before, () => setImmediate(() => socket.resetAndDestroy()));
  });
  const results = await replayAll(
    [recorded(1, 'a', 0, 1), recorded(2, 'b', 5, 6)],
    createSender(server.origin),
  );
  expect(results.map(({ entry }) => entry.error?.code)).toEqual(['connection-closed', 'connection-closed']);
  expect(server.connections).toHaveLength(2);
});

test('answers that are under way at once share the room for what is kept of them, and give it back', async () => {
  await using server = await wireServer(({ socket }) =>
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1600\r\n\r\n${'x'.repeat(1599)}`),
  );
  const room = { bytes: 1_000 };
  const options = {
    ...{ target: server.origin, limits: defaultResponseLimits, maxBodyBytes: 900, room },
    dial: () => {
      const { port } = new URL(server.origin);
      return { stream: connect(Number(port), '127.0.0.1'), readyOn: 'connect' as const };
    },
    connectTimeoutMs: 1_000,
    maxMessageWaitMs: 1_000,
  };
  const timer: RunTimer = { nowNs: () => systemClock.nowNs(), at: () => () => {} };
  const request = toRequest(anExchange(), { authority: 'a', host: 'target' });
  if (isUnsendable(request)) throw new Error(request.skip);
  const lanes = [new HttpLane(options, timer), new HttpLane(options, timer)];
  const answering = Promise.all(lanes.map((lane) => lane.send(request, false)));
  // Neither ends before both have come to the limit.
  await vi.waitFor(() => expect(room.bytes).toBe(0));
  for (const { socket } of server.connections) socket.write('x');
  const answers = await answering;
  expect(answers.map(({ size, truncated }) => [size, truncated])).toEqual([
    [1600, true],
    [1600, true],
  ]);
  const kept = answers.map(({ chunks }) => chunks.reduce((sum, { data }) => sum + data.length, 0));
  expect(kept.reduce((sum, one) => sum + one)).toBe(1_000);
  expect(room.bytes).toBe(1_000);
  for (const lane of lanes) lane.close();
});

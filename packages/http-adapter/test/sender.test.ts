import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { Exchange, Request } from '@gardenhose/core';
import { aChunk, anExchange } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { createSender } from '../src/sender.ts';
import { answerBody, replayAll } from './support/replay.ts';
import { listening } from './support/servers.ts';
import { testCert, testKey } from './support/tls.ts';
import { answerHeads, okAnswer, wireServer } from './support/wire-server.ts';

const ms = 1e6;

/** An exchange that was recorded from `from` to `to`, in milliseconds. */
const recorded = (
  id: number,
  lane: string,
  from: number,
  to: number,
  request: Partial<Request> = {},
): Exchange =>
  anExchange({ id, lane, startAt: from * ms, endAt: to * ms, request, response: { endAt: to * ms } });

test('a request goes out as it was recorded, byte for byte', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const headers = [
    'hOsT',
    'x',
    'X-B',
    '1',
    'x-b',
    '2',
    'ACCEPT',
    '*/*',
    'X-Latin',
    'D\xe9j\xe0',
    'X-Blank',
    '',
  ];
  const [result] = await replayAll(
    [recorded(1, 'a', 0, 1, { method: 'REPORT', target: '/a;b?c=%20&c', headers })],
    createSender(server.origin, { host: 'recorded' }),
  );
  expect(server.connections[0]?.text()).toBe(
    'REPORT /a;b?c=%20&c HTTP/1.1\r\nhOsT: x\r\nX-B: 1\r\nx-b: 2\r\nACCEPT: */*\r\nX-Latin: D\xe9j\xe0\r\nX-Blank: \r\n\r\n',
  );
  expect(result?.entry).toMatchObject({ outcome: 'answered', status: 200, recordedStatus: 200 });
  expect(answerBody(result)).toBe('ok');
});

test('marks are all that a default replay adds', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  await replayAll([recorded(1, 'a', 0, 1)], createSender(server.origin), { mark: { runId: 'r' } });
  expect(server.connections[0]?.text()).toBe(
    `GET /orders/7 HTTP/1.1\r\nHost: ${server.authority}\r\nAccept: */*\r\nbaggage: shadow=true,shadow.run=r\r\n` +
      'x-shadow-traffic: true\r\nx-shadow-run: r\r\nx-shadow-seq: 0\r\n\r\n',
  );
});

test('an answer comes back as it was on the wire', async () => {
  await using server = await wireServer(
    answerHeads(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Made It\r\nSet-Cookie: a=1\r\nSET-COOKIE: b=2\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 5\r\n\r\n',
    ),
  );
  const [result] = await replayAll([recorded(1, 'a', 0, 1)], createSender(server.origin));
  expect(result?.replayed).toMatchObject({
    informational: [{ status: 103, reason: 'Early Hints', headers: ['Link', '</a>'] }],
    response: {
      status: 201,
      reason: 'Made It',
      headers: ['Set-Cookie', 'a=1', 'SET-COOKIE', 'b=2', 'Transfer-Encoding', 'chunked'],
      trailers: ['X-Sum', '5'],
      size: 5,
      state: 'kept',
      complete: true,
    },
  });
  expect(answerBody(result)).toBe('hello');
});

test('each lane has one connection, which its exchanges share', async () => {
  await using server = await wireServer(
    answerHeads((count) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${count}`),
  );
  const results = await replayAll(
    [recorded(1, 'a', 0, 1), recorded(2, 'b', 2, 3), recorded(3, 'a', 4, 5), recorded(4, 'b', 6, 7)],
    createSender(server.origin),
  );
  expect(server.connections).toHaveLength(2);
  expect(results.map((result) => [result.entry.exchange, answerBody(result)]).sort()).toEqual([
    [1, '0'],
    [2, '0'],
    [3, '1'],
    [4, '1'],
  ]);
});

test('what overlapped on a connection is pipelined on it, and the answers are told apart', async () => {
  // The server keeps the first two requests until the third is there.
  await using server = await wireServer((connection) => {
    const heads = connection.text().split('\r\n\r\n').length - 1;
    if (heads === 3)
      connection.socket.write(
        [1, 2, 3].map((n) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${n}`).join(''),
      );
  });
  const results = await replayAll(
    [
      recorded(1, 'a', 0, 50, { target: '/1' }),
      recorded(2, 'a', 1, 51, { target: '/2' }),
      recorded(3, 'a', 2, 52, { target: '/3' }),
    ],
    createSender(server.origin),
  );
  expect(server.connections).toHaveLength(1);
  expect(results.map((result) => [result.entry.exchange, answerBody(result)])).toEqual([
    [1, '1'],
    [2, '2'],
    [3, '3'],
  ]);
});

test('without an order, what did not overlap gets connections of its own while one is busy', async () => {
  await using server = await wireServer((connection) => {
    // The first connection is answered late, when the second has been.
    if (server.connections.length === 2) {
      for (const { socket } of server.connections) socket.write(okAnswer);
    }
    void connection;
  });
  const results = await replayAll(
    [recorded(1, 'a', 0, 1), recorded(2, 'a', 5, 6)],
    createSender(server.origin),
    {
      order: 'none',
    },
  );
  expect(server.connections).toHaveLength(2);
  expect(results.map(({ entry }) => entry.outcome)).toEqual(['answered', 'answered']);
});

test('an upload keeps its chunks and their times', async () => {
  await using server = await wireServer((connection) => {
    if (connection.text().endsWith('0\r\nX-T: 1\r\n\r\n')) connection.socket.write(okAnswer);
  });
  const upload = recorded(1, 'a', 0, 200, {
    method: 'PUT',
    headers: ['Transfer-Encoding', 'chunked'],
    chunks: [aChunk('one', 40 * ms), aChunk('three', 80 * ms)],
    size: 8,
    trailers: ['X-T', '1'],
    endAt: 120 * ms,
  });
  const [result] = await replayAll([upload], createSender(server.origin, { host: 'recorded' }));
  const [connection] = server.connections;
  expect(connection?.text()).toBe(
    'PUT /orders/7 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\nX-T: 1\r\n\r\n',
  );
  const [first] = connection?.pieces ?? [];
  const offsets = connection?.pieces.map(({ atMs }) => atMs - (first?.atMs ?? 0)) ?? [];
  expect(offsets).toHaveLength(4);
  for (const [i, offset] of offsets.entries()) {
    expect(offset).toBeGreaterThan(i * 40 - 10);
    expect(offset).toBeLessThan(i * 40 + 1_000);
  }
  // Of each piece behind the head, and never early.
  const { plannedAt = 0, sentAt = 0, messageLagsNs = [] } = result?.entry ?? {};
  expect(messageLagsNs).toHaveLength(3);
  for (const lag of messageLagsNs) expect(lag).toBeGreaterThanOrEqual(sentAt - plannedAt);
});

test('a pipelined request waits until the upload before it is written to its end', async () => {
  await using server = await wireServer((connection) => {
    if (connection.text().includes('/second')) connection.socket.write(okAnswer + okAnswer);
  });
  const headers = ['Host', 'a', 'Transfer-Encoding', 'chunked'];
  await replayAll(
    [
      recorded(1, 'a', 0, 90, {
        method: 'PUT',
        headers,
        chunks: [aChunk('x', 30 * ms)],
        size: 1,
        endAt: 30 * ms,
      }),
      recorded(2, 'a', 10, 91, { target: '/second' }),
    ],
    createSender(server.origin),
  );
  expect(server.connections[0]?.text()).toMatch(/\r\n\r\n1\r\nx\r\n0\r\n\r\nGET \/second HTTP/);
});

test('a target that nobody listens at refuses the run with one sentence, before anything is sent', async () => {
  const unused = createTcpServer().listen(0, '127.0.0.1');
  await once(unused, 'listening');
  const address = unused.address();
  unused.close();
  await once(unused, 'close');
  const port = typeof address === 'object' ? address?.port : 0;
  await expect(replayAll([anExchange()], createSender(`http://127.0.0.1:${port}`))).rejects.toMatchObject({
    code: 'target-unreachable',
    message: `Nothing listens at http://127.0.0.1:${port} (ECONNREFUSED); start the target or correct the port`,
  });
});

test('a host that does not exist is told as such', async () => {
  const origin = 'http://does-not-exist.invalid';
  const replay = replayAll([anExchange()], createSender(origin), { guard: { allow: [origin] } });
  await expect(replay).rejects.toMatchObject({ code: 'target-unreachable' });
});

test('localhost is the loopback, whatever the resolver says', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const origin = server.origin.replace('127.0.0.1', 'any-name.localhost');
  const [result] = await replayAll([anExchange()], createSender(origin));
  expect(result?.entry.outcome).toBe('answered');
});

test('a target that closes after each answer is connected anew, and nothing is lost', async () => {
  await using server = await wireServer((connection) => {
    connection.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
  });
  const results = await replayAll(
    [1, 2, 3].map((id) => recorded(id, 'a', id * 10, id * 10 + 1)),
    createSender(server.origin),
  );
  expect(results.map(({ entry }) => entry.outcome)).toEqual(['answered', 'answered', 'answered']);
  expect(results.map(({ entry }) => entry.resent)).toEqual([undefined, undefined, undefined]);
  expect(server.connections.length).toBeGreaterThanOrEqual(3);
});

test('a body may end with its connection', async () => {
  await using server = await wireServer(({ socket }) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
  const [result] = await replayAll([anExchange()], createSender(server.origin));
  expect(answerBody(result)).toBe('all of it');
});

test('what stood behind an answer that closes is sent again on a new connection, and noted', async () => {
  await using server = await wireServer((connection) => {
    const heads = connection.text().split('\r\n\r\n').length - 1;
    if (server.connections.length === 1) {
      // The first connection answers one of two pipelined requests and closes.
      if (heads === 2)
        connection.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
    } else {
      connection.socket.write(okAnswer);
    }
  });
  const results = await replayAll(
    [recorded(1, 'a', 0, 50), recorded(2, 'a', 1, 51, { method: 'POST' })],
    createSender(server.origin),
  );
  expect(results.map(({ entry }) => [entry.exchange, entry.outcome, entry.resent])).toEqual([
    [1, 'answered', undefined],
    [2, 'answered', true],
  ]);
});

test('a connection that goes idle and is closed as a request goes out: sent again when that can do no harm', async () => {
  const run = async (method: string) => {
    let resets = 0;
    await using server = await wireServer((connection) => {
      const heads = connection.text().split('\r\n\r\n').length - 1;
      if (heads === 2 && server.connections.length === 1) {
        resets++;
        connection.socket.resetAndDestroy();
      } else {
        connection.socket.write(okAnswer);
      }
    });
    const results = await replayAll(
      [recorded(1, 'a', 0, 1), recorded(2, 'a', 10, 11, { method })],
      createSender(server.origin),
    );
    expect(resets).toBe(1);
    return results.at(-1)?.entry;
  };
  expect(await run('GET')).toMatchObject({ outcome: 'answered', resent: true });
  // It may have been acted on: sending it twice is not ours to decide.
  expect(await run('POST')).toMatchObject({
    outcome: 'failed',
    resent: undefined,
    error: { code: 'connection-closed' },
  });
});

test('a request that is reset on a fresh connection is not sent twice', async () => {
  await using server = await wireServer(({ socket }) => socket.resetAndDestroy());
  const [result] = await replayAll([anExchange()], createSender(server.origin));
  expect(result?.entry).toMatchObject({ outcome: 'failed', error: { code: 'connection-closed' } });
  expect(result?.replayed).toMatchObject({
    response: undefined,
    abort: { by: 'server', code: 'connection-closed' },
  });
  expect(server.connections.filter((connection) => connection.text() !== '')).toHaveLength(1);
});

test('an answer that is cut short is a failure that keeps what came', async () => {
  await using server = await wireServer(({ socket }) =>
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf'),
  );
  const [result] = await replayAll([anExchange()], createSender(server.origin));
  expect(result?.entry).toMatchObject({
    outcome: 'failed',
    status: 200,
    error: { code: 'connection-closed' },
  });
  expect(result?.replayed?.response).toMatchObject({ complete: false, size: 4 });
});

test('a target that answers garbage fails each exchange with one sentence', async () => {
  await using server = await wireServer(({ socket }) => socket.write('SSH-2.0-OpenSSH_9.6\r\n\r\n'));
  const results = await replayAll(
    [recorded(1, 'a', 0, 1), recorded(2, 'a', 5, 6)],
    createSender(server.origin),
  );
  expect(results.map(({ entry }) => entry.error)).toEqual(
    [1, 2].map(() => ({
      code: 'response-malformed',
      message: `What ${server.origin} answered is not valid HTTP/1.1: it does not begin with a status line of HTTP/1`,
    })),
  );
});

test('a target that never answers fails in its time', async () => {
  await using server = await wireServer(() => {});
  const results = await replayAll(
    [recorded(1, 'a', 0, 1), recorded(2, 'b', 1, 2)],
    createSender(server.origin),
    {
      guard: { timeoutMs: 100 },
    },
  );
  expect(results.map(({ entry }) => entry.error?.code)).toEqual(['response-timeout', 'response-timeout']);
});

test('an endless body is kept up to a limit and ends in its time', async () => {
  const flood = Buffer.alloc(64 * 1024, 'x');
  await using server = await wireServer(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    const more = () => {
      while (!socket.destroyed && socket.write(flood)) {}
    };
    socket.on('drain', more);
    more();
  });
  const [result] = await replayAll([anExchange()], createSender(server.origin, { maxBodyBytes: 100_000 }), {
    guard: { timeoutMs: 150 },
  });
  expect(result?.entry.error?.code).toBe('response-timeout');
  expect(result?.replayed?.response?.state).toBe('truncated');
  expect(result?.replayed?.response?.size).toBeGreaterThan(100_000);
  expect(answerBody(result)).toHaveLength(100_000);
});

test('an endless head is over a limit', async () => {
  await using server = await wireServer(({ socket }) =>
    socket.write(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100_000)}`),
  );
  const [result] = await replayAll([anExchange()], createSender(server.origin));
  expect(result?.entry.error).toMatchObject({ code: 'response-limit' });
});

test('a client that had gone away goes away again', async () => {
  await using server = await wireServer(({ socket }) => socket.write('HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n'));
  const gone = anExchange({ startAt: 0, abort: { at: 50 * ms, by: 'client', code: 'ECONNRESET' } });
  const [result] = await replayAll([gone], createSender(server.origin));
  expect(result?.entry.outcome).toBe('answered');
  expect(result?.replayed?.abort).toMatchObject({ by: 'client', code: 'ECONNRESET' });
  expect(answerBody(result)).toBe('data: 1\n\n');
  const socket = server.connections[0]?.socket;
  if (socket !== undefined && !socket.destroyed) await once(socket, 'close');
});

test('a switch of protocols ends the exchange', async () => {
  await using server = await wireServer(({ socket }) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n\x00\x01'),
  );
  const results = await replayAll(
    [recorded(1, 'a', 0, 1), recorded(2, 'a', 5, 6)],
    createSender(server.origin),
  );
  expect(results.map(({ entry }) => entry.status)).toEqual([101, 101]);
});

test('bytes that nobody asked for close a connection and concern no exchange', async () => {
  await using server = await wireServer(answerHeads(okAnswer), ({ socket }) => {
    if (server.connections.length === 1) socket.write('HTTP/1.1 408 Request Timeout\r\n\r\n');
  });
  const results = await replayAll(
    [recorded(1, 'a', 0, 1), recorded(2, 'a', 20, 21)],
    createSender(server.origin),
  );
  expect(results.map(({ entry }) => entry.status)).toEqual([200, 200]);
});

test('a run that is killed ends, and says what it did not send', async () => {
  const stop = new AbortController();
  await using server = await wireServer(() => stop.abort());
  const results = await replayAll(
    [recorded(1, 'a', 0, 1), recorded(2, 'b', 60_000, 60_001)],
    createSender(server.origin),
    {
      signal: stop.signal,
      drainMs: 20,
    },
  );
  expect(results.map(({ entry }) => [entry.exchange, entry.skip ?? entry.error?.code]).sort()).toEqual([
    [1, 'replay-aborted'],
    [2, 'aborted'],
  ]);
});

test('a refused target gets no connection', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  // The same machine under a name that is not loopback.
  const origin = server.origin.replace('127.0.0.1', '0.0.0.0');
  await expect(replayAll([anExchange()], createSender(origin))).rejects.toMatchObject({
    code: 'target-refused',
  });
  expect(server.connections).toHaveLength(0);
});

const orders = ['causal', 'lane', 'serial'] as const;
test.each(orders)(
  'in %s order no lane is turned round, against a server with random delays',
  async (order) => {
    const log: { id: number; type: 'start' | 'end' }[] = [];
    await using server = await listening(
      createServer((req, res) => {
        const id = Number(req.url?.slice(1));
        log.push({ id, type: 'start' });
        setTimeout(() => {
          log.push({ id, type: 'end' });
          res.end('ok');
        }, Math.random() * 20);
      }),
    );
    const exchanges = Array.from({ length: 120 }, (_, i) => {
      // Every third overlaps the one before it in its lane.
      const from = i * 2 - (i % 3 === 2 ? 1 : 0);
      return recorded(i + 1, `l${i % 6}`, from, from + (i % 3 === 1 ? 14 : 1), { target: `/${i + 1}` });
    }).sort((a, b) => a.startAt - b.startAt);
    const results = await replayAll(exchanges, createSender(server.origin), { order });
    expect(results.every(({ entry }) => entry.outcome === 'answered')).toBe(true);
    const place = (id: number, type: 'start' | 'end') =>
      log.findIndex((entry) => entry.id === id && entry.type === type);
    let checked = 0;
    for (const [i, later] of exchanges.entries()) {
      for (const earlier of exchanges.slice(0, i)) {
        const related = order === 'serial' || earlier.lane === later.lane;
        if (!related || (order === 'causal' && earlier.endAt > later.startAt)) continue;
        checked++;
        expect(place(earlier.id, 'end')).toBeLessThan(place(later.id, 'start'));
      }
    }
    expect(checked).toBeGreaterThan(500);
  },
);

test('a TLS target is trusted by its certificate, and not otherwise', async () => {
  await using server = await listening(
    createHttpsServer({ key: testKey, cert: testCert }, (_req, res) => res.end('ok')),
  );
  const origin = server.origin.replace('http:', 'https:');
  const [trusted] = await replayAll([anExchange()], createSender(origin, { tls: { ca: testCert } }));
  expect(answerBody(trusted)).toBe('ok');
  const [unchecked] = await replayAll(
    [anExchange()],
    createSender(origin, { tls: { rejectUnauthorized: false } }),
  );
  expect(answerBody(unchecked)).toBe('ok');
  await expect(replayAll([anExchange()], createSender(origin))).rejects.toMatchObject({
    code: 'target-unreachable',
    message: `${origin} cannot be connected (DEPTH_ZERO_SELF_SIGNED_CERT)`,
  });
});

test('a target that takes connections and says nothing is told as slow to connect', async () => {
  await using server = await wireServer(() => {});
  const origin = server.origin.replace('http:', 'https:');
  await expect(
    replayAll([anExchange()], createSender(origin, { connectTimeoutMs: 100 })),
  ).rejects.toMatchObject({
    code: 'target-unreachable',
    message: `${origin} took longer than 100 ms to connect`,
  });
});

test('a sender is checked when it is made', () => {
  expect(() => createSender('127.0.0.1:3000')).toThrow(/target must be an origin/);
  expect(() => createSender('http://127.0.0.1/base')).toThrow(/without a path/);
  expect(() => createSender('http://u:p@127.0.0.1')).toThrow(/user name/);
  expect(() => createSender('http://127.0.0.1', { maxBodyBytes: -1 })).toThrow(/maxBodyBytes/);
  expect(() => createSender('http://127.0.0.1', JSON.parse('{"host":"x"}'))).toThrow(/host must be/);
  expect(() => createSender('http://127.0.0.1', JSON.parse('{"hosts":"x"}'))).toThrow(
    'sender has no option "hosts"',
  );
  expect(() => createSender('https://127.0.0.1', { tls: JSON.parse('{"cas":"x"}') })).toThrow(
    'tls has no option "cas"',
  );
});

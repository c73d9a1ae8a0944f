// Starts worker threads, which load the built packages: `npm run build` first.
import { type EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  assemble,
  byProtocol,
  type Exchange,
  fileSink,
  grpcStatusOf,
  type Message,
  openCapture,
  type ReplayResult,
  replayCapture,
  replayExchanges,
} from '@gardenhose/core';
import { aCaptureHeader, anExchange } from '@gardenhose/core/testing';
import { createSender, replay, tapServer } from '@gardenhose/grpc-adapter';
import { createSender as createHttpSender } from '@gardenhose/http-adapter';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { testCert, testKey } from '../../http-adapter/test/support/tls.ts';
import { aCall, answered } from './support/calls.ts';
import { serveBare } from './support/http2-server.ts';
import { type Recording, recording } from './support/recording.ts';
import { definition, type Handlers, serve } from './support/service.ts';

const origin = (port: number) => `http://127.0.0.1:${port}`;

/**
 * Answers as the first message says: `slow` not at all, `fail` with NOT_FOUND, all else by echo. Of a chat whose messages say
 * `stay` the server is not the first to end: grpc-js cancels by an end and a reset, and a server that is quick answers the end.
 */
const handlers: Handlers = {
  unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
    const text = call.request.toString();
    if (text.startsWith('slow')) return;
    if (text.startsWith('fail')) answer({ code: grpc.status.NOT_FOUND, details: 'no such thing' });
    else answer(null, call.request);
  },
  chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
    let stays = false;
    call.on('data', (part: Buffer) => {
      stays ||= part.toString().startsWith('stay');
      call.write(part);
    });
    call.on('end', () => {
      if (!stays) call.end();
    });
  },
};

const kinds = [
  'unary',
  'fail',
  'list',
  'upload',
  'chat',
  'cancel',
  'slow',
  'chat',
  'unary',
  'cancel',
] as const;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const asIs = (message: Buffer): Buffer => message;

/** One call of a client, to its end. */
async function callOnce(client: grpc.Client, kind: (typeof kinds)[number], name: string): Promise<void> {
  const ended = (call: EventEmitter): Promise<void> => {
    // A status other than OK is an error, too.
    call.on('error', () => undefined);
    if ('resume' in call && typeof call.resume === 'function') call.resume();
    return new Promise((resolve) => call.once('status', () => resolve()));
  };
  const metadata = new grpc.Metadata();
  metadata.set('x-name', name);
  const text = (part: string) => Buffer.from(`${part} ${name}`);
  const done = () => {
    // The status says it.
  };
  if (kind === 'unary' || kind === 'fail' || kind === 'slow') {
    // Long enough that a busy machine sends the call before it is over, and tells its deadline from a cancel.
    const options = { deadline: kind === 'slow' ? Date.now() + 500 : Number.POSITIVE_INFINITY };
    const { path } = definition.unary;
    await ended(client.makeUnaryRequest(path, asIs, asIs, text(kind), metadata, options, done));
  } else if (kind === 'list') {
    await ended(client.makeServerStreamRequest(definition.list.path, asIs, asIs, text('a b c'), metadata));
  } else if (kind === 'upload') {
    const call = client.makeClientStreamRequest(definition.upload.path, asIs, asIs, metadata, done);
    const status = ended(call);
    for (const part of ['one', 'two', 'three']) {
      call.write(text(part));
      await pause(4);
    }
    call.end();
    await status;
  } else {
    const call = client.makeBidiStreamRequest(definition.chat.path, asIs, asIs, metadata);
    const status = ended(call);
    const answers = new Promise<void>((resolve) => {
      let count = 0;
      call.on('data', () => {
        count++;
        if (count === 4) resolve();
      });
    });
    for (const part of ['one', 'two', 'three', 'four']) {
      call.write(text(kind === 'cancel' ? `stay ${part}` : part));
      await pause(7);
    }
    if (kind === 'chat') call.end();
    else {
      // Long after the last message and its answer, also where the replay of those is late.
      await answers;
      await pause(200);
      call.cancel();
    }
    await status;
  }
}

async function exchangesOf({ recorder, sink }: Recording): Promise<Exchange[]> {
  // A server sees a deadline or a cancel a moment after its client has.
  const open = () =>
    sink.events.reduce((count, event) => {
      if (event.type === 'start') return count + 1;
      const over = event.type === 'abort' || (event.type === 'end' && event.side === 'response');
      return over ? count - 1 : count;
    }, 0);
  await expect.poll(open).toBe(0);
  await recorder.close();
  const exchanges: Exchange[] = [];
  for await (const exchange of assemble(sink.events)) exchanges.push(exchange);
  return exchanges.sort((a, b) => a.startAt - b.startAt);
}

const nameOf = ({ request: { headers } }: Exchange) => headers[headers.indexOf('x-name') + 1] ?? '';

const textsOf = (messages: readonly Message[] = []) =>
  messages.map(({ data }) => Buffer.from(data).toString());

/** What passed in a call, in order; and how it ended. */
function told(exchange: Exchange): string[] {
  const { request, response } = exchange;
  const said = [request.target, ...textsOf(request.messages), ...textsOf(response?.messages)];
  return [...said, `half-close ${request.complete}`, `status ${grpcStatusOf(exchange)}`];
}

/**
 * The same, as far as it was told: cancels and deadlines wait for nothing, so that a server that has no time until then sees less of
 * it, and may take the one for the other. What it sees of the messages is a beginning of them, and it answers no more than it saw.
 */
function toldUntilBroken(one: Exchange, recorded: Exchange): boolean {
  const sent = textsOf(one.request.messages);
  const came = textsOf(one.response?.messages);
  return (
    one.request.target === recorded.request.target &&
    came.length <= sent.length &&
    isStart(sent, textsOf(recorded.request.messages)) &&
    isStart(came, textsOf(recorded.response?.messages))
  );
}

/** By a cancel or a deadline. */
const isBroken = (status = 0): boolean => status === 1 || status === 4;
const brokenOff = (exchange: Exchange): boolean => isBroken(grpcStatusOf(exchange));

const isStart = (some: readonly string[], all: readonly string[]): boolean =>
  some.length <= all.length && some.every((text, place) => text === all[place]);

test('200 calls of all kinds that overlap, with cancels and deadlines, are replayed as they were', async () => {
  const before = recording();
  const after = recording();
  await using running = await serve(handlers, (server) => tapServer(server, before.recorder));
  const clients = Array.from(
    { length: 5 },
    () =>
      new grpc.Client(`127.0.0.1:${running.port}`, grpc.credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
      }),
  );
  await Promise.all(
    clients.map((client) => new Promise((resolve) => client.waitForReady(Date.now() + 10_000, resolve))),
  );
  await Promise.all(
    clients.flatMap((client, lane) =>
      Array.from({ length: 40 }, async (_, i) => {
        await pause(i * 20);
        await callOnce(client, kinds[(i + lane) % kinds.length] ?? 'unary', `${lane}-${i}`);
      }),
    ),
  );
  for (const client of clients) client.close();
  const recorded = await exchangesOf(before);
  expect(recorded).toHaveLength(200);
  expect(new Set(recorded.map(({ lane }) => lane)).size).toBe(5);

  await using target = await serve(handlers, (server) =>
    tapServer(server, after.recorder, { recordShadow: true }),
  );
  const run = replayExchanges(recorded, createSender(origin(target.port)));
  const results: ReplayResult[] = [];
  for await (const result of run.results) results.push(result);
  expect(run.thread).toBe('worker');
  expect(results.filter(({ entry }) => entry.outcome !== 'answered')).toEqual([]);
  // Statuses as recorded: what the client of the replay saw, and what its server did.
  // A server that saw a call late takes its client's deadline for a cancel.
  const otherwise = results.filter(({ entry: { status, recordedStatus } }) =>
    isBroken(recordedStatus) ? !isBroken(status) : status !== recordedStatus,
  );
  expect(otherwise.map(({ entry, recorded, replayed }) => [entry, recorded, replayed?.abort])).toEqual([]);
  const statuses = results.map(({ entry }) => entry.status ?? -1);
  const count = (status: number) => statuses.filter((one) => one === status).length;
  expect(count(0) + count(1) + count(4)).toBe(180);
  expect(count(5)).toBe(20);
  expect(count(1)).toBeGreaterThan(0);
  expect(count(4)).toBeGreaterThan(0);

  const again = await exchangesOf(after);
  const byName = new Map(again.map((exchange) => [nameOf(exchange), exchange]));
  for (const exchange of recorded) {
    const one = byName.get(nameOf(exchange));
    if (brokenOff(exchange)) expect(one && toldUntilBroken(one, exchange)).toBe(true);
    else expect(one && told(one)).toEqual(told(exchange));
  }
  // Each recorded connection is one connection, and its calls start in their order.
  const lanes = (exchanges: readonly Exchange[]) => {
    const all = new Map<string, string[]>();
    for (const exchange of exchanges) {
      all.set(exchange.lane, [...(all.get(exchange.lane) ?? []), nameOf(exchange)]);
    }
    return [...all.values()].sort((a, b) => String(a[0]).localeCompare(String(b[0])));
  };
  expect(lanes(again)).toEqual(lanes(recorded));
}, 30_000);

test('a run in which all calls time out, as they did when they were recorded, is no faithful one', async () => {
  await using silent = await serveBare(() => undefined);
  const at = 40e6;
  const calls = [1, 2].map((id) =>
    aCall({
      id,
      headers: ['grpc-timeout', '40m'],
      over: { endAt: at, abort: { at, by: 'client', code: 'DEADLINE_EXCEEDED' } },
    }),
  );
  const report = await replay(calls, silent.origin, { thread: 'inline', compare: true });
  expect(report).toMatchObject({
    verdict: 2,
    fidelity: { verdict: 'nothing-answered' },
    exchanges: { sent: 2, failed: 0 },
    statuses: [{ recorded: 4, replayed: 4, count: 2, protocol: 'grpc' }],
  });
  expect(report.reasons).toContain('Nothing of any answer came from the target');
});

test('a capture of HTTP and gRPC is replayed through both senders, in one run and on one clock', async () => {
  const seen: string[] = [];
  await using running = await serve({
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
      seen.push(`grpc ${call.request}`);
      answer(null, call.request);
    },
  });
  const server = createServer((request, response) => {
    seen.push(`http ${request.url}`);
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const http = (id: number, at: number) =>
    anExchange({
      id,
      lane: 'h',
      startAt: at * 1e6,
      request: { target: `/${id}` },
      response: { endAt: at * 1e6 },
    });
  const exchanges = [
    http(1, 0),
    aCall({ id: 2, at: 25, messages: [[0, '2']] }),
    http(3, 50),
    aCall({ id: 4, at: 75, messages: [[0, '4']] }),
  ];
  const sender = byProtocol({
    http: createHttpSender(origin((server.address() as AddressInfo).port)),
    grpc: createSender(origin(running.port)),
  });
  const run = replayExchanges(exchanges, sender);
  const results: ReplayResult[] = [];
  for await (const result of run.results) results.push(result);
  await sender.close();
  server.close();
  expect(run.thread).toBe('worker');
  // In what order two servers look at what came over two connections, and which answer is back first, is chance where both are
  // there by then: the order of the run is that in which they were sent.
  expect(seen.toSorted()).toEqual(['grpc 2', 'grpc 4', 'http /1', 'http /3']);
  results.sort((a, b) => (a.entry.sentAt ?? 0) - (b.entry.sentAt ?? 0));
  expect(results.map(({ entry }) => [entry.exchange, entry.status])).toEqual([
    [1, 200],
    [2, 0],
    [3, 200],
    [4, 0],
  ]);
  expect(results.every(({ entry }) => (entry.sentAt ?? -1) >= entry.plannedAt)).toBe(true);
});

test('replay() reads a capture, sends its calls, compares the answers and reports', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-grpc-replay-'));
  try {
    const path = join(directory, 'calls.hose');
    const before = recording();
    {
      await using running = await serve(handlers, (server) => tapServer(server, before.recorder));
      for (const kind of ['unary', 'fail', 'list', 'chat'] as const)
        await callOnce(running.client, kind, kind);
    }
    await before.recorder.close();
    const sink = await fileSink({ path }).open(aCaptureHeader());
    await sink.write(before.sink.events);
    await sink.close();

    await using same = await serve(handlers);
    const report = await replay(path, origin(same.port), { compare: true });
    expect(report).toMatchObject({ comparison: 'clean', exchanges: { total: 4, answered: 4, failed: 0 } });
    expect(report.statuses).toEqual([
      { recorded: 0, replayed: 0, count: 3, protocol: 'grpc' },
      { recorded: 5, replayed: 5, count: 1, protocol: 'grpc' },
    ]);

    await using changed = await serve({
      list: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
        call.write(call.request);
        call.end();
      },
    });
    await using capture = await openCapture(path);
    const sender = createSender(origin(changed.port));
    const differs = await replayCapture(capture, sender, { compare: true });
    expect(differs.comparison).toBe('changed');
    const paths = differs.differences?.groups.map(({ operation, path: at }) => `${operation} ${at}`) ?? [];
    // What failed answers now, and the list has one message in place of four.
    expect(paths).toEqual(
      expect.arrayContaining([
        'test.Echo/Unary status',
        'test.Echo/List body:$[*].bytes',
        'test.Echo/List body:$[*]',
      ]),
    );
    await expect(replay(path, sender, { sender: {} })).rejects.toMatchObject({ code: 'invalid-option' });
    await sender.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('a target with TLS is reached by its authority and its name', async () => {
  const server = new grpc.Server();
  server.addService(definition, {
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) =>
      answer(null, call.request),
    upload: () => undefined,
    list: () => undefined,
    chat: () => undefined,
  });
  const port = await new Promise<number>((resolve, reject) => {
    const pair = { private_key: Buffer.from(testKey), cert_chain: Buffer.from(testCert) };
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createSsl(null, [pair]), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const target = `https://localhost:${port}`;
  const results: ReplayResult[] = [];
  const onResult = (result: ReplayResult) => void results.push(result);
  await replay([aCall()], target, { sender: { tls: { ca: testCert } }, onResult });
  await replay([aCall()], `https://127.0.0.1:${port}`, {
    sender: { tls: { ca: testCert, servername: 'localhost' } },
    onResult,
  });
  await replay([aCall()], target, { sender: { tls: { rejectUnauthorized: false } }, onResult });
  expect(results.map(answered)).toEqual([['hello'], ['hello'], ['hello']]);
  for (const tls of [{}, { ca: testCert, servername: 'other.test' }]) {
    await expect(replay([aCall()], target, { sender: { tls } })).rejects.toMatchObject({
      code: 'target-unreachable',
      message: expect.stringContaining(`No TLS with ${target}`),
    });
  }
  await expect(replay([aCall()], origin(port))).rejects.toMatchObject({ code: 'target-unreachable' });
  server.forceShutdown();
}, 30_000);

test('case 25: a hook rewrites messages before they are sent, and sees those that came', async () => {
  await using running = await serve({});
  const taught: string[] = [];
  const report = await replay([aCall({ messages: [[0, 'token=old']] })], origin(running.port), {
    hooks: {
      onSend: (exchange) => ({
        ...exchange,
        request: {
          ...exchange.request,
          messages: exchange.request.messages.map((message) => ({
            ...message,
            data: Buffer.from('token=new'),
          })),
        },
      }),
      onOutcome: (_recorded, { replayed }) => {
        for (const { data } of replayed.response?.messages ?? []) taught.push(Buffer.from(data).toString());
      },
    },
  });
  expect(report.exchanges.answered).toBe(1);
  expect(taught).toEqual(['token=new']);
});

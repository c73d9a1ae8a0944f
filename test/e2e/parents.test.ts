import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, request, type Server } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate, setTimeout } from 'node:timers/promises';
import {
  createRecorder,
  type Exchange,
  memorySink,
  never,
  noMask,
  type Recorder,
  type Sampler,
  sampleBy,
} from '@gardenhose/core';
import { assembleAll } from '@gardenhose/core/testing';
import { tapChannel, tapServer as tapGrpcServer } from '@gardenhose/grpc-adapter';
import { attachShadow, isShadow, tapClients, tapServer } from '@gardenhose/http-adapter';
import * as grpc from '@grpc/grpc-js';
import { Pool } from 'undici7';
import { expect, test } from 'vitest';
import { definition, serve, unary } from '../../packages/grpc-adapter/test/support/service.ts';

// Requests of the tests themselves go to /in/NUMBER, or say in-NUMBER. What comes of one says out-NUMBER.

async function listening(
  server: Server | Http2Server,
): Promise<AsyncDisposable & { readonly origin: string }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if ('closeAllConnections' in server) server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Recording {
  readonly recorder: Recorder;
  exchanges(): Promise<readonly Exchange[]>;
}

function recording(sampler?: Sampler): Recording {
  const sink = memorySink();
  const options = { service: 'test', sink, mask: noMask, pipeline: 'inline' as const };
  const recorder = createRecorder(sampler === undefined ? options : { ...options, sampler });
  return {
    recorder,
    async exchanges() {
      await recorder.close();
      return assembleAll(sink.events);
    },
  };
}

async function answered(url: string, agent: Agent): Promise<string> {
  const [response]: IncomingMessage[] = await once(get(url, { agent }), 'response');
  return response === undefined ? '' : text(response);
}

/** The word in the target or in the messages of an exchange. */
function wordOf({ request: asked }: Exchange): string {
  const said = asked.messages.map(({ data }) => Buffer.from(data).toString()).join('');
  return /(?:in|out).\d+/.exec(`${asked.target} ${said}`)?.[0].replace('/', '-') ?? '';
}

/** The word of each outbound exchange with that of its parent, but for those of the test itself. */
function family(exchanges: readonly Exchange[]): string[] {
  const byId = new Map(exchanges.map((exchange) => [exchange.id, exchange]));
  return exchanges.flatMap((exchange) => {
    if (exchange.direction === 'inbound') return [];
    const parent = exchange.parent === undefined ? undefined : byId.get(exchange.parent);
    expect(parent?.direction).not.toBe('outbound');
    const words = `${parent === undefined ? 'nobody' : wordOf(parent)} → ${wordOf(exchange)}`;
    return words.startsWith('nobody → in-') ? [] : [words];
  });
}

/** What a family is when everybody has `each` children. */
const families = (count: number, each: number): string[] =>
  Array.from({ length: count }, (_, i) => Array.from({ length: each }, () => `in-${i} → out-${i}`)).flat();

const sorted = (words: readonly string[]): string[] =>
  [...words].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

const ok = () => createServer((_, res) => void res.end('ok'));

test('of 500 requests at once, each with three of its own over pooled connections, each has the right parent', async () => {
  const { recorder, exchanges } = recording();
  await using echo = await serve({}, undefined, { client: tapChannel(recorder, { grpc }) });
  await using other = await listening(ok());
  const pool = new Agent({ keepAlive: true, maxSockets: 8 });
  // What waits for a connection is sent where another request gave it back.
  const queueing = new Pool(other.origin, { connections: 2 });
  const server = createServer(async (req, res) => {
    const number = req.url?.slice('/in/'.length);
    if (number?.endsWith('3')) await setImmediate();
    await (await fetch(`${other.origin}/out/${number}`)).text();
    await Promise.all([
      number?.endsWith('4')
        ? queueing.request({ path: `/out/${number}`, method: 'GET' }).then(({ body }) => body.text())
        : answered(`${other.origin}/out/${number}`, pool),
      unary(echo.client, `out-${number}`),
    ]);
    res.end(`${await text(req)}${number}`);
  });
  const detaches = [tapServer(server, recorder, { parents: true }), tapClients(recorder)];
  await using front = await listening(server);
  const driver = new Agent({ keepAlive: true, maxSockets: 50 });
  await Promise.all(
    Array.from({ length: 500 }, async (_, i) => {
      const asked = request(`${front.origin}/in/${i}`, { method: 'POST', agent: driver });
      asked.write('first ');
      await setTimeout(1);
      asked.end('last ');
      const [response]: IncomingMessage[] = await once(asked, 'response');
      expect(response && (await text(response))).toBe(`first last ${i}`);
    }),
  );
  for (const detach of detaches) detach();
  for (const agent of [pool, driver]) agent.destroy();
  await queueing.close();
  expect(sorted(family(await exchanges()))).toEqual(families(500, 3));
});

test('what a handler does as pieces of the body come belongs to that request', async () => {
  const { recorder, exchanges } = recording();
  await using other = await listening(ok());
  const pool = new Agent({ keepAlive: true });
  const server = createServer((req, res) => {
    let underWay = 0;
    const ask = async (piece: Buffer): Promise<void> => {
      underWay += 1;
      await answered(`${other.origin}/out/${piece}`, pool);
      underWay -= 1;
      if (underWay === 0 && req.readableEnded) res.end();
    };
    req.on('data', (piece: Buffer) => void ask(piece));
    req.on('end', () => void ask(Buffer.from(req.url?.slice('/in/'.length) ?? '')));
  });
  const detaches = [tapServer(server, recorder, { parents: true }), tapClients(recorder)];
  await using front = await listening(server);
  const driver = new Agent({ keepAlive: true, maxSockets: 2 });
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const asked = request(`${front.origin}/in/${i}`, { method: 'POST', agent: driver });
      asked.flushHeaders();
      await setTimeout(2);
      asked.end(String(i));
      const [response]: IncomingMessage[] = await once(asked, 'response');
      response?.resume();
    }),
  );
  for (const detach of detaches) detach();
  for (const agent of [pool, driver]) agent.destroy();
  expect(sorted(family(await exchanges()))).toEqual(families(20, 2));
});

test('calls of gRPC that ask others by HTTP and by gRPC are their parents, each message of a stream too', async () => {
  const { recorder, exchanges } = recording();
  await using other = await listening(ok());
  await using further = await serve({}, undefined, { client: tapChannel(recorder, { grpc }) });
  const ask = async (word: string): Promise<Buffer> => {
    await (await fetch(`${other.origin}/${word.replace('in-', 'out/')}`)).text();
    await unary(further.client, word.replace('in', 'out'));
    return Buffer.from(word);
  };
  const detach = tapClients(recorder);
  await using front = await serve(
    {
      unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) =>
        void ask(String(call.request)).then((word) => answer(null, word)),
      chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (word: Buffer) => void ask(String(word)).then(() => call.write(word)));
        call.on('end', () => call.end());
      },
    },
    (server) => void tapGrpcServer(server, recorder, { parents: true }),
  );
  const chats = Array.from({ length: 20 }, async (_, i) => {
    const { path, requestSerialize, responseDeserialize } = definition.chat;
    const call = front.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    for (let k = 0; k < 2; k++) {
      call.write(Buffer.from(`in-${i} `));
      await once(call, 'data');
    }
    call.end();
    await once(call.resume(), 'end');
  });
  const calls = Array.from({ length: 80 }, (_, i) => unary(front.client, `in-${i + 20}`));
  await Promise.all([...chats, ...calls]);
  detach();
  const chatFamilies = families(20, 4);
  const callFamilies = families(100, 2).slice(40);
  expect(sorted(family(await exchanges()))).toEqual([...chatFamilies, ...callFamilies]);
});

test('streams of one HTTP/2 connection are told apart', async () => {
  const { recorder, exchanges } = recording();
  await using other = await listening(ok());
  const server = createHttp2Server((req, res) => {
    req.resume().on('end', async () => {
      await (await fetch(`${other.origin}/out/${req.url.slice('/in/'.length)}`)).text();
      res.end();
    });
  });
  const detaches = [tapServer(server, recorder, { parents: true }), tapClients(recorder)];
  await using front = await listening(server);
  const session = connectHttp2(front.origin);
  await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const stream = session.request({ ':method': 'POST', ':path': `/in/${i}` });
      await setTimeout(i % 3);
      stream.end('body');
      await text(stream);
    }),
  );
  session.close();
  for (const detach of detaches) detach();
  expect(sorted(family(await exchanges()))).toEqual(families(50, 1));
});

test('without parents, outside of a request, and for requests that are not recorded, nobody is named', async () => {
  const unsampled = sampleBy([{ where: { path: '/in/1' }, sampler: never }]);
  const { recorder, exchanges } = recording(unsampled);
  const plain = recording();
  await using other = await listening(ok());
  const server = createServer(async (req, res) => {
    await (await fetch(`${other.origin}/out/${req.url?.slice('/in/'.length)}`)).text();
    res.end();
  });
  const detaches = [
    tapServer(server, recorder, { parents: true }),
    tapServer(server, plain.recorder),
    tapClients(recorder),
    tapClients(plain.recorder),
  ];
  await using front = await listening(server);
  // On one connection: what is known of the first must not be taken for the second.
  const driver = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const i of [0, 1, 2]) await answered(`${front.origin}/in/${i}`, driver);
  await (await fetch(`${other.origin}/out/3`)).text();
  for (const detach of detaches) detach();
  driver.destroy();
  expect(family(await exchanges())).toEqual([
    'in-0 → out-0',
    'nobody → out-1',
    'in-2 → out-2',
    'nobody → out-3',
  ]);
  const none = [0, 1, 2, 3].map((i) => `nobody → out-${i}`);
  expect(family(await plain.exchanges())).toEqual(none);
});

test('each of two recorders has its own parents, beside the marks of replayed requests', async () => {
  const both = [recording(), recording()];
  // Their numbers shall not be the same.
  both[1]?.recorder.begin({
    direction: 'inbound',
    protocol: 'http',
    lane: 'other',
    scheme: 'http',
    version: '1.1',
    method: 'GET',
    target: '/other',
    headers: [],
  });
  await using other = await listening(ok());
  const shadows: boolean[] = [];
  const server = createServer(async (req, res) => {
    await setImmediate();
    shadows.push(isShadow());
    const number = req.url?.slice('/in/'.length);
    await (await fetch(`${other.origin}/out/${number}`)).text();
    res.end();
  });
  const taps = both.map(({ recorder }) => tapServer(server, recorder, { parents: true, recordShadow: true }));
  const clients = both.map(({ recorder }) => tapClients(recorder, { recordShadow: true }));
  const detachShadow = attachShadow({ trust: ['127.0.0.0/8'] });
  await using front = await listening(server);
  const driver = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const [i, headers] of [{}, { 'x-shadow-traffic': 'true' }, {}].entries()) {
    const [response]: IncomingMessage[] = await once(
      get(`${front.origin}/in/${i}`, { agent: driver, headers }),
      'response',
    );
    response?.resume();
    await once(response ?? server, 'end');
  }
  for (const detach of [...taps, ...clients, detachShadow]) detach();
  driver.destroy();
  expect(shadows).toEqual([false, true, false]);
  for (const { exchanges } of both) expect(family(await exchanges())).toEqual(families(3, 1));
});

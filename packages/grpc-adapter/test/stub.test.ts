import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRecorder,
  type Exchange,
  fileSink,
  type Message,
  type Policy,
  type StubTlsOptions,
} from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, test, vi } from 'vitest';
import { certificate } from '../../http-adapter/test/support/certificate.ts';
import { createStub, type GrpcStubOptions } from '../src/stub.ts';
import { tapChannel } from '../src/tap-channel.ts';
import { aCall } from './support/calls.ts';
import { framed, rawCall } from './support/hard-case.ts';
import {
  calling,
  clientOf,
  type RecordCalls,
  type RecordedFile,
  recordCalls,
  type Seen,
} from './support/recorded.ts';
import { definition, type Handlers } from './support/service.ts';

type Unary = grpc.ServerUnaryCall<Buffer, Buffer>;
type Answer = grpc.sendUnaryData<Buffer>;
type Duplex = grpc.ServerDuplexStream<Buffer, Buffer>;

const metadata = (entries: Record<string, string | Buffer>): grpc.Metadata => {
  const made = new grpc.Metadata();
  for (const [name, value] of Object.entries(entries)) made.add(name, value);
  return made;
};

/** Serves a recording while a client drives. */
async function against<T>(
  recorded: RecordedFile,
  drive: (client: grpc.Client, port: number) => Promise<T>,
  options: GrpcStubOptions = {},
) {
  await using stub = await createStub(recorded.path, options);
  const address = await stub.listen();
  const client = clientOf(address);
  const seen = await drive(client, Number(address.split(':').at(-1)));
  client.close();
  await vi.waitFor(() => expect(stub.summary().underWay).toBe(0), { interval: 1 });
  return { seen, summary: stub.summary() };
}

/** Records what a client does, and does the same again with the stub: it must see the same. */
async function servedAlike(
  handlers: Handlers,
  drive: (client: grpc.Client) => Promise<Seen>,
  recording: RecordCalls = {},
): Promise<{ readonly before: Seen; readonly now: Seen }> {
  const befores: Seen[] = [];
  using recorded = await recordCalls(
    handlers,
    async (client) => befores.push(await drive(client)),
    recording,
  );
  const { seen: now, summary } = await against(recorded, drive);
  const [before] = befores;
  if (before === undefined) throw new Error('nothing was recorded');
  expect(now.log).toEqual(before.log);
  expect(summary).toMatchObject({ verdict: 0, reasons: [] });
  return { before, now };
}

const slowly = (ms: number, then: () => void) => void setTimeout(then, ms);

test.each([false, true])(
  'a call of each kind is answered as it was (recorded inbound: %s)',
  async (inbound) => {
    const handlers: Handlers = {
      unary: (call: Unary, answer: Answer) => {
        call.sendMetadata(metadata({ 'x-head': 'one', 'x-head-bin': Buffer.from([1, 2, 3]) }));
        answer(null, Buffer.from(`re: ${call.request}`), metadata({ 'x-trailer': 'two' }));
      },
    };
    await servedAlike(handlers, (client) => calling.unary(client, 'tea'), { inbound });
    await servedAlike(handlers, (client) => calling.upload(client, ['a', 'b', '', 'c']), { inbound });
    await servedAlike(handlers, (client) => calling.list(client, 'one two three'), { inbound });
    await servedAlike(handlers, (client) => calling.chat(client, ['a', 'b', 'c']), { inbound });
  },
);

test('statuses, details and trailers are those of the recording, with and without a head before them', async () => {
  const details = Buffer.from([8, 5, 18, 2, 104, 105]);
  const handlers: Handlers = {
    unary: (call: Unary, answer: Answer) => {
      if (call.request.length > 3) call.sendMetadata(metadata({ 'x-head': 'early' }));
      answer({
        code: grpc.status.NOT_FOUND,
        details: 'no such ünit, 100 %',
        metadata: metadata({ 'grpc-status-details-bin': details, 'x-why': 'gone' }),
      });
    },
  };
  const { now } = await servedAlike(handlers, (client) => calling.unary(client, 'tea'));
  expect(now.log).toHaveLength(2);
  expect(now.log[0]).toContain('status 5 no such ünit, 100 %');
  expect(now.log[0]).toContain(details.toString('base64').replace(/=+$/, ''));
  await servedAlike(handlers, (client) => calling.unary(client, 'with head'));
});

test('the recorded gaps between messages are kept', async () => {
  const { now } = await servedAlike(
    {
      list: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
        call.write(Buffer.from('at once'));
        slowly(120, () => {
          call.write(Buffer.from('later'));
          slowly(80, () => call.end());
        });
      },
    },
    (client) => calling.list(client, 'go'),
  );
  // Head, two messages, status. Lower bounds alone: the machine may be busy.
  const [, first = 0, second = 0, end = 0] = now.times;
  expect(first).toBeLessThan(second);
  expect(second).toBeGreaterThanOrEqual(110);
  expect(end).toBeGreaterThanOrEqual(185);
});

test('in a conversation the server waits for the live client, and then as long as it did', async () => {
  const handlers: Handlers = {
    chat: (call: Duplex) => {
      call.on('data', (part: Buffer) => slowly(40, () => call.write(Buffer.from(`re: ${part}`))));
      call.on('end', () => slowly(40, () => call.end()));
    },
  };
  using recorded = await recordCalls(handlers, (client) => calling.chat(client, ['a', 'b']));
  await against(recorded, async (client) => {
    const { path } = definition.chat;
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(
      path,
      (b: Buffer) => b,
      (b) => b,
    );
    const answered: string[] = [];
    call.on('data', (part: Buffer) => answered.push(part.toString()));
    call.write(Buffer.from('a'));
    await vi.waitFor(() => expect(answered).toEqual(['re: a']));
    // Far longer than in the recording.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(answered).toEqual(['re: a']);
    const sentAt = performance.now();
    call.write(Buffer.from('b'));
    await vi.waitFor(() => expect(answered).toEqual(['re: a', 're: b']), { interval: 1 });
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(35);
    call.end();
    const code = await new Promise((resolve) => call.on('status', (status) => resolve(status.code)));
    expect(code).toBe(0);
  });
});

test('without latency everything comes at once, in order', async () => {
  using recorded = await recordCalls(
    { unary: (call: Unary, answer: Answer) => slowly(300, () => answer(null, call.request)) },
    (client) => calling.unary(client, 'tea'),
  );
  const { seen } = await against(recorded, (client) => calling.unary(client, 'tea'), { latency: 'none' });
  expect(seen.log.at(-1)).toBe('answer tea');
  expect(seen.times.at(-1)).toBeLessThan(250);
});

test('equal calls at the same time take the recordings in order', async () => {
  let count = 0;
  using recorded = await recordCalls(
    { unary: (_call: Unary, answer: Answer) => answer(null, Buffer.from(String(++count))) },
    async (client) => {
      for (let i = 0; i < 20; i++) await calling.unary(client, 'next');
    },
  );
  const { seen, summary } = await against(recorded, (client) =>
    Promise.all(Array.from({ length: 20 }, () => calling.unary(client, 'next'))),
  );
  expect(seen.map(({ log }) => log.at(-1))).toEqual(Array.from({ length: 20 }, (_, i) => `answer ${i + 1}`));
  expect(summary.verdict).toBe(0);
});

test('a request that was not recorded ends with UNAVAILABLE and says why', async () => {
  using recorded = await recordCalls({}, (client) => calling.unary(client, 'tea'));
  const { seen, summary } = await against(recorded, async (client) => [
    await calling.unary(client, 'milk'),
    await calling.list(client, 'all'),
    await calling.unary(client, 'tea'),
    await calling.unary(client, 'tea'),
  ]);
  expect(seen[0]?.log[0]).toMatch(
    /^status 14 no recorded request of test\.Echo\/Unary is like this one; the nearest is exchange 1: body:\$\[0\]/,
  );
  expect(seen[0]?.log[0]).toContain('["gardenhose-stub","miss"]');
  expect(seen[1]?.log[0]).toMatch(
    /^status 14 nothing was recorded of test\.Echo\/List; the recording has test\.Echo\/Unary/,
  );
  expect(seen[2]?.log.at(-1)).toBe('answer tea');
  expect(seen[3]?.log[0]).toMatch(/^status 14 all recordings of such a request/);
  expect(summary).toMatchObject({
    calls: 4,
    matched: 1,
    missed: 3,
    verdict: 1,
    misses: [{ reason: 'different' }, { reason: 'unknown' }, { reason: 'exhausted' }],
  });
});

test('a client that cancels, or whose time is up, ends its call alone', async () => {
  const handlers: Handlers = {
    unary: (call: Unary, answer: Answer) => slowly(150, () => answer(null, call.request)),
  };
  using recorded = await recordCalls(handlers, async (client) => {
    await calling.unary(client, 'tea');
    await calling.unary(client, 'milk');
  });
  const { seen, summary } = await against(recorded, async (client) => {
    const late = calling.unary(client, 'tea', undefined, { deadline: Date.now() + 50 });
    const fine = calling.unary(client, 'milk');
    return [await late, await fine];
  });
  expect(seen[0]?.log[0]).toContain('status 4');
  expect(seen[1]?.log.at(-1)).toBe('answer milk');
  expect(summary).toMatchObject({ matched: 2, missed: 0, underWay: 0 });
});

test('a recorded deadline of the client is one again', async () => {
  const handlers: Handlers = { unary: () => undefined };
  const drive = (client: grpc.Client) =>
    calling.unary(client, 'tea', undefined, { deadline: Date.now() + 60 });
  using recorded = await recordCalls(handlers, drive);
  const { seen, summary } = await against(recorded, drive);
  expect(seen.log[0]).toContain('status 4');
  expect(summary).toMatchObject({ matched: 1, verdict: 0 });
});

test('a call that the server reset is reset', async () => {
  const handlers: Handlers = {
    list: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      call.write(Buffer.from('part'));
      slowly(20, () => Reflect.get(Reflect.get(call, 'call'), 'stream').close(11));
    },
  };
  const { now } = await servedAlike(handlers, (client) => calling.list(client, 'go'));
  expect(now.log.slice(1)).toEqual([
    'message part',
    expect.stringMatching(/^status 8 Bandwidth exhausted or memory limit exceeded/),
  ]);
});

/** What a client that reads bytes sees of an answer of these messages; a library may drop what it has not read at a reset. */
async function bytesSeen(texts: readonly string[], over: Partial<Exchange> = {}): Promise<string[]> {
  const messages = texts.map((text, seq): Message => {
    const data = Buffer.from(text);
    return { at: 1e6, seq, kind: 0, size: data.length, state: 'kept', data };
  });
  const broken = over.abort !== undefined;
  const { response } = anExchange({
    response: {
      headers: ['content-type', 'application/grpc'],
      messages,
      ...(broken ? { complete: false, endAt: undefined } : {}),
    },
  });
  await using stub = await createStub([aCall({ over: { response, ...over } })], { latency: 'none' });
  await using call = rawCall(Number((await stub.listen()).split(':').at(-1)), '/test.Echo/Unary');
  call.stream.end(framed('hello'));
  const seen = await call.seen;
  const data = seen.flatMap((line) => (line.startsWith('data ') ? [line.slice(5)] : []));
  expect(data.join('')).toBe(Buffer.concat(texts.map((text) => framed(text))).toString('latin1'));
  return seen.filter((line) => !line.startsWith('data '));
}

test('a reset comes after the messages before it, also where nothing is between them', async () => {
  const abort = { at: 2e6, by: 'server', code: 'RST_STREAM 11' } as const;
  for (const texts of [['a'], ['a', 'b', 'c'.repeat(100_000)]]) {
    expect(await bytesSeen(texts, { abort })).toEqual(['head 200 ', 'reset 11']);
  }
});

test('an answer that ended without a status ends so', async () => {
  for (const texts of [[], ['a'], ['a', 'b', 'c'.repeat(100_000)]]) {
    expect(await bytesSeen(texts)).toEqual(['head 200 ', 'reset 0']);
  }
});

test('messages that were compressed are compressed again, for clients that can read them', async () => {
  const text = 'again and again '.repeat(2_000);
  const options = { 'grpc.default_compression_algorithm': 2 };
  using recorded = await recordCalls({}, (client) => calling.unary(client, text), { client: options });
  const { seen } = await against(recorded, (client) => calling.unary(client, text));
  expect(seen.log.at(-1)?.slice(7) === text).toBe(true);
});

test('messages go plain, and no coding is told, to a client that does not read theirs', async () => {
  const text = 'again and again ';
  const head = ['content-type', 'application/grpc', 'grpc-encoding', 'gzip'];
  const message: Message = {
    at: 1e6,
    seq: 0,
    kind: 1,
    size: text.length,
    state: 'kept',
    data: Buffer.from(text),
  };
  const [first, second, third] = [1, 2, 3].map((id) => {
    const response = { headers: head, messages: [message], trailers: ['grpc-status', '0'] };
    return aCall({ id, at: id, over: { response: anExchange({ response }).response } });
  });
  if (first === undefined || second === undefined || third === undefined) throw new Error('three calls');
  await using stub = await createStub([first, second, third], { latency: 'none' });
  const port = Number((await stub.listen()).split(':').at(-1));
  const asked = async (codings: Record<string, string>) => {
    await using call = rawCall(port, '/test.Echo/Unary', codings);
    const told = once(call.stream, 'response');
    call.stream.end(framed('hello'));
    const [headers] = await told;
    return { coding: headers['grpc-encoding'], seen: (await call.seen).join('|') };
  };
  const plain = `head 200 |data ${framed(text).toString('latin1')}|trailers 0 undefined|reset 0`;
  expect(await asked({})).toEqual({ coding: undefined, seen: plain });
  expect(await asked({ 'grpc-accept-encoding': 'identity, deflate' })).toEqual({
    coding: undefined,
    seen: plain,
  });
  const coded = await asked({ 'grpc-accept-encoding': 'identity, gzip' });
  expect(coded.coding).toBe('gzip');
  expect(coded.seen).toContain('|data \x01');
});

test('large messages pass whole, and those over the limit end their call', async () => {
  const large = 'x'.repeat(3_000_000);
  using recorded = await recordCalls({}, async (client) => {
    await calling.unary(client, large);
    await calling.unary(client, 'tea');
  });
  const { seen, summary } = await against(
    recorded,
    async (client) => [
      await calling.unary(client, large),
      await calling.unary(client, `${large}y`),
      await calling.unary(client, 'tea'),
    ],
    { maxMessageBytes: 3_000_000 },
  );
  expect(seen[0]?.log.at(-1)?.length).toBe(`answer ${large}`.length);
  expect(seen[1]?.log[0]).toContain('status 8 a message of 3000001 bytes is over maxMessageBytes (3000000)');
  expect(seen[2]?.log.at(-1)).toBe('answer tea');
  expect(summary).toMatchObject({ matched: 2, missed: 0, abandoned: 1 });
}, 20_000);

test.each(['text/plain', 'application/grpc-web'])('%s is no gRPC, and refused as HTTP', async (type) => {
  using recorded = await recordCalls({}, (client) => calling.unary(client, 'tea'));
  const { seen, summary } = await against(recorded, async (_client, port) => {
    await using call = rawCall(port, '/test.Echo/Unary', { 'content-type': type });
    call.stream.end();
    return await call.seen;
  });
  expect(seen[0]).toBe('head 415 ');
  expect(summary.calls).toBe(0);
});

test('a request that ends in the middle of a message is refused', async () => {
  using recorded = await recordCalls({}, (client) => calling.unary(client, 'tea'));
  const { seen } = await against(recorded, async (_client, port) => {
    await using call = rawCall(port, '/test.Echo/Unary');
    call.stream.end(framed('tea').subarray(0, 6));
    return await call.seen;
  });
  expect(seen).toContain('head 200 13');
});

test('a stub with a certificate is called with TLS', async () => {
  using recorded = await recordCalls({}, (client) => calling.unary(client, 'tea'));
  await using stub = await createStub(recorded.path, { tls: certificate });
  const client = new grpc.Client(
    await stub.listen('localhost:0'),
    grpc.credentials.createSsl(Buffer.from(certificate.cert)),
  );
  expect((await calling.unary(client, 'tea')).log.at(-1)).toBe('answer tea');
  client.close();
  await expect(createStub(recorded.path, { tls: { cert: 'none', key: 'none' } })).rejects.toThrow(
    /^tls must hold a certificate and its private key, as PEM/,
  );
  const noKey: StubTlsOptions = JSON.parse(JSON.stringify({ cert: certificate.cert }));
  await expect(createStub(recorded.path, { tls: noKey })).rejects.toThrow('tls.key is missing');
  const empty: StubTlsOptions = JSON.parse('{}');
  await expect(createStub(recorded.path, { tls: empty })).rejects.toThrow('tls.cert is missing');
});

test('connections that a stub was handed end when it closes, though it did not listen', async () => {
  using recorded = await recordCalls({}, (client) => calling.unary(client, 'tea'));
  const stub = await createStub(recorded.path);
  const front = createServer((socket) => stub.server.emit('connection', socket)).listen(0, '127.0.0.1');
  await once(front, 'listening');
  const address = front.address();
  const session = connect(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
  await once(session, 'remoteSettings');
  const ended = once(session, 'close');
  await stub.close();
  await ended;
  front.close();
});

test('an address that is none is refused, and one in use', async () => {
  using recorded = await recordCalls({}, (client) => calling.unary(client, 'tea'));
  await using stub = await createStub(recorded.path);
  await expect(stub.listen('nowhere')).rejects.toThrow(/^address must be host:port/);
  const address = await stub.listen();
  await using other = await createStub(recorded.path);
  await expect(other.listen(address)).rejects.toThrow(/EADDRINUSE/);
});

const key = { base64: Buffer.alloc(32, 7).toString('base64') };
const policy: Policy = { version: 1, key };
const proto = `
syntax = "proto3";
package shop;
service Accounts { rpc Find (Who) returns (Account); }
message Who { string email = 1; string shop = 2; }
message Account { string id = 1; string email = 2; int32 orders = 3; }
`;

/** A masked recording of two calls, with its schemas, and a client for the stub. */
async function maskedAccounts() {
  const folder = mkdtempSync(join(tmpdir(), 'gardenhose-stub-'));
  const path = join(folder, 'accounts.hose');
  writeFileSync(join(folder, 'shop.proto'), proto);
  const loaded = grpc.loadPackageDefinition(loadSync(join(folder, 'shop.proto')));
  const Accounts = Reflect.get(loaded.shop ?? {}, 'Accounts');
  const recorder = createRecorder({
    service: 'shop',
    sink: fileSink({ path }),
    mask: policy,
    pipeline: 'inline',
  });
  const server = new grpc.Server();
  server.addService(Accounts.service, {
    Find: (call: grpc.ServerUnaryCall<{ email: string }, object>, answer: grpc.sendUnaryData<object>) =>
      answer(null, { id: 'a1', email: call.request.email, orders: call.request.email.length }),
  });
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, bound) =>
      resolve(bound),
    );
  });
  const find = (client: grpc.Client, who: object): Promise<{ email: string; orders: number } | string> =>
    new Promise((resolve) => {
      Reflect.get(client, 'Find').call(client, who, (error: grpc.ServiceError | null, found: never) =>
        resolve(error === null ? found : error.details),
      );
    });
  const connect = (address: string, options = {}): grpc.Client =>
    new Accounts(address, grpc.credentials.createInsecure(), options);
  const tap = tapChannel(recorder, { grpc });
  recorder.describe?.(await descriptors(Accounts.service));
  const client = connect(`127.0.0.1:${port}`, tap);
  await find(client, { email: 'ann@example.com', shop: 'north' });
  await find(client, { email: 'bob.longer@example.com', shop: 'north' });
  client.close();
  server.forceShutdown();
  await recorder.close();
  return { path, find, connect, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

async function descriptors(service: object): Promise<Uint8Array> {
  const { descriptorSetOf } = await import('../src/descriptors.ts');
  const set = descriptorSetOf(service);
  if (set === undefined) throw new Error('no descriptors');
  return set;
}

test('masked requests are found by their tokens, with the key of the recording', async () => {
  using accounts = await maskedAccounts();
  await using stub = await createStub(accounts.path, { mask: policy });
  const client = accounts.connect(await stub.listen());
  const bob = await accounts.find(client, { email: 'bob.longer@example.com', shop: 'north' });
  expect(bob).toMatchObject({ email: expect.stringMatching(/^mk_email_/) });
  // What was served can be asked with: a token stands for itself.
  expect(await accounts.find(client, { email: 'ann@example.com', shop: 'north' })).toMatchObject({
    orders: 15,
  });
  expect(await accounts.find(client, { email: 'eve@example.com', shop: 'north' })).toMatch(
    /^no recorded request/,
  );
  client.close();
  expect(stub.summary()).toMatchObject({ matched: 2, approximate: 0, missed: 1, notes: [] });
});

test('without the key of the recording, masked fields match any value, and the match counts as approximate', async () => {
  using accounts = await maskedAccounts();
  await using stub = await createStub(accounts.path);
  const client = accounts.connect(await stub.listen());
  expect(await accounts.find(client, { email: 'ann@example.com', shop: 'south' })).toBe(
    'no recorded request of shop.Accounts/Find is like this one; the nearest is exchange 1: body:$[0].shop is "south", was recorded as "north"',
  );
  expect(await accounts.find(client, { email: 'eve@example.com', shop: 'north' })).toMatchObject({
    orders: 15,
  });
  client.close();
  const why = 'masked values were compared by kind: the key of the recording is not at hand';
  expect(stub.summary()).toMatchObject({
    matched: 1,
    missed: 1,
    approximate: 1,
    approximations: [{ why, count: 1 }],
    notes: [expect.stringContaining('do not join')],
  });
});

test('fields can be ignored, and lenient takes the message that is most alike', async () => {
  using accounts = await maskedAccounts();
  for (const options of [{ ignore: ['body:$[*].shop'] }, { match: 'lenient' }] as const) {
    await using stub = await createStub(accounts.path, { mask: policy, ...options });
    const client = accounts.connect(await stub.listen());
    const found = await accounts.find(client, { email: 'bob.longer@example.com', shop: 'west' });
    expect(found).toMatchObject({ orders: expect.any(Number) });
    client.close();
    expect(stub.summary()).toMatchObject({ matched: 1, approximate: 'match' in options ? 1 : 0 });
  }
});

test('a schema that is none is refused', async () => {
  using recorded = await recordCalls({}, (client) => calling.unary(client, 'tea'));
  await expect(createStub(recorded.path, { schemas: [Buffer.from([1, 2, 3])] })).rejects.toThrow(
    /^schemas must be/,
  );
});

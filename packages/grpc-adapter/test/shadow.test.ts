import * as grpc from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import { attachShadow, isShadow, propagateShadow, shadowOf, withShadow } from '../src/index.ts';
import { definition, type Handlers, type Running, serve } from './support/service.ts';

const detaches: (() => void)[] = [];
afterEach(() => {
  for (const detach of detaches.splice(0)) detach();
});

function marked(extra: Readonly<Record<string, string>> = {}): grpc.Metadata {
  const metadata = new grpc.Metadata();
  const fields = {
    ...{ 'x-shadow-traffic': 'true', 'x-shadow-run': 'r1', 'x-shadow-seq': '3' },
    ...{ baggage: 'tenant=a,shadow=true', 'x-own': 'kept', ...extra },
  };
  for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
  return metadata;
}

const told = (metadata: grpc.Metadata) =>
  Buffer.from(JSON.stringify({ shadow: isShadow(), of: shadowOf(), metadata: metadata.getMap() }));

/** Each method tells what its code knows, where it gets its last message or has waited. */
const handlers: Handlers = {
  unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
    setTimeout(() => done(null, told(call.metadata)), 1);
  },
  upload: (call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
    call.on('data', () => {});
    call.on('end', () => done(null, told(call.metadata)));
  },
  async list(call: grpc.ServerWritableStream<Buffer, Buffer>) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    call.write(told(call.metadata));
    call.end();
  },
  chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
    call.on('data', () => call.write(told(call.metadata)));
    call.on('end', () => call.end());
  },
};

type Kind = keyof typeof definition;

function ask({ client }: Pick<Running, 'client'>, kind: Kind, metadata: grpc.Metadata): Promise<Told> {
  const { path, requestSerialize: out, responseDeserialize: back } = definition[kind];
  const message = Buffer.from('x');
  return new Promise((resolve, reject) => {
    const answered = (answer: Buffer) => resolve(JSON.parse(answer.toString()) as Told);
    const unary = (error: Error | null, answer?: Buffer) =>
      answer === undefined ? reject(error) : answered(answer);
    if (kind === 'unary') client.makeUnaryRequest(path, out, back, message, metadata, unary);
    if (kind === 'upload') client.makeClientStreamRequest(path, out, back, metadata, unary).end(message);
    if (kind === 'list') {
      client
        .makeServerStreamRequest(path, out, back, message, metadata)
        .on('data', answered)
        .on('error', reject);
    }
    if (kind === 'chat') {
      const call = client.makeBidiStreamRequest(path, out, back, metadata);
      call.on('data', answered).on('error', reject);
      call.end(message);
    }
  });
}

interface Told {
  readonly shadow: boolean;
  readonly of?: { readonly runId?: string; readonly seq?: number };
  readonly metadata: Readonly<Record<string, string>>;
}

const kinds: readonly Kind[] = ['unary', 'upload', 'list', 'chat'];

test.each(kinds)(
  'code behind a call of kind %s knows replayed ones, and takes no other for one',
  async (kind) => {
    detaches.push(attachShadow({ grpc }));
    await using running = await serve(handlers);
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, i) => ask(running, kind, i % 2 === 0 ? marked() : new grpc.Metadata())),
    );
    for (const [i, { shadow, of }] of all.entries()) {
      expect({ shadow, of }).toEqual(
        i % 2 === 0 ? { shadow: true, of: { runId: 'r1', seq: 3 } } : { shadow: false, of: undefined },
      );
    }
  },
);

test.each(kinds)('marks of a peer that is not trusted are gone before a handler of kind %s', async (kind) => {
  await using running = await serve(withShadow(handlers, { trust: ['10.0.0.0/8'] }));
  const { shadow, metadata } = await ask(running, kind, marked({ 'x-shadow-signature': 'v1.1.x' }));
  expect(shadow).toBe(false);
  expect(Object.keys(metadata).filter((name) => name.includes('shadow'))).toEqual([]);
  expect(metadata).toMatchObject({ baggage: 'tenant=a', 'x-own': 'kept' });
});

test('handlers that are methods of a class have its private members', async () => {
  class Service {
    readonly #answer = told;

    own(call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>): void {
      done(null, this.#answer(call.metadata));
    }
  }
  const own = { ...definition.unary, path: '/test.Own/Own' };
  const service: { own: grpc.UntypedHandleCall } = new Service();
  await using running = await serve({}, (server) => server.addService({ own }, withShadow(service)));
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const bytes = (message: Buffer) => message;
    running.client.makeUnaryRequest<Buffer, Buffer>(
      own.path,
      bytes,
      bytes,
      Buffer.from('x'),
      marked(),
      (error, got) => (got === undefined ? reject(error) : resolve(got)),
    );
  });
  expect(JSON.parse(answer.toString())).toMatchObject({ shadow: true, of: { runId: 'r1', seq: 3 } });
});

test('when it is detached, marks are not believed any more', async () => {
  const detach = attachShadow({ grpc });
  await using running = await serve(handlers);
  expect((await ask(running, 'unary', marked())).shadow).toBe(true);
  detach();
  expect((await ask(running, 'unary', marked())).shadow).toBe(false);
});

/** A service in front of another; what it is asked, it asks. */
async function chain(propagateTo?: 'none' | readonly string[]) {
  detaches.push(attachShadow({ grpc }));
  const behind = await serve(handlers);
  const address = `127.0.0.1:${behind.port}`;
  const passing = propagateShadow(address, { grpc, propagateTo });
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), { ...passing });
  const own = new grpc.Metadata();
  own.set('baggage', 'user=b');
  const front = await serve({
    unary: (_call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
      setTimeout(() => {
        ask({ client }, 'unary', own).then((answer) => done(null, Buffer.from(JSON.stringify(answer))), done);
      }, 1);
    },
  });
  return {
    front,
    own,
    async [Symbol.asyncDispose]() {
      client.close();
      await front[Symbol.asyncDispose]();
      await behind[Symbol.asyncDispose]();
    },
  };
}

test('marks are passed on in the metadata of calls, and the metadata of the application stays its own', async () => {
  await using service = await chain();
  const { shadow, of, metadata } = await ask(service.front, 'unary', marked());
  expect({ shadow, of }).toEqual({ shadow: true, of: { runId: 'r1', seq: 3 } });
  expect(metadata.baggage).toBe('user=b,shadow=true,shadow.run=r1');
  expect(service.own.getMap()).toEqual({ baggage: 'user=b' });
  expect((await ask(service.front, 'unary', new grpc.Metadata())).shadow).toBe(false);
});

test('they are passed on to nobody else', async () => {
  for (const propagateTo of ['none', ['other.test']] as const) {
    await using service = await chain(propagateTo);
    const { metadata } = await ask(service.front, 'unary', marked());
    expect(metadata).toEqual(expect.not.objectContaining({ 'x-shadow-traffic': 'true' }));
  }
});

test('what is no grpc-js is refused', () => {
  const nothing = JSON.parse('{}');
  expect(() => attachShadow({ grpc: nothing })).toThrow(/grpc must be/);
  expect(() => propagateShadow('a:1', { grpc: nothing })).toThrow(/grpc must be/);
});

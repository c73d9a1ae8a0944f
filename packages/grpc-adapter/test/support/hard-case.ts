import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { createConnection, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { expect, vi } from 'vitest';
import { tapServer } from '../../src/tap-server.ts';
import { seenThroughProxy } from './proxied.ts';
import { type Recording, recording } from './recording.ts';
import { definition, type Handlers, type Running, type ServeOptions, serve } from './service.ts';

/**
 * Runs the same without the tap, with it, and through a proxy; what the client saw must be the same. Gives what was recorded by the
 * tap; through the proxy, as many calls must have ended.
 */
export async function recordedAlike(
  handlers: Handlers,
  drive: (running: Running) => Promise<unknown>,
  options: ServeOptions & { readonly proxied?: boolean } = {},
): Promise<{ lines: string[]; sink: Recording['sink'] }> {
  let bare: unknown;
  {
    await using running = await serve(handlers, undefined, options);
    bare = await drive(running);
  }
  const { recorder, told, sink } = recording();
  {
    await using running = await serve(
      handlers,
      (server) => {
        tapServer(server, recorder);
      },
      options,
    );
    expect(await drive(running)).toEqual(bare);
    await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
  }
  expect(recorder.stats()).toMatchObject({ tapFailures: 0 });
  const lines = await told();
  if (options.proxied !== false) {
    const through = await seenThroughProxy(handlers, drive, options);
    expect(through.seen).toEqual(bare);
    expect(through.lines.filter(isEnd)).toHaveLength(lines.filter(isEnd).length);
  }
  return { lines, sink };
}

const isEnd = (line: string): boolean => / (abort|end response)/.test(line);

type AnyCall = Pick<grpc.ClientReadableStream<Buffer>, 'on'>;

/** All that a client sees of a call, in order, once it is over. */
export function seen(call: AnyCall): Promise<string[]> {
  const log: string[] = [];
  return new Promise((resolve) => {
    call.on('metadata', (metadata) => log.push(`metadata ${withoutDate(metadata)}`));
    call.on('data', (message) => log.push(`message ${message.toString('latin1')}`));
    call.on('error', () => undefined);
    call.on('status', ({ code, details, metadata }) => {
      // How long it took is part of the text.
      const text = details.replace(/after [\d.]+s.*/, 'after …');
      log.push(`status ${code} ${text} ${withoutDate(metadata)}`);
      resolve(log);
    });
  });
}

function withoutDate(metadata: grpc.Metadata): string {
  const copy = metadata.clone();
  copy.remove('date');
  return JSON.stringify(copy.toHttp2Headers());
}

const bytes = (message: Buffer): Buffer => message;

export function uploading(
  client: grpc.Client,
  options: grpc.CallOptions = {},
): { call: grpc.ClientWritableStream<Buffer>; seen: Promise<string[]> } {
  const log: string[] = [];
  const { promise: answered, resolve } = withResolver<string[]>();
  const call = client.makeClientStreamRequest<Buffer, Buffer>(
    definition.upload.path,
    bytes,
    bytes,
    new grpc.Metadata(),
    options,
    (_error, value) => log.push(`message ${value?.toString('latin1')}`),
  );
  call.on('status', ({ code, details }) => {
    log.push(`status ${code} ${details}`);
    resolve(log);
  });
  return { call, seen: answered };
}

export function list(client: grpc.Client, message: string, options: grpc.CallOptions = {}) {
  return client.makeServerStreamRequest<Buffer, Buffer>(
    definition.list.path,
    bytes,
    bytes,
    Buffer.from(message),
    new grpc.Metadata(),
    options,
  );
}

export function chat(client: grpc.Client, options: grpc.CallOptions = {}, metadata = new grpc.Metadata()) {
  return client.makeBidiStreamRequest<Buffer, Buffer>(definition.chat.path, bytes, bytes, metadata, options);
}

/** A unary call and all that its client sees. */
export function unarySeen(client: grpc.Client, message: string | Buffer, metadata = new grpc.Metadata()) {
  const log: string[] = [];
  return new Promise<string[]>((resolve) => {
    const call = client.makeUnaryRequest<Buffer, Buffer>(
      definition.unary.path,
      bytes,
      bytes,
      Buffer.from(message),
      metadata,
      (_error, value) => log.push(`message ${value?.toString('latin1')}`),
    );
    call.on('metadata', (head) => log.push(`metadata ${withoutDate(head)}`));
    call.on('status', ({ code, details, metadata: trailers }) => {
      log.push(`status ${code} ${details} ${withoutDate(trailers)}`);
      resolve(log);
    });
  });
}

export function withResolver<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** A message as it stands on the wire. */
export function framed(message: string | Buffer, flag = 0): Buffer {
  const body = Buffer.from(message);
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

export interface RawCall extends AsyncDisposable {
  readonly session: ClientHttp2Session;
  readonly socket: Socket;
  readonly stream: ClientHttp2Stream;
  /** What came back, once the stream has closed. */
  readonly seen: Promise<string[]>;
}

/** A call over bare HTTP/2, which no client library would make so. */
export function rawCall(port: number, path: string, headers: OutgoingHttpHeaders = {}): RawCall {
  const socket = createConnection(port, '127.0.0.1');
  const session = connect(`http://127.0.0.1:${port}`, { createConnection: () => socket });
  session.on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => undefined);
  const log: string[] = [];
  stream.on('response', (head) => log.push(`head ${head[':status']} ${head['grpc-status'] ?? ''}`));
  stream.on('data', (chunk: Buffer) => log.push(`data ${chunk.toString('latin1')}`));
  stream.on('trailers', (trailers) =>
    log.push(`trailers ${trailers['grpc-status']} ${trailers['grpc-message']}`),
  );
  const closed = new Promise<string[]>((resolve) => {
    stream.on('close', () => resolve([...log, `reset ${stream.rstCode}`]));
  });
  return {
    session,
    socket,
    stream,
    seen: closed,
    async [Symbol.asyncDispose]() {
      session.destroy();
      await closed;
    },
  };
}

/** A value once it has not changed over many turns of the loop. */
export async function stable(value: () => number): Promise<number> {
  for (let last = value(), same = 0; ; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = value();
    same = now === last ? same + 1 : 0;
    last = now;
    if (same > 2000) return now;
  }
}

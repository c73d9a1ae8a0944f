import type { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecorder, fileSink, type Policy } from '@gardenhose/core';
import * as grpc from '@grpc/grpc-js';
import { tapChannel } from '../../src/tap-channel.ts';
import { tapServer } from '../../src/tap-server.ts';
import { definition, type Handlers, serve } from './service.ts';

export interface RecordedFile extends Disposable {
  readonly path: string;
}

/** What to vary of a recording. */
export interface RecordCalls {
  /** Default: everything as it is. */
  readonly mask?: Policy;
  /** Record at the server instead of the client. */
  readonly inbound?: boolean;
  readonly server?: grpc.ServerOptions;
  readonly client?: grpc.ClientOptions;
}

/** Serves these handlers, lets a client of them drive, and records what passed into a file. */
export async function recordCalls(
  handlers: Handlers,
  drive: (client: grpc.Client) => Promise<unknown>,
  { mask = { version: 1, extends: 'none' }, inbound = false, ...options }: RecordCalls = {},
): Promise<RecordedFile> {
  const folder = mkdtempSync(join(tmpdir(), 'gardenhose-stub-'));
  const path = join(folder, 'calls.hose');
  const recorder = createRecorder({
    service: 'test',
    sink: fileSink({ path }),
    mask,
    pipeline: 'inline',
    maxBodyBytes: 16_000_000,
  });
  {
    await using running = await serve(
      handlers,
      (server) => {
        if (inbound) tapServer(server, recorder);
      },
      options,
    );
    const tapped = inbound ? {} : tapChannel(recorder, { grpc });
    const client = clientOf(`127.0.0.1:${running.port}`, { ...options.client, ...tapped });
    await drive(client);
    client.close();
  }
  await recorder.close();
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

export function clientOf(address: string, options: grpc.ClientOptions = {}): grpc.Client {
  return new grpc.Client(address, grpc.credentials.createInsecure(), options);
}

const bytes = (message: Buffer): Buffer => message;

/** All that a client sees of a call, in order; what has a time, with its milliseconds. */
export interface Seen {
  readonly log: readonly string[];
  readonly times: readonly number[];
}

/** Watches a call to its end. */
export function watch(call: EventEmitter): Promise<Seen> {
  const log: string[] = [];
  const times: number[] = [];
  const from = performance.now();
  const note = (text: string) => {
    log.push(text);
    times.push(performance.now() - from);
  };
  return new Promise((resolve) => {
    call.on('metadata', (metadata: grpc.Metadata) => note(`metadata ${plain(metadata)}`));
    call.on('data', (message: Buffer) => note(`message ${message.toString('latin1')}`));
    call.on('error', () => undefined);
    call.on('status', ({ code, details, metadata }: grpc.StatusObject) => {
      note(`status ${code} ${details} ${plain(metadata)}`);
      resolve({ log, times });
    });
  });
}

function plain(metadata: grpc.Metadata): string {
  const copy = metadata.clone();
  copy.remove('date');
  // A capture has what the status is made of first, then the rest.
  return JSON.stringify(Object.entries(copy.toHttp2Headers()).sort());
}

/** A call of each kind, watched to its end. */
export const calling = {
  unary(
    client: grpc.Client,
    message: string | Buffer,
    metadata = new grpc.Metadata(),
    options: grpc.CallOptions = {},
  ) {
    let answer: Buffer | undefined;
    const call = client.makeUnaryRequest<Buffer, Buffer>(
      definition.unary.path,
      bytes,
      bytes,
      Buffer.from(message),
      metadata,
      options,
      (_error, value) => {
        answer = value;
      },
    );
    return watch(call).then(async ({ log, times }) => {
      // The callback runs after the status.
      await new Promise(setImmediate);
      return { log: [...log, `answer ${answer?.toString('latin1')}`], times };
    });
  },
  upload(client: grpc.Client, parts: readonly string[]) {
    let answer: Buffer | undefined;
    const call = client.makeClientStreamRequest<Buffer, Buffer>(
      definition.upload.path,
      bytes,
      bytes,
      (_error, value) => {
        answer = value;
      },
    );
    for (const part of parts) call.write(Buffer.from(part));
    call.end();
    return watch(call).then(async ({ log, times }) => {
      await new Promise(setImmediate);
      return { log: [...log, `answer ${answer?.toString('latin1')}`], times };
    });
  },
  list(client: grpc.Client, message: string) {
    return watch(
      client.makeServerStreamRequest<Buffer, Buffer>(
        definition.list.path,
        bytes,
        bytes,
        Buffer.from(message),
      ),
    );
  },
  /** Sends the first, and each next one when an answer has come; ends after the last. */
  async chat(client: grpc.Client, parts: readonly string[]) {
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(definition.chat.path, bytes, bytes);
    const rest = [...parts];
    const next = () => {
      const part = rest.shift();
      if (part === undefined) call.end();
      else call.write(Buffer.from(part));
    };
    call.on('data', next);
    next();
    return watch(call);
  },
};

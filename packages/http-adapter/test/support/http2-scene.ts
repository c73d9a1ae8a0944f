import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { expect } from 'vitest';
import { attach } from '../../src/attach.ts';
import { MemoryTarget } from './memory-target.ts';

/** A server of HTTP/2 on a free port of the loopback; it and its connections are gone at the end of its scope. */
export async function listeningHttp2<S extends Http2Server>(
  server: S,
): Promise<AsyncDisposable & { readonly server: S; readonly port: number; readonly origin: string }> {
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    server,
    port: address.port,
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

/** What a client saw of one exchange; the value of Date, which no two runs share, is left out. */
export interface ClientView {
  readonly infos: readonly (readonly string[])[];
  readonly head: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  readonly ended: boolean;
  readonly rstCode: number;
}

/** The client's side of a stream until it is closed. */
export async function seen(stream: ClientHttp2Stream): Promise<ClientView> {
  const infos: string[][] = [];
  const chunks: Buffer[] = [];
  let head: string[] = [];
  let trailers: string[] = [];
  let ended = false;
  stream.on('headers', (_headers: unknown, _flags: unknown, raw: string[]) => infos.push(undated(raw)));
  stream.on('response', (_headers: unknown, _flags: unknown, raw: string[]) => {
    head = undated(raw);
  });
  stream.on('trailers', (_headers: unknown, _flags: unknown, raw: string[]) => {
    trailers = undated(raw);
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    ended = true;
  });
  // A reset is part of what is tested; 'close' follows.
  stream.on('error', () => undefined);
  await new Promise<void>((resolve) => stream.once('close', resolve));
  return {
    infos,
    head,
    body: Buffer.concat(chunks).toString('latin1'),
    trailers,
    ended,
    rstCode: stream.rstCode,
  };
}

function undated(raw: readonly string[]): string[] {
  return raw
    .flatMap((text, i) => (i % 2 === 0 ? [[text, text === 'date' ? '(now)' : (raw[i + 1] ?? '')]] : []))
    .flat();
}

/** Asks and gives what the client saw. */
export function ask(
  client: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<ClientView> {
  const stream = client.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return seen(stream);
}

/** Where a behaviour of HTTP/2 takes place. */
export interface Http2Scene {
  readonly server: Http2Server;
  readonly client: ClientHttp2Session;
  readonly origin: string;
  /** Notes something that must be the same with and without the tap. */
  note(what: unknown): void;
  /** Resolves when this was noted. */
  noted(what: string): Promise<void>;
}

export interface Http2Behaviour {
  readonly app: (server: Http2Server, scene: Pick<Http2Scene, 'note' | 'noted'>) => void;
  /** The client. What it returns must be the same with and without the tap. */
  readonly drive: (scene: Http2Scene) => Promise<unknown>;
  /** How many exchanges are over at the end. Default 1. */
  readonly over?: number;
  /** What must have been recorded. */
  readonly recorded: (target: MemoryTarget) => void;
}

/** Runs a behaviour without and with the tap, and holds that only the recorder can tell. */
export async function behavesAlike(what: Http2Behaviour): Promise<void> {
  const without = await run(what, undefined);
  const target = new MemoryTarget();
  const withTap = await run(what, target);
  expect(withTap).toEqual(without);
  expect(target.failures).toEqual([]);
  what.recorded(target);
}

async function run(what: Http2Behaviour, target: MemoryTarget | undefined): Promise<unknown> {
  const notes: unknown[] = [];
  let waiting: { what: string; wake: () => void }[] = [];
  const scene = {
    note(one: unknown): void {
      notes.push(one);
      waiting = waiting.filter((waiter) => {
        if (waiter.what !== one) return true;
        waiter.wake();
        return false;
      });
    },
    async noted(line: string): Promise<void> {
      if (!notes.includes(line)) await new Promise<void>((wake) => waiting.push({ what: line, wake }));
    },
  };
  const server = createServer();
  what.app(server, scene);
  await using at = await listeningHttp2(server);
  const detach = target === undefined ? undefined : attach(target);
  const client = connect(at.origin);
  client.on('error', () => undefined);
  try {
    const driven = await what.drive({ ...scene, server, client, origin: at.origin });
    await target?.ended(what.over ?? 1);
    return { driven, notes };
  } finally {
    detach?.();
    client.destroy();
  }
}

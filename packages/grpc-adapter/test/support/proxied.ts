import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { expect, vi } from 'vitest';
import { createRecordingProxy, type RecordingProxy, type RecordingProxyOptions } from '../../src/proxy.ts';
import { type Recording, recording } from './recording.ts';
import { type Handlers, type Running, type ServeOptions, serve } from './service.ts';

export interface Proxied extends AsyncDisposable {
  /** The server itself, and a client that goes through the proxy. */
  readonly running: Running;
  readonly proxy: RecordingProxy;
  /** Of the server. */
  readonly originPort: number;
  /** Why the origin did not answer. */
  readonly reasons: readonly string[];
}

/** Makes a proxy listen on a port of its own. */
export async function listening(proxy: RecordingProxy): Promise<number> {
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return portOf(proxy);
}

export function portOf(server: Pick<RecordingProxy, 'address'>): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return address.port;
}

export async function closed(proxy: RecordingProxy): Promise<void> {
  const over = once(proxy, 'close');
  proxy.close();
  proxy.closeAllConnections();
  await over;
}

/** A server, a proxy before it, and a client of the proxy. */
export async function proxied(
  handlers: Handlers,
  options: Partial<RecordingProxyOptions> = {},
  serveOptions: ServeOptions = {},
): Promise<Proxied> {
  const behind = await serve(handlers, undefined, serveOptions);
  const reasons: string[] = [];
  const proxy = createRecordingProxy({
    to: `http://127.0.0.1:${behind.port}`,
    onOriginError: (reason) => reasons.push(reason),
    ...options,
  });
  const port = await listening(proxy);
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), serveOptions.client);
  return {
    running: { ...behind, client, port, [Symbol.asyncDispose]: async () => client.close() },
    proxy,
    originPort: behind.port,
    reasons,
    async [Symbol.asyncDispose]() {
      client.close();
      await behind[Symbol.asyncDispose]();
      await closed(proxy);
    },
  };
}

/** What a client sees through a proxy, and what the proxy records. */
export async function seenThroughProxy(
  handlers: Handlers,
  drive: (running: Running) => Promise<unknown>,
  options?: ServeOptions,
): Promise<{ seen: unknown; lines: string[]; sink: Recording['sink'] }> {
  const { recorder, told, sink } = recording();
  let seen: unknown;
  {
    await using through = await proxied(handlers, { target: recorder }, options);
    seen = await drive(through.running);
    await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
    expect(through.reasons).toEqual([]);
  }
  expect(recorder.stats()).toMatchObject({ tapFailures: 0 });
  return { seen, lines: await told(), sink };
}

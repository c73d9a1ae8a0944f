import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TapTarget } from '@gardenhose/core';
import { tapServer } from '@gardenhose/grpc-adapter';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export const stockProto = fileURLToPath(new URL('stock.proto', import.meta.url));

/** The service by its methods, as proto-loader gives it. */
function loadStock(): grpc.ServiceDefinition {
  const client = grpc.loadPackageDefinition(loadSync(stockProto, { keepCase: true })).shop;
  const version = client !== undefined && 'v1' in client ? client.v1 : undefined;
  const stock = typeof version === 'object' && 'Stock' in version ? version.Stock : undefined;
  if (typeof stock !== 'function') throw new Error('stock.proto holds no service');
  return stock.service;
}

const service = loadStock();

interface Asked {
  readonly item: string;
  readonly count: number;
  readonly email: string;
}

export interface StockOptions {
  /** What a changed build takes off. Default 0. */
  readonly lost?: number;
  /** Records what is served. */
  readonly target?: TapTarget;
  /** With TLS. */
  readonly credentials?: grpc.ServerCredentials;
  readonly server?: grpc.ServerOptions;
  /** A build that does not have this method. */
  readonly without?: 'Get' | 'Reserve' | 'Watch';
}

export interface RunningStock extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** Full paths of the calls that came. */
  readonly seen: readonly string[];
}

/** A small gRPC service to record and replay: items of which some are left. */
export async function stock(options: StockOptions = {}): Promise<RunningStock> {
  const { lost = 0, credentials = grpc.ServerCredentials.createInsecure() } = options;
  const server = new grpc.Server(options.server);
  if (options.target !== undefined) tapServer(server, options.target);
  const seen: string[] = [];
  const left = new Map<string, number>();
  const leftOf = (item: string): number => (left.get(item) ?? 10) - lost;
  const handlers: grpc.UntypedServiceImplementation = {
    Get: ({ request }: grpc.ServerUnaryCall<Asked, object>, answer: grpc.sendUnaryData<object>) => {
      seen.push('Get');
      if (request.item === 'none') answer({ code: grpc.status.NOT_FOUND, details: 'no such item' });
      else answer(null, { item: request.item, left: leftOf(request.item) });
    },
    Reserve: ({ request }: grpc.ServerUnaryCall<Asked, object>, answer: grpc.sendUnaryData<object>) => {
      seen.push('Reserve');
      left.set(request.item, (left.get(request.item) ?? 10) - request.count);
      answer(null, { item: request.item, left: leftOf(request.item), email: request.email });
    },
    Watch: (call: grpc.ServerDuplexStream<Asked, object>) => {
      seen.push('Watch');
      call.on('data', ({ item }: Asked) => call.write({ item, left: leftOf(item) }));
      call.on('end', () => call.end());
    },
  };
  const { [options.without ?? '']: _, ...offered } = Object.fromEntries(Object.entries(service));
  server.addService(offered, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

/** A client's session: an item is looked up, reserved and watched, and one is not there. */
export async function useStock(port: number): Promise<void> {
  const Stock = grpc.makeGenericClientConstructor(service, 'Stock');
  const client = new Stock(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const call = (method: string, request: object) =>
    new Promise<void>((resolve) => client[method]?.(request, () => resolve()));
  await call('Get', { item: 'hose' });
  await call('Reserve', { item: 'hose', count: 2, email: 'a1@example.com' });
  await call('Get', { item: 'none' });
  const watch = client.Watch?.();
  watch.resume();
  watch.write({ item: 'hose' });
  watch.end({ item: 'nozzle' });
  await once(watch, 'end');
  client.close();
}

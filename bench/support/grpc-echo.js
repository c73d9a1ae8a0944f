// The service of bench/grpc-record-overhead.js, as proto-loader gives it.
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** @returns {grpc.ServiceDefinition} */
export function echoService() {
  const definition = loadSync(fileURLToPath(new URL('echo.proto', import.meta.url)));
  const { service } = /** @type {grpc.ServiceClientConstructor} */ (
    /** @type {grpc.GrpcObject} */ (grpc.loadPackageDefinition(definition).bench).Echo
  );
  return service;
}

export const path = '/bench.Echo/Unary';

/** Some 200 bytes. */
export const message = {
  name: 'an order of the garden shop',
  lines: ['ten metres of hose', 'a watering can, zinc', 'gloves, pair'],
  number: 4711,
  part: { email: 'ada@example.com', digest: Buffer.alloc(64, 7) },
};

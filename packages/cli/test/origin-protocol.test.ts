import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { Server } from 'node:net';
import { expect, test } from 'vitest';
import { certificate } from '../../http-adapter/test/support/certificate.ts';
import { originProtocol } from '../src/origin-protocol.ts';

async function listening(server: Server, port = 0): Promise<AsyncDisposable & { readonly port: number }> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

for (const [name, server, scheme, speaks] of [
  ['HTTP/2 without TLS', createHttp2Server(), 'http', true],
  ['HTTP/1.1', createServer(), 'http', false],
  ['HTTP/2 with TLS', createSecureServer({ ...certificate, allowHTTP1: true }), 'https', true],
  ['HTTP/1.1 with TLS', createHttpsServer(certificate), 'https', false],
] as const) {
  test(`an origin of ${name} is known as such`, async () => {
    await using at = await listening(server);
    const ask = originProtocol(`${scheme}://localhost:${at.port}`, certificate.cert);
    expect([await ask(), await ask()]).toEqual([speaks, speaks]);
  });
}

test('one that cannot be reached is taken for one that does, until it is there', async () => {
  const gone = await listening(createServer());
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  const ask = originProtocol(`http://127.0.0.1:${port}`, undefined);
  expect(await ask()).toBe(true);
  await using back = await listening(createServer(), port);
  expect([back.port, await ask()]).toEqual([port, false]);
});

import { once } from 'node:events';
import { createServer as createHttp1Server } from 'node:http';
import { type ClientHttp2Session, connect, createServer, type OutgoingHttpHeaders } from 'node:http2';
import type { Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { assemble, createRecorder, type Exchange, memorySink } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { certificate } from '../../http-adapter/test/support/certificate.ts';
import { RecordingFront } from '../src/recording-front.ts';

async function listening(server: Server): Promise<AsyncDisposable & { readonly origin: string }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    origin: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** A front before this origin; `recorded` ends it and gives what it recorded. */
async function front(to: string, listenTls?: typeof certificate) {
  const sink = memorySink();
  const recorder = createRecorder({ service: 'front', sink, pipeline: 'inline' });
  const [rewriteHost, ca, maxBodyBytes] = [undefined, undefined, undefined];
  const listen = { host: '127.0.0.1', port: 0 };
  const it = await RecordingFront.listen({ listen, to, rewriteHost, listenTls, ca, maxBodyBytes });
  it.record(recorder);
  const recorded = async (): Promise<Exchange[]> => {
    await it.drain();
    await recorder.close();
    await it.end();
    const exchanges: Exchange[] = [];
    for await (const exchange of assemble(sink.events)) exchanges.push(exchange);
    return exchanges;
  };
  return { front: it, recorded };
}

async function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders, body: string): Promise<string> {
  const stream = client.request({ ':method': 'POST', ...headers });
  let status: unknown;
  stream.once('response', (head) => {
    status = head[':status'];
  });
  stream.end(body);
  return `${await text(stream)} ${String(status)}`;
}

test('requests over HTTP/2 that are no gRPC are passed on and recorded', async () => {
  await using origin = await listening(
    createServer((req, res) => {
      res.writeHead(201, { 'content-type': 'text/plain', 'x-path': req.url });
      req.pipe(res);
    }),
  );
  const { front: at, recorded } = await front(origin.origin);
  const client = connect(at.origin);
  expect(await ask(client, { ':path': '/a', 'content-type': 'text/plain' }, 'words')).toBe('words 201');
  client.close();
  await once(client, 'close');
  const [exchange, ...more] = await recorded();
  expect(more).toEqual([]);
  expect(at.counts).toMatchObject({ calls: 0, otherHttp2: 1, originErrors: 0 });
  expect(exchange).toMatchObject({
    protocol: 'http',
    request: { version: '2', method: 'POST', target: '/a', state: 'kept', size: 5, complete: true },
    response: { version: '2', status: 201, state: 'kept', size: 5, complete: true },
    marks: [],
  });
});

test('what an origin does not answer over HTTP/2 is marked as the answer of the proxy', async () => {
  const { front: at, recorded } = await front('http://127.0.0.1:9');
  const client = connect(at.origin);
  expect(await ask(client, { ':path': '/a' }, '')).toContain('gardenhose: no answer from http://127.0.0.1:9');
  client.close();
  await once(client, 'close');
  expect(await recorded()).toMatchObject([
    { response: { status: 502 }, marks: [{ name: 'proxy', value: 'origin-failed' }] },
  ]);
  expect(at.newProblems()).toMatchObject([expect.stringContaining('ECONNREFUSED')]);
});

test('a client with TLS that speaks both gets what the origin speaks', async () => {
  await using old = await listening(createHttp1Server((_, res) => res.end()));
  await using modern = await listening(createServer());
  const agreed: (string | false | null)[] = [];
  for (const [to, protocols] of [
    [old.origin, ['h2', 'http/1.1']],
    [old.origin, ['h2']],
    [modern.origin, ['h2', 'http/1.1']],
    [modern.origin, ['http/1.1']],
  ] as const) {
    const { front: at, recorded } = await front(to, certificate);
    const port = Number(at.at.split(':').at(-1));
    const socket = connectTls({
      port,
      host: 'localhost',
      ca: certificate.cert,
      ALPNProtocols: [...protocols],
    });
    await once(socket, 'secureConnect');
    agreed.push(socket.alpnProtocol);
    socket.destroy();
    await recorded();
  }
  expect(agreed).toEqual(['http/1.1', 'h2', 'h2', 'http/1.1']);
});

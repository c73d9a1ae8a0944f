import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type OutgoingHttpHeaders } from 'node:http2';
import { assemble, createRecorder, type Exchange, memorySink } from '@gardenhose/core';
import { attach as attachGrpc } from '@gardenhose/grpc-adapter';
import { attach as attachHttp } from '@gardenhose/http-adapter';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';

const pass = (bytes: Buffer): Buffer => bytes;
const definition: grpc.ServiceDefinition = {
  echo: {
    path: '/echo.Echo/Unary',
    requestStream: false,
    responseStream: false,
    requestSerialize: pass,
    requestDeserialize: pass,
    responseSerialize: pass,
    responseDeserialize: pass,
  },
};

async function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders, body: Buffer): Promise<void> {
  const stream = client.request({ ':method': 'POST', ...headers });
  stream.resume();
  stream.end(body);
  await once(stream, 'close');
}

/** Serves HTTP/2 and gRPC in one process, asks each once, and gives what was recorded. */
async function recorded(taps: 'http' | 'both'): Promise<Exchange[]> {
  const sink = memorySink();
  const recorder = createRecorder({ service: 'echo', sink, pipeline: 'inline' });
  const detach = [attachHttp(recorder)];
  if (taps === 'both') detach.push(attachGrpc(recorder, { grpc }));
  const calls = new grpc.Server();
  calls.addService(definition, {
    echo: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) =>
      done(null, call.request),
  });
  const credentials = grpc.ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    calls.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const pages = createServer((req, res) => req.pipe(res));
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
  const address = pages.address();
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, 6]), Buffer.from('secret')]);
  const head = { 'content-type': 'application/grpc', te: 'trailers' };
  const [caller, reader] = [
    connect(`http://127.0.0.1:${port}`),
    connect(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`),
  ];
  await ask(caller, { ':path': '/echo.Echo/Unary', ...head }, frame);
  await ask(reader, { ':path': '/page', 'content-type': 'text/plain' }, Buffer.from('words'));
  for (const client of [caller, reader]) client.destroy();
  for (const undo of detach) undo();
  calls.forceShutdown();
  pages.close();
  await recorder.close();
  const exchanges: Exchange[] = [];
  for await (const exchange of assemble(sink.events)) exchanges.push(exchange);
  return exchanges;
}

test('with both taps on one recorder a gRPC call is recorded once, as one, and HTTP/2 beside it as HTTP', async () => {
  const exchanges = await recorded('both');
  expect(exchanges.map(({ protocol, request }) => [protocol, request.target])).toEqual([
    ['grpc', '/echo.Echo/Unary'],
    ['http', '/page'],
  ]);
});

test('without the tap of gRPC its calls are HTTP, and no byte of their messages is kept', async () => {
  const [call, page] = await recorded('http');
  const dropped = { state: 'dropped:content-type' };
  expect(call).toMatchObject({ protocol: 'http', request: dropped, response: { status: 200, ...dropped } });
  expect(page).toMatchObject({ protocol: 'http', request: { version: '2', target: '/page' } });
});

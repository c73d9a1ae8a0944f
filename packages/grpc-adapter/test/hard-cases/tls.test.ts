import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { testCert, testKey } from '../../../http-adapter/test/support/tls.ts';
import { attach } from '../../src/attach.ts';
import { tapChannel } from '../../src/tap-channel.ts';
import { chat, seen, unarySeen } from '../support/hard-case.ts';
import { recording, unaryCall } from '../support/recording.ts';
import { definition } from '../support/service.ts';

const cert = Buffer.from(testCert);
const key = Buffer.from(testKey);

test('a server with TLS that asks its clients for certificates is recorded as one without; so is its client', async () => {
  const served = recording();
  const called = recording();
  const detach = attach(served.recorder, { grpc });
  const server = new grpc.Server();
  server.addService(definition, {
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) =>
      answer(null, call.request),
    upload: () => undefined,
    list: () => undefined,
    chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (part: Buffer) => call.write(part));
      call.on('end', () => call.end());
    },
  });
  const secure = grpc.ServerCredentials.createSsl(cert, [{ private_key: key, cert_chain: cert }], true);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('localhost:0', secure, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const name = { 'grpc.ssl_target_name_override': 'localhost', 'grpc.default_authority': 'localhost' };
  const client = new grpc.Client(`localhost:${port}`, grpc.credentials.createSsl(cert, key, cert), {
    ...name,
    ...tapChannel(called.recorder, { grpc }),
  });
  // One without a certificate gets no call through.
  const stranger = new grpc.Client(`localhost:${port}`, grpc.credentials.createSsl(cert), name);
  expect((await unarySeen(stranger, 'let me in')).at(-1)).toMatch(/^status 14/);
  stranger.close();
  expect((await unarySeen(client, 'hello')).at(-1)).toMatch(/^status 0/);
  const call = chat(client);
  const all = seen(call);
  call.end(Buffer.from('one'));
  expect((await all).at(-1)).toMatch(/^status 0/);
  client.close();
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  detach();
  for (const { told } of [served, called]) {
    const lines = await told();
    expect(lines.slice(0, 7)).toEqual(unaryCall);
    expect(lines).toContain('2 response 0 "one"');
    expect(lines.at(-1)).toBe('2 end response');
  }
  for (const { sink } of [served, called]) {
    const start = sink.events.find((event) => event.type === 'start');
    expect(start).toMatchObject({ scheme: 'https', authority: 'localhost' });
  }
});

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRecorder, fileSink } from '@gardenhose/core';
import { boundAddress } from '@gardenhose/core/adapter';
import { tapChannel, tapServer as tapGrpcServer } from '@gardenhose/grpc-adapter';
import { tapServer } from '@gardenhose/http-adapter';
import * as grpc from '@grpc/grpc-js';
import { expect, test, vi } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { type RunningCli, runCli, startCli } from '../support/run-cli.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const bytes = (message: Buffer): Buffer => message;
const path = '/shop.Stock/Get';
const method = { path, requestStream: false, responseStream: false };
const codecs = {
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};

function get(client: grpc.Client, message: string): Promise<string> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, bytes, bytes, Buffer.from(message), (error, value) =>
      resolve(error === null ? String(value) : `${error.code} ${error.details}`),
    );
  });
}

/** A capture of two gRPC calls, outbound or not, and of an inbound request over HTTP. */
async function record(file: string, outbound = true): Promise<void> {
  const recorder = createRecorder({
    service: 'shop',
    sink: fileSink({ path: file }),
    mask: { version: 1, extends: 'none' },
    pipeline: 'inline',
  });
  const server = new grpc.Server();
  server.addService(
    { get: { ...method, ...codecs } },
    {
      get: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) =>
        answer(null, Buffer.from(`${call.request}: 5`)),
    },
  );
  if (!outbound) tapGrpcServer(server, recorder);
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, bound) =>
      resolve(bound),
    );
  });
  const client = new grpc.Client(
    `127.0.0.1:${port}`,
    grpc.credentials.createInsecure(),
    outbound ? tapChannel(recorder, { grpc }) : {},
  );
  await get(client, 'tea');
  await get(client, 'milk');
  client.close();
  server.forceShutdown();
  const http = createServer((_req, res) => res.end('an order'));
  tapServer(http, recorder);
  await once(http.listen(0, '127.0.0.1'), 'listening');
  await (await fetch(`http://${boundAddress(http.address())}/orders/7`)).text();
  http.close();
  await recorder.close();
}

async function interrupted(cli: RunningCli) {
  cli.child.kill('SIGINT');
  return cli.done;
}

const addressOf = async (cli: RunningCli): Promise<string> =>
  (await cli.output(/listening on http:\/\/(\S+), serving/))[1] ?? '';

test('stub serves gRPC and HTTP of a capture on one port, and ends with what was asked', async () => {
  using dir = tempDir();
  const file = dir.file('shop.hose');
  await record(file, false);
  const cli = startCli(['stub', file, '--listen', ':0', '--latency', 'none']);
  const address = await addressOf(cli);
  await cli.output(/serving 2 exchanges of gRPC and 1 exchange of HTTP of .*shop\.hose\n/);
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  expect([await get(client, 'milk'), await get(client, 'tea')]).toEqual(['milk: 5', 'tea: 5']);
  expect(await (await fetch(`http://${address}/orders/7`)).text()).toBe('an order');
  client.close();
  const { code, stdout } = await interrupted(cli);
  expect(stdout).toMatch(/^gRPC\nStub: clean\n {2}2 asked, 2 matched, 0 missed; 0 of 2 recordings unused\n/);
  expect(stdout).toContain('HTTP\nStub: clean\n  1 asked');
  expect(code).toBe(0);
});

test('stub tells a miss at once, and ends with 1', async () => {
  using dir = tempDir();
  const file = dir.file('shop.hose');
  await record(file);
  const flags = ['--listen', ':0', '--json'];
  const cli = startCli(['stub', file, ...flags]);
  // What the service asked is served, and not the service.
  await cli.output(/serving 2 exchanges of gRPC of /);
  const client = new grpc.Client(await addressOf(cli), grpc.credentials.createInsecure());
  expect(await get(client, 'cake')).toMatch(/^14 no recorded request of shop\.Stock\/Get is like this one/);
  await cli.output(/missed: no recorded request of shop\.Stock\/Get/);
  client.close();
  const { code, stdout } = await interrupted(cli);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    file,
    verdict: 1,
    grpc: { calls: 1, missed: 1, misses: [{ reason: 'different' }], recorded: { exchanges: 2 } },
  });
  expect(JSON.parse(stdout)).not.toHaveProperty('http');
});

test('stub refuses what it cannot serve', async () => {
  using dir = tempDir();
  const file = dir.file('shop.hose');
  await record(file);
  const nothing = await runCli(['stub', file, '--listen', ':0', '--operation', 'shop.Other']);
  expect(nothing).toMatchObject({ code: 65 });
  expect(nothing.stderr).toMatch(/there is nothing to serve; of gRPC: .* shop\.Other .*has shop\.Stock\/Get/);
  writeFileSync(dir.file('no.hose'), 'not a capture');
  expect(await runCli(['stub', dir.file('no.hose'), '--listen', ':0'])).toMatchObject({ code: 65 });
  expect(await runCli(['stub', dir.file('none.hose'), '--listen', ':0'])).toMatchObject({ code: 74 });
  for (const wrong of [
    ['--latency', 'soon'],
    ['--match', 'loose'],
    ['--ignore', 'everything'],
    ['--listen', 'x'],
  ]) {
    const { code } = await runCli(['stub', file, '--listen', ':0', ...wrong]);
    expect(code, wrong.join(' ')).toBe(64);
  }
});

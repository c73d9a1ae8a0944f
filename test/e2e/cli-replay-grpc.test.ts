import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRecorder, fileSink, noMask, type TapTarget } from '@gardenhose/core';
import { tapServer } from '@gardenhose/http-adapter';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { testCert, testKey } from '../../packages/http-adapter/test/support/tls.ts';
import { tempDir } from '../support/captures.ts';
import { closedPort, httpServer } from '../support/http-server.ts';
import { useShop } from '../support/recorded-shop.ts';
import { runCli } from '../support/run-cli.ts';
import { shop } from '../support/shop.ts';
import { stock, stockProto, useStock } from '../support/stock.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const dir = tempDir();
/** An HTTP and a gRPC service, recorded into one capture. */
const mixed = dir.file('mixed.hose');
/** The gRPC service alone. */
const calls = dir.file('calls.hose');

beforeAll(async () => {
  const both = createRecorder({ service: 'shop', sink: fileSink({ path: mixed }) });
  const server = createServer(shop());
  const untap = tapServer(server, both);
  await using served = await stock({ target: both });
  await useShop(server);
  await useStock(served.port);
  untap();
  await both.close();

  const one = createRecorder({ service: 'stock', sink: fileSink({ path: calls }) });
  await using alone = await stock({ target: one });
  await useStock(alone.port);
  await one.close();
});
afterAll(() => dir[Symbol.dispose]());

/** A recorder that is told of no schema. */
const withoutSchemas = (recorder: TapTarget): TapTarget => ({
  begin: (...args) => recorder.begin(...args),
  tapFailed: (error) => recorder.tapFailed(error),
});

const atOnce = ['--pace', 'asap', '--order', 'serial'];

test('a capture of HTTP and gRPC goes to two origins, in one run', async () => {
  await using target = await httpServer(shop());
  await using served = await stock();
  const { code, stdout, stderr } = await runCli([
    'replay',
    mixed,
    '--to',
    target.origin,
    '--to-grpc',
    served.origin,
    '--compare',
    ...atOnce,
  ]);
  expect(stderr).toContain(`plan: send 9 of 9 exchanges to ${target.origin}, ${served.origin}, pace asap`);
  expect(stderr).toContain('PUT 2, GET 3, gRPC 4; 4 may change state at the target');
  expect(stdout).toContain('Replay: fine');
  expect(stdout).toContain('Messages: 5 of 5 sent, 4 received, recorded 4\n');
  expect(stdout).toMatch(/^ +3 {2}gRPC 0 OK$/m);
  expect(stdout).toMatch(/^ +1 {2}gRPC 5 NOT_FOUND$/m);
  expect(code).toBe(0);
  expect(served.seen).toEqual(['Get', 'Reserve', 'Get', 'Watch']);
});

test('a capture of gRPC alone takes --to, and what changed is found in its messages', async () => {
  await using served = await stock({ lost: 3 });
  const args = ['replay', calls, '--to', served.origin, '--compare', ...atOnce, '--json'];
  const { code, stdout } = await runCli(args);
  const report = JSON.parse(stdout);
  expect(code).toBe(1);
  expect(report).toMatchObject({ comparison: 'changed', exchanges: { sent: 4, answered: 4, failed: 0 } });
  expect(report.differences.exchangesChanged).toBe(3);
});

test('with --to-grpc alone, only the calls are sent', async () => {
  await using served = await stock();
  const { code, stdout } = await runCli(['replay', mixed, '--to-grpc', served.origin, ...atOnce, '--json']);
  const { exchanges } = JSON.parse(stdout);
  expect(exchanges).toMatchObject({ sent: 4, skips: [{ reason: 'protocol', count: 5 }] });
  expect(code).toBe(0);
});

test('--to-grpc is said to be of no use for a capture that holds no call, and nothing is sent there', async () => {
  const http = dir.file('http.hose');
  const recorder = createRecorder({ service: 'shop', sink: fileSink({ path: http }) });
  const server = createServer(shop());
  const untap = tapServer(server, recorder);
  await useShop(server);
  untap();
  await recorder.close();
  await using target = await httpServer(shop());
  const { code, stderr } = await runCli([
    'replay',
    http,
    '--to',
    target.origin,
    '--to-grpc',
    `http://127.0.0.1:${await closedPort()}`,
    ...atOnce,
  ]);
  expect(code).toBe(0);
  expect(stderr).toContain(`--to-grpc is of no use: ${http} holds no gRPC call`);
  expect(stderr).toContain(`to ${target.origin}, pace`);
});

test('a target without a method answers UNIMPLEMENTED, which is a difference', async () => {
  await using served = await stock({ without: 'Reserve' });
  const { code, stdout } = await runCli(['replay', calls, '--to', served.origin, '--compare', ...atOnce]);
  expect(code).toBe(1);
  expect(stdout).toContain('1  gRPC 0 OK → 12 UNIMPLEMENTED\n');
  expect(stdout).toContain('shop.v1.Stock/Reserve  status  (value)');
});

test('a target that takes only small messages answers RESOURCE_EXHAUSTED, which is a difference', async () => {
  await using served = await stock({ server: { 'grpc.max_receive_message_length': 3 } });
  const { code, stdout } = await runCli(['replay', calls, '--to', served.origin, '--compare', ...atOnce]);
  expect(code).toBe(1);
  expect(stdout).toContain('gRPC 0 OK → 8 RESOURCE_EXHAUSTED\n');
});

test('TLS is spoken with --ca, and a mismatch either way is told with what to do', async () => {
  const ca = dir.file('ca.pem');
  writeFileSync(ca, testCert);
  const pair = { cert_chain: Buffer.from(testCert), private_key: Buffer.from(testKey) };
  await using secure = await stock({ credentials: grpc.ServerCredentials.createSsl(null, [pair]) });
  await using plain = await stock();
  const run = (to: string, ...flags: string[]) =>
    runCli(['replay', calls, '--to', to, ...flags, ...atOnce, '--quiet']);

  expect(await run(`https://localhost:${secure.port}`, '--ca', ca)).toMatchObject({ code: 0, stderr: '' });
  const untrusted = await run(`https://localhost:${secure.port}`);
  expect(untrusted.code).toBe(74);
  expect(untrusted.stderr).toMatch(/^gardenhose: No TLS with https:\/\/localhost:\d+ \(\w+\): .*--ca/);
  const cleartext = await run(`http://127.0.0.1:${secure.port}`);
  expect(cleartext.code).toBe(74);
  expect(cleartext.stderr).toMatch(/takes connections but does not speak HTTP\/2 without TLS/);
  const tls = await run(`https://localhost:${plain.port}`, '--ca', ca);
  expect(tls.code).toBe(74);
  expect(tls.stderr).toMatch(/^gardenhose: No TLS with .*or http: where it has no TLS\n$/);
});

test('a client certificate is shown where the target asks for one', async () => {
  const [ca, key] = [dir.file('client-ca.pem'), dir.file('client-key.pem')];
  writeFileSync(ca, testCert);
  writeFileSync(key, testKey);
  const pair = { cert_chain: Buffer.from(testCert), private_key: Buffer.from(testKey) };
  const credentials = grpc.ServerCredentials.createSsl(Buffer.from(testCert), [pair], true);
  await using strict = await stock({ credentials });
  const run = (...flags: string[]) =>
    runCli([
      'replay',
      calls,
      '--to',
      `https://localhost:${strict.port}`,
      '--ca',
      ca,
      ...flags,
      ...atOnce,
      '--quiet',
    ]);
  expect(await run('--cert', ca, '--key', key)).toMatchObject({ code: 0, stderr: '' });
  expect((await run()).code).not.toBe(0);
});

test('a target that does not listen, or speaks HTTP/1 alone, is told', async () => {
  const nobody = await runCli(['replay', calls, '--to', `http://127.0.0.1:${await closedPort()}`, '--quiet']);
  expect(nobody).toMatchObject({ code: 74, stdout: '' });
  expect(nobody.stderr).toMatch(/^gardenhose: Nothing listens at [^\n]*\n$/);

  await using old = await httpServer(shop());
  const spoken = await runCli(['replay', calls, '--to', old.origin, '--quiet']);
  expect(spoken.code).toBe(74);
  expect(spoken.stderr).toMatch(/does not speak HTTP\/2 without TLS/);

  // One origin for both protocols of a capture, where it speaks only one: what can be sent is.
  const half = await runCli(['replay', mixed, '--to', old.origin, ...atOnce, '--quiet', '--json']);
  expect(half.code).toBe(1);
  expect(JSON.parse(half.stdout).exchanges).toMatchObject({ answered: 5, failed: 4 });
  expect(half.stderr).toMatch(/4 times target-unreachable: .*does not speak HTTP\/2/);
});

test('elsewhere than on loopback, only methods that change nothing are sent', async () => {
  const to = 'https://staging.example:8443';
  const plan = async (...flags: string[]) => {
    const { stdout } = await runCli([
      'replay',
      calls,
      '--to',
      to,
      '--allow',
      to,
      '--dry-run',
      '--json',
      ...flags,
    ]);
    return JSON.parse(stdout).plan;
  };
  // Both calls of Get: its schema says NO_SIDE_EFFECTS.
  expect(await plan()).toMatchObject({ toSend: 2, mutations: 0, skipped: { mutation: 2 } });
  expect(await plan('--read-only', 'shop.v1.Stock/Watch')).toMatchObject({ toSend: 3, mutations: 0 });
  expect(await plan('--allow-mutations')).toMatchObject({ toSend: 4, mutations: 2 });
  const refused = await runCli(['replay', calls, '--to-grpc', to]);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain('add --allow ORIGIN if');
});

test('schemas that the capture lacks are given as files, or asked for', async () => {
  const bare = dir.file('bare.hose');
  const recorder = createRecorder({ service: 'stock', sink: fileSink({ path: bare }), mask: noMask });
  await using served = await stock({ target: withoutSchemas(recorder) });
  await useStock(served.port);
  await recorder.close();
  const to = 'https://staging.example:8443';
  const plan = async (...flags: string[]) => {
    const args = ['replay', bare, '--to', to, '--allow', to, '--dry-run', '--json', ...flags];
    return JSON.parse((await runCli(args)).stdout).plan;
  };
  expect(await plan()).toMatchObject({ toSend: 0, skipped: { mutation: 4 } });
  expect(await plan('--proto', stockProto)).toMatchObject({ toSend: 2, skipped: { mutation: 2 } });

  const asked = await runCli(['replay', bare, '--to', served.origin, '--reflection', '--quiet']);
  expect(asked.code).not.toBe(0);
  expect(asked.stderr).toMatch(/^gardenhose: [^\n]*reflection[^\n]*\n$/);
  expect(served.seen).toHaveLength(4);
  const refused = await runCli(['replay', bare, '--to', to, '--reflection']);
  expect(refused).toMatchObject({ code: 3, stdout: '' });
});

test('a capture on standard input may hold calls, and the schemas to compare them by', async () => {
  await using served = await stock();
  const args = ['replay', '-', '--to', served.origin, '--compare', ...atOnce, '--json'];
  const { code, stdout } = await runCli(args, readFileSync(calls));
  expect(JSON.parse(stdout).exchanges).toMatchObject({ sent: 4, answered: 4 });
  expect(code).toBe(0);
});

test('--header sets metadata, and calls are marked as shadow traffic', async () => {
  const sink = dir.file('again.hose');
  const recorder = createRecorder({ service: 'stock', sink: fileSink({ path: sink }) });
  await using served = await stock();
  await using watched = await stock({ target: recorder });
  expect(served.port).not.toBe(watched.port);
  const args = ['replay', calls, '--to', watched.origin, '--header', 'X-Tenant: blue', ...atOnce];
  expect((await runCli(args)).code).toBe(0);
  await recorder.close();
  // What a replay sends is not recorded unless asked for.
  const { stdout } = await runCli(['inspect', sink, '--json']);
  expect(JSON.parse(stdout).exchanges.total).toBe(0);
  expect(watched.seen).toHaveLength(4);
});

test.each([
  [[], '--to is missing'],
  [['--to', 'http://127.0.0.1:1', '--ca', 'x.pem'], '--ca has an effect only with an https target'],
  [['--to', 'https://127.0.0.1:1', '--cert', 'x.pem'], '--cert goes with --key'],
  [['--to', 'https://127.0.0.1:1', '--key', 'x.pem'], '--key goes with --cert'],
  [['--to', 'http://127.0.0.1:1', '--reflection', '--dry-run'], '--reflection asks the target'],
  [['--to-grpc', '127.0.0.1:50051'], '--to-grpc'],
  [['--to', 'http://127.0.0.1:1', '--read-only', 'Get'], 'Expected a method, such as shop.Orders/Get'],
])('%j is refused before anything is read', async (flags, told) => {
  const { code, stderr } = await runCli(['replay', 'none.hose', ...flags]);
  expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringContaining(told) });
});

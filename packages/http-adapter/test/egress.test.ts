import { createServer, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { anExchange } from '@gardenhose/core/testing';
import { afterEach, expect, test } from 'vitest';
import { holdEgress } from '../src/egress.ts';
import { createInProcessSender } from '../src/index.ts';
import { replayAll } from './support/replay.ts';
import { listening } from './support/servers.ts';

const undos: (() => void)[] = [];
afterEach(() => {
  for (const undo of undos.splice(0)) undo();
});

/** Addresses that are for documentation (RFC 5737): nothing is there, were it asked. */
const elsewhere = '192.0.2.1';

const errorOf = (ask: (failed: (error: Error) => void) => void): Promise<unknown> => new Promise(ask);
const causeOf = (error: unknown) =>
  error instanceof Error && error.cause instanceof Error ? error.cause : error;

test('nothing but loopback is connected, by whichever client', async () => {
  undos.push(holdEgress([]));
  const refused = {
    code: 'target-refused',
    message: expect.stringContaining('is replayed to in this process'),
  };
  expect(await errorOf((failed) => connect(80, elsewhere).on('error', failed))).toMatchObject(refused);
  expect(await errorOf((failed) => connect({ port: 80, host: 'db.test' }).on('error', failed))).toMatchObject(
    refused,
  );
  expect(
    await errorOf((failed) => new Socket().connect(80, '::ffff:192.0.2.1').on('error', failed)),
  ).toMatchObject(refused);
  expect(await errorOf((failed) => connectTls(443, elsewhere).on('error', failed))).toMatchObject(refused);
  expect(await errorOf((failed) => connectHttp2(`http://${elsewhere}`).on('error', failed))).toMatchObject(
    refused,
  );
  expect(await errorOf((failed) => request(`http://${elsewhere}/`).on('error', failed).end())).toMatchObject(
    refused,
  );
  expect(causeOf(await fetch(`http://${elsewhere}/`).catch((error: unknown) => error))).toMatchObject(
    refused,
  );
});

test('loopback is connected, and so are hosts that are named', async () => {
  await using server = await listening(createServer((_, res) => res.end('ok')));
  undos.push(holdEgress(['0.0.0.0']));
  for (const host of ['127.0.0.1', 'localhost', '0.0.0.0']) {
    expect(await (await fetch(`http://${host}:${server.port}/`)).text()).toBe('ok');
  }
});

test('of several runs each holds back what it does not let through, until its end', async () => {
  const before = Socket.prototype.connect;
  const first = holdEgress(['a.test']);
  const second = holdEgress(['b.test']);
  const refused = { code: 'target-refused' };
  expect(await errorOf((failed) => connect(80, 'a.test').on('error', failed))).toMatchObject(refused);
  second();
  second();
  expect(await errorOf((failed) => connect(80, 'b.test').on('error', failed))).toMatchObject(refused);
  first();
  expect(Socket.prototype.connect).toBe(before);
});

test('an application in this process reaches no one while it is replayed to, unless that is allowed', async () => {
  const before = Socket.prototype.connect;
  let duringRun: unknown;
  const sender = await createInProcessSender(async (_, res) => {
    duringRun = Socket.prototype.connect;
    const failed = await fetch(`http://${elsewhere}/`, { signal: AbortSignal.timeout(2_000) }).catch(causeOf);
    res.end(failed instanceof Error && 'code' in failed ? String(failed.code) : 'other');
  });
  const answer = async (guard: object) => {
    const [result] = await replayAll([anExchange()], sender, { pace: 'asap', guard });
    const chunks = result?.replayed?.response?.chunks.map(({ data }) => data) ?? [];
    return Buffer.concat(chunks).toString();
  };
  expect(await answer({})).toBe('target-refused');
  expect(duringRun).not.toBe(before);
  expect(Socket.prototype.connect).toBe(before);
  const allowed = await createInProcessSender((_, res) => {
    duringRun = Socket.prototype.connect;
    res.end();
  });
  await replayAll([anExchange()], allowed, { pace: 'asap', guard: { egress: 'allow' } });
  expect(duringRun).toBe(before);
});

import { once } from 'node:events';
import { connect } from 'node:http2';
import * as grpc from '@grpc/grpc-js';
import { expect, test, vi } from 'vitest';
import { createSender } from '../../src/sender.ts';
import { createStub } from '../../src/stub.ts';
import { tapChannel } from '../../src/tap-channel.ts';
import { tapServer } from '../../src/tap-server.ts';
import { aCall, replayAll } from '../support/calls.ts';
import { list } from '../support/hard-case.ts';
import { oddServer } from '../support/odd-server.ts';
import { proxied } from '../support/proxied.ts';
import { calling, recordCalls } from '../support/recorded.ts';
import { recording } from '../support/recording.ts';
import { serve } from '../support/service.ts';

// Case 16: a prefix that promises two gigabytes. Memory is measured while the promise is open, where nobody refuses it by a limit.

/** The head of a message of 2 GiB, and three bytes of it. */
const promise = Buffer.from([0, 0x80, 0, 0, 0, 1, 2, 3]);
const calls = 32;

/** Bytes of buffers that have come since; what was collected meanwhile makes it less. */
function grown(): () => number {
  const bytes = () => process.memoryUsage().arrayBuffers;
  const before = bytes();
  return () => bytes() - before;
}
/** One prefix that is taken at its word is 128 times as much. */
const few = 16 * 1024 * 1024;

/** Calls that promise and stay open; resolves when the bytes are at the server. */
async function promising(
  port: number,
  path = '/test.Echo/Chat',
): Promise<Disposable & { readonly statuses: unknown[] }> {
  const statuses: unknown[] = [];
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  for (let i = 0; i < calls; i++) {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    stream.on('response', (head) => statuses.push(head['grpc-status']));
    stream.resume();
    await new Promise((resolve) => stream.write(promise, resolve));
  }
  // The answer to a ping comes behind what was sent before it.
  await new Promise((resolve) => session.ping(resolve));
  return { statuses, [Symbol.dispose]: () => session.destroy() };
}

test('case 16: a tapped server without a limit holds nothing for prefixes of two gigabytes', async () => {
  const { recorder, told } = recording();
  const server = { 'grpc.max_receive_message_length': -1 };
  await using running = await serve({}, (one) => void tapServer(one, recorder), { server });
  const growth = grown();
  {
    using _open = await promising(running.port);
    await vi.waitFor(() => expect(recorder.stats().underWay).toBe(calls), { interval: 1 });
    expect(growth()).toBeLessThan(few);
  }
  await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
  const lines = await told();
  expect(lines.filter((line) => / request \d/.test(line))).toEqual([]);
  expect(lines.filter((line) => line.includes('abort client'))).toHaveLength(calls);
});

test('case 16: nor does a proxy, nor the server behind it', async () => {
  const { recorder } = recording();
  const server = { 'grpc.max_receive_message_length': -1 };
  let reached = 0;
  const chat = () => {
    reached += 1;
  };
  await using through = await proxied({ chat }, { target: recorder }, { server });
  const growth = grown();
  using _open = await promising(through.running.port);
  await vi.waitFor(() => expect(reached).toBe(calls), { interval: 1 });
  expect(growth()).toBeLessThan(few);
  expect(recorder.stats()).toMatchObject({ underWay: calls, tapFailures: 0 });
  await recorder.close();
});

test('case 16: nor does a tapped client', async () => {
  const { recorder } = recording();
  let answered = 0;
  await using odd = await oddServer((stream) => {
    stream.respond({ 'content-type': 'application/grpc' });
    stream.write(promise, () => {
      answered += 1;
    });
  });
  const client = new grpc.Client(`127.0.0.1:${odd.port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    ...tapChannel(recorder, { grpc }),
  });
  const growth = grown();
  const open = Array.from({ length: calls }, (_, i) => list(client, `${i}`));
  await Promise.all(open.map((call) => once(call, 'metadata')));
  await vi.waitFor(() => expect(answered).toBe(calls), { interval: 1 });
  expect(growth()).toBeLessThan(few);
  for (const call of open) {
    call.on('error', () => undefined);
    call.cancel();
  }
  client.close();
  await recorder.close();
});

test('case 16: a replay refuses such answers, and holds nothing for them', async () => {
  await using odd = await oddServer((stream) => {
    stream.respond({ 'content-type': 'application/grpc' });
    stream.write(promise);
  });
  const growth = grown();
  const results = await replayAll(
    Array.from({ length: calls }, (_, i) => aCall({ id: i + 1 })),
    createSender(`http://127.0.0.1:${odd.port}`),
  );
  expect(growth()).toBeLessThan(few);
  expect(new Set(results.map(({ entry }) => entry.outcome))).toEqual(new Set(['failed']));
});

test('case 16: a stub refuses such requests, and holds nothing for them', async () => {
  using recorded = await recordCalls({}, (client) => calling.unary(client, 'tea'));
  const stub = await createStub(recorded.path);
  const address = await stub.listen();
  const growth = grown();
  using open = await promising(Number(address.split(':').at(-1)), '/test.Echo/Unary');
  expect(growth()).toBeLessThan(few);
  await vi.waitFor(() => expect(open.statuses).toEqual(Array.from({ length: calls }, () => '8')), {
    interval: 1,
  });
  await stub.close();
});

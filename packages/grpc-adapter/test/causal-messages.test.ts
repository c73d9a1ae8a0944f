// Starts worker threads, which load the built packages: `npm run build` first.
import { type Exchange, type Message, replay } from '@gardenhose/core';
import { createSender } from '@gardenhose/grpc-adapter';
import { expect, test } from 'vitest';
import { aCall, answered, replayAll } from './support/calls.ts';
import { type BareHandler, frame, grpcHead, serveBare } from './support/http2-server.ts';

const ms = 1e6;

/** A conversation: the server's messages at these times after its start. */
function aChat(
  sent: readonly (readonly [number, string])[],
  received: readonly number[],
  endAt: number,
): Exchange {
  const call = aCall({ target: '/test.Echo/Chat', messages: sent, endAt });
  const messages = received.map((at, seq): Message => {
    const data = Buffer.from(`recorded ${seq}`);
    return { at: at * ms, seq, kind: 0, size: data.length, state: 'kept', data };
  });
  return {
    ...call,
    response: {
      at: 0,
      status: 200,
      reason: '',
      version: '2',
      headers: [],
      chunks: [],
      messages,
      trailers: ['grpc-status', '0'],
      size: 0,
      state: 'kept',
      complete: true,
      endAt: call.endAt,
    },
  };
}

/** Answers each message so much later, and tells what came before what. */
function lateEcho(log: string[], delayMs: number): BareHandler {
  return (stream) => {
    stream.respond(grpcHead, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    let owed = 0;
    let ended = false;
    const over = () => {
      if (ended && owed === 0) stream.end();
    };
    stream.on('data', (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) {
        const text = bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1)).toString();
        log.push(`got ${text}`);
        owed++;
        setTimeout(() => {
          log.push(`answer ${text}`);
          owed--;
          if (!stream.destroyed) stream.write(frame(text));
          over();
        }, delayMs);
      }
    });
    stream.on('end', () => {
      log.push('end');
      ended = true;
      over();
    });
  };
}

const conversation = () =>
  aChat(
    [
      [0, 'a'],
      [20, 'b'],
      [21, 'c'],
      [40, 'd'],
    ],
    [10, 30, 31, 50],
    60,
  );

test('case 25: a message waits until as many answers have come as had when it was recorded, and so does the end', async () => {
  const log: string[] = [];
  await using running = await serveBare(lateEcho(log, 80));
  const [result] = await replayAll([conversation()], createSender(running.origin));
  expect(result?.entry).toMatchObject({ outcome: 'answered', status: 0 });
  expect(log).toEqual([
    ...['got a', 'answer a', 'got b', 'got c', 'answer b', 'answer c', 'got d', 'answer d', 'end'],
  ]);
  // What the target takes is blocked, and no lag.
  const { messagesBlockedNs = [], messageLagsNs = [], messagesUnawaited } = result?.entry ?? {};
  expect(messagesBlockedNs).toHaveLength(4);
  for (const ns of messagesBlockedNs) expect(ns).toBeGreaterThan(40 * ms);
  expect(messageLagsNs).toHaveLength(4);
  for (const ns of messageLagsNs) expect(ns).toBeLessThan(40 * ms);
  expect(messagesUnawaited).toBeUndefined();
});

test('with order none, messages leave at their times, whatever has come', async () => {
  const log: string[] = [];
  await using running = await serveBare(lateEcho(log, 150));
  const [result] = await replayAll([conversation()], createSender(running.origin), { order: 'none' });
  expect(log.slice(0, 5)).toEqual(['got a', 'got b', 'got c', 'got d', 'end']);
  expect(answered(result)).toEqual(['a', 'b', 'c', 'd']);
  expect(result?.entry.messagesBlockedNs).toBeUndefined();
});

test('with pace asap a conversation goes as fast as its answers come, in its order', async () => {
  const log: string[] = [];
  await using running = await serveBare(lateEcho(log, 5));
  await replayAll([conversation()], createSender(running.origin), { pace: 'asap' });
  expect(log).toEqual([
    ...['got a', 'answer a', 'got b', 'got c', 'answer b', 'answer c', 'got d', 'answer d', 'end'],
  ]);
});

test('what a target does not say is waited for no longer than the limit, counted, and told in the report', async () => {
  const log: string[] = [];
  await using running = await serveBare((stream) => {
    stream.respond(grpcHead, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('data', (bytes: Buffer) => log.push(bytes.subarray(5).toString()));
    stream.on('end', () => stream.end());
  });
  const sender = createSender(running.origin, { maxMessageWaitMs: 60 });
  for (const thread of ['inline', 'worker'] as const) {
    const exchange = aChat(
      [
        [0, 'a'],
        [20, 'b'],
      ],
      [10],
      30,
    );
    // A sender that waits on is ended by the run, and has sent less.
    const report = await replay([exchange], sender, { thread, guard: { timeoutMs: 3_000 } });
    expect(report.messages).toMatchObject({ sent: 2, unawaited: 2 });
    expect(report.timing.messageBlocked.count).toBe(2);
    expect(report.timing.messageBlocked.maxMs).toBeGreaterThanOrEqual(60);
  }
  expect(log).toEqual(['a', 'b', 'a', 'b']);
});

test('a client stream is ended only after what its server had said', async () => {
  const log: string[] = [];
  await using running = await serveBare((stream) => {
    stream.respond(grpcHead, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.resume();
    stream.on('end', () => log.push('end'));
    setTimeout(() => {
      log.push('answer');
      stream.end(frame('enough'));
    }, 80);
  });
  const exchange = { ...aChat([[0, 'a']], [10], 20) };
  const [result] = await replayAll(
    [{ ...exchange, request: { ...exchange.request, target: '/test.Echo/Upload' } }],
    createSender(running.origin),
  );
  expect(answered(result)).toEqual(['enough']);
  expect(log[0]).toBe('answer');
});

test('a cancel does not wait for anything', async () => {
  const log: string[] = [];
  await using running = await serveBare(lateEcho(log, 10_000));
  const chat = conversation();
  const at = chat.startAt + 50 * ms;
  const exchange: Exchange = {
    ...chat,
    endAt: at,
    abort: { at, by: 'client', code: 'RST_STREAM 8' },
    request: { ...chat.request, endAt: undefined, complete: false },
  };
  const [result] = await replayAll([exchange], createSender(running.origin));
  expect(result?.entry).toMatchObject({ status: 1 });
  expect((result?.entry.endAt ?? 0) - (result?.entry.sentAt ?? 0)).toBeLessThan(1_000 * ms);
  expect(log).toEqual(['got a']);
});

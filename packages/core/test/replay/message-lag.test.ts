import { expect, test } from 'vitest';
import type { Message } from '../../src/model/exchange.ts';
import { messageLags } from '../../src/replay/message-lag.ts';
import { createSchedule } from '../../src/replay/schedule.ts';
import type { Answer } from '../../src/replay/sender.ts';

const ms = 1e6;

function aMessage(at: number): Message {
  return { at, seq: 1, kind: 0, size: 1, state: 'kept', data: Uint8Array.of(1) };
}

function settled(partsSentAt: readonly number[] | undefined) {
  const answer: Answer = {
    exchange: 1,
    endAt: 100 * ms,
    informational: [],
    chunks: [],
    trailers: [],
    size: 0,
    truncated: false,
    partsSentAt,
  };
  return { index: 0, plannedAt: 10 * ms, blockedNs: 5 * ms, answer };
}

test('a message is late by what is left without the waiting for answers, at the speed of the run', () => {
  const messages = [aMessage(100 * ms), aMessage(120 * ms), aMessage(110 * ms)];
  const sent = settled([16 * ms, 27 * ms, 26 * ms, 30 * ms]);
  const lags = messageLags(messages, 100 * ms, sent, createSchedule({ speed: 2 }));
  expect(lags).toEqual([ms, 2 * ms, ms]);
});

test('of messages that were not sent, or where nobody knows when, nothing is told', () => {
  const messages = [aMessage(100 * ms), aMessage(120 * ms)];
  const schedule = createSchedule({});
  expect(messageLags(messages, 100 * ms, settled([15 * ms]), schedule)).toEqual([0]);
  expect(messageLags(messages, 100 * ms, settled(undefined), schedule)).toBeUndefined();
  expect(messageLags([], 100 * ms, settled([]), schedule)).toBeUndefined();
});

test('a piece of a body is as late as its head, and by what it left too late after it', () => {
  const { answer, ...times } = settled(undefined);
  const sent = { ...times, answer: { ...answer, sentAt: 16 * ms, laterLagsNs: [0, 2 * ms] } };
  expect(messageLags([], 100 * ms, sent, createSchedule({}))).toEqual([ms, 3 * ms]);
});

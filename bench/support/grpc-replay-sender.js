// A process that sends what bench/grpc-replay-lag.js measures: calls at their times (`replay`, as the command does it;
// `replay-shared`, without a processor of its own), unary calls as fast as they can
// be replayed (`asap`), or with the least that a program must do for a call (`bare`).
import { replayExchanges } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { createSender } from '@gardenhose/grpc-adapter';
import * as grpc from '@grpc/grpc-js';
import { callsFor, chatPath, messageOf, unaryPath, unnumbered } from './grpc-replay-load.js';

/** Calls under way at once, where they go as fast as they can. */
const inFlight = 64;
const metadata = ['content-type', 'application/grpc', 'te', 'trailers', 'x-tenant', 'garden'];

/** @param {import('./grpc-replay-load.js').PlannedCall} call @returns {import('@gardenhose/core').Exchange} */
function exchangeOf({ number, lane, atNs, messages }) {
  const endAt = atNs + (messages.at(-1)?.offsetNs ?? 0);
  const sent = messages.map(({ number: seq, offsetNs }) => {
    const data = messageOf(seq);
    return {
      at: atNs + offsetNs,
      seq,
      kind: 0,
      size: data.length,
      state: /** @type {const} */ ('kept'),
      data,
    };
  });
  return anExchange({
    id: number + 1,
    lane: `c${lane}`,
    protocol: 'grpc',
    startAt: atNs,
    endAt: endAt + 1e5,
    request: {
      method: 'POST',
      target: messages.length === 1 ? unaryPath : chatPath,
      version: '2',
      headers: metadata,
      messages: sent,
      endAt,
    },
    response: null,
  });
}

/** @param {number} port @param {number} rate @param {number} seconds @param {false | 'auto'} ownProcessor */
async function replayAtTimes(port, rate, seconds, ownProcessor) {
  const calls = callsFor(rate, seconds);
  const exchanges = (function* () {
    for (const call of calls) yield exchangeOf(call);
  })();
  const sender = createSender(`http://127.0.0.1:${port}`);
  const run = replayExchanges(exchanges, sender, { order: 'none', ownProcessor });
  /** @type {number[]} */
  const lags = [];
  const callLags = [];
  let failed = 0;
  for await (const { entry, recorded, replayed } of run.results) {
    if (entry.outcome !== 'answered') failed++;
    if (entry.sentAt !== undefined) callLags.push((entry.sentAt - entry.plannedAt) / 1e6);
    for (const [place, { at, seq }] of (replayed?.request.messages ?? []).entries()) {
      const offsetNs = (recorded.request.messages[place]?.at ?? 0) - recorded.startAt;
      lags[seq] = (at - entry.plannedAt - offsetNs) / 1e6;
    }
  }
  await sender.close();
  callLags.sort((a, b) => a - b);
  const { ownProcessor: own } = run.progress();
  return { lags, failed, own, callLagP99Ms: callLags[Math.floor(callLags.length * 0.99)] };
}

/** @param {number} port @param {number} count */
async function replayAtOnce(port, count) {
  const exchanges = (function* () {
    for (let number = 0; number < count; number++) {
      const messages = [{ number: unnumbered, offsetNs: 0 }];
      yield exchangeOf({ number, lane: number % inFlight, atNs: 0, messages });
    }
  })();
  // One connection, as the bare loop has.
  const sender = createSender(`http://127.0.0.1:${port}`, { channels: 1 });
  const guard = { maxInFlight: inFlight };
  const run = replayExchanges(exchanges, sender, { pace: 'asap', order: 'none', guard });
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  let answered = 0;
  for await (const { entry } of run.results) {
    if (entry.outcome !== 'answered' || entry.sentAt === undefined) continue;
    answered++;
    first = Math.min(first, entry.sentAt);
    last = Math.max(last, entry.endAt ?? 0);
  }
  await sender.close();
  if (answered !== count) throw new Error(`${count - answered} calls were not answered`);
  return { rate: answered / ((last - first) / 1e9) };
}

/** @param {number} port @param {number} count */
async function callBarely(port, count) {
  const channel = new grpc.Channel(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
  });
  const message = messageOf(unnumbered);
  const call = () =>
    new Promise((resolve, reject) => {
      const sent = new grpc.Metadata();
      sent.add('x-tenant', 'garden');
      const one = channel.createCall(unaryPath, Number.POSITIVE_INFINITY, null, null, undefined);
      one.start(sent, {
        onReceiveMetadata: () => undefined,
        onReceiveMessage: () => one.startRead(),
        onReceiveStatus: ({ code, details }) =>
          code === 0 ? resolve(undefined) : reject(new Error(details)),
      });
      one.startRead();
      one.sendMessageWithContext({}, message);
      one.halfClose();
    });
  await call();
  // As the replay has its rehearsal.
  for (let i = 0; i < 200; i++) await call();
  const from = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left-- > 0) await call();
    }),
  );
  const tookMs = performance.now() - from;
  channel.close();
  return { rate: count / (tookMs / 1e3) };
}

const [port = '', mode, ...rest] = process.argv.slice(2);
const [first = 0, second = 0] = rest.map(Number);
/** @type {() => Promise<unknown>} */
const send = () => {
  switch (mode) {
    case 'replay':
      return replayAtTimes(Number(port), first, second, 'auto');
    case 'replay-shared':
      return replayAtTimes(Number(port), first, second, false);
    case 'asap':
      return replayAtOnce(Number(port), first);
    default:
      return callBarely(Number(port), first);
  }
};
const told = await send();
process.send?.(told, () => process.disconnect());

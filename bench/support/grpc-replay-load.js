// The calls of bench/grpc-replay-lag.js: the same in each run, and in each process that sends them.
import { poisson } from './replay-load.js';

/** @typedef {{ number: number, lane: number, atNs: number, messages: { number: number, offsetNs: number }[] }} PlannedCall */

export const unaryPath = '/bench.Echo/Unary';
export const chatPath = '/bench.Echo/Chat';
/** Bytes of a message. */
export const messageBytes = 200;
/** Every second call is a conversation of so many messages, the others say one: four a call on average. */
const chatMessages = 7;
const chatStepNs = 9.3e6;

/** @param {number} rate @param {number} seconds @returns {PlannedCall[]} */
export function callsFor(rate, seconds) {
  let message = 0;
  return poisson(rate, seconds).map(({ number, lane, atNs }) => ({
    number,
    lane,
    atNs,
    messages: Array.from({ length: number % 2 === 0 ? 1 : chatMessages }, (_, i) => ({
      number: message++,
      offsetNs: i * chatStepNs,
    })),
  }));
}

/** @param {PlannedCall[]} calls */
export function messageCount(calls) {
  return calls.reduce((sum, { messages }) => sum + messages.length, 0);
}

/** A message that tells its number. @param {number} number */
export function messageOf(number) {
  const data = Buffer.alloc(messageBytes, 'x');
  data.writeUInt32BE(number);
  return data;
}

/** A number that no message has that is measured. */
export const unnumbered = 0xffffffff;

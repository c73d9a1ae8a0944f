// The mixed traffic of bench/replay-lag.js: uploads in chunks, readers of event streams and conversations over gRPC, each piece with a
// number and a time of its own; the same in each run, and in each process that sends it.
import { Buffer } from 'node:buffer';

/**
 * @typedef {{ number: number, offsetNs: number }} Piece
 * @typedef {{ id: number, kind: 'upload' | 'reader' | 'chat', lane: string, atNs: number, pieces: Piece[] }} Mixed
 */

/** Of each kind, how many begin in a second, how many pieces one has, and on how many connections they go. */
const kinds = /** @type {const} */ ([
  ['upload', 30, 9, 20],
  ['reader', 20, 1, 20],
  ['chat', 30, 7, 20],
]);
const stepNs = 9.3e6;
/** A reader leaves after this time. */
export const readsForMs = 250;
export const chatPath = '/bench.Mixed/Chat';

/** @param {number} seconds @returns {Mixed[]} */
export function mixedFor(seconds) {
  /** @type {Mixed[]} */
  const all = [];
  for (const [kind, rate, pieces, lanes] of kinds) {
    for (let i = 0; i < rate * seconds; i++) {
      // Uneven, and never the same for two kinds.
      const atNs = Math.round(((i + 0.7 * Math.abs(Math.sin(i * rate + pieces))) / rate) * 1e9);
      const offsets = Array.from({ length: pieces }, (_, piece) => ({ number: 0, offsetNs: piece * stepNs }));
      all.push({ id: 0, kind, lane: `${kind} ${i % lanes}`, atNs, pieces: offsets });
    }
  }
  all.sort((a, b) => a.atNs - b.atNs);
  let number = 0;
  return all.map((one, place) => ({
    ...one,
    id: place + 1,
    pieces: one.pieces.map(({ offsetNs }) => ({ number: number++, offsetNs })),
  }));
}

/** When each piece is due, by its number. @param {Mixed[]} mixed */
export function dueTimes(mixed) {
  return mixed.flatMap(({ atNs, pieces }) => pieces.map(({ offsetNs }) => atNs + offsetNs));
}

/** A piece of an upload, or a message: 200 bytes that tell their number. @param {number} number */
export function pieceOf(number) {
  return Buffer.from(`#n${number};`.padEnd(200, 'x'));
}

/** @param {Buffer} message */
export function framed(message) {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  return frame;
}

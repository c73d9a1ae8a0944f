import { randomFillSync } from 'node:crypto';
import { unmask } from './frame-reader.ts';

/** Masks are taken from a supply: asking for each costs more than the rest of a frame. */
const supply = Buffer.allocUnsafeSlow(4_096);
let used = supply.length;

/** One message as a frame of a client, with a mask that nobody can foresee (RFC 6455 section 5.3). */
export function maskedFrame(kind: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const keyAt = 2 + lengthBytes;
  const frame = Buffer.allocUnsafe(keyAt + 4 + length);
  frame[0] = 0x80 | kind;
  frame[1] = 0x80 | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  if (lengthBytes === 8) {
    frame.writeUInt32BE(Math.floor(length / 0x1_0000_0000), 2);
    frame.writeUInt32BE(length % 0x1_0000_0000, 6);
  }
  if (used === supply.length) {
    randomFillSync(supply);
    used = 0;
  }
  supply.copy(frame, keyAt, used, used + 4);
  used += 4;
  frame.set(payload, keyAt + 4);
  unmask(frame.subarray(keyAt + 4), frame, keyAt, 0);
  return frame;
}

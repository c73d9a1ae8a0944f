import { deflateRawSync } from 'node:zlib';

export interface FrameParts {
  readonly opcode?: number;
  readonly final?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
  /** Four bytes, or none. */
  readonly mask?: Uint8Array | undefined;
  /** Bytes that the length takes. Default as few as it can. */
  readonly lengthBytes?: 0 | 2 | 8;
}

/** One frame, right or wrong (RFC 6455 section 5.2). */
export function frame(payload: string | Uint8Array, parts: FrameParts = {}): Buffer {
  const { opcode = 1, final = true, reserved = 0, mask } = parts;
  const data = Buffer.from(payload);
  const { length } = data;
  const { lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8 } = parts;
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = (final ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (mask === undefined ? 0 : 0x80) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(length, 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (mask === undefined) return Buffer.concat([head, data]);
  return Buffer.concat([head, mask, data.map((byte, i) => byte ^ (mask[i & 3] ?? 0))]);
}

/** A frame as a client sends it. */
export const masked = (payload: string | Uint8Array, parts: FrameParts = {}): Buffer =>
  frame(payload, { mask: Buffer.from([0x11, 0x82, 0xf3, 0x04]), ...parts });

export function closeFrame(code: number, reason = '', parts: FrameParts = {}): Buffer {
  const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
  payload.writeUInt16BE(code);
  return frame(payload, { opcode: 8, ...parts });
}

/** A message as permessage-deflate packs it, by itself or behind what was sent before it (RFC 7692 section 7.2.1). */
export function packed(text: string | Uint8Array, before?: string): Buffer {
  const dictionary = before === undefined ? undefined : Buffer.from(before);
  const whole = deflateRawSync(text, { finishFlush: 2, dictionary });
  return whole.subarray(0, -4);
}

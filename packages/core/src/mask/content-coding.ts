import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  inflateSync,
} from 'node:zlib';
import { zstd } from './zstd.ts';

/** A body out of its content codings, and how to put one back into them. */
export interface Decoded {
  readonly bytes: Buffer;
  /** Whether the coded form holds more than its content (names, comments): then it must be written anew. */
  hasExtras(): boolean;
  encode(bytes: Uint8Array): Buffer;
}

export interface CodingLimits {
  readonly bodyBytes: number;
  readonly decodedRatio: number;
}

const mostCodings = 2;
/** Small bodies may shrink by any ratio: they cannot do harm. */
const ratioExempt = 64 * 1024;

/** Takes a body out of its codings, within limits. A string says why it cannot. */
export function decodeBody(
  bytes: Buffer,
  codings: readonly string[],
  limits: CodingLimits,
): Decoded | string {
  if (codings.length > mostCodings) return 'encoding';
  let current = bytes;
  const steps: Decoded[] = [];
  for (const coding of codings.toReversed()) {
    const step = decodeOne(current, coding, limits.bodyBytes);
    if (typeof step === 'string') return step;
    if (step.bytes.length > ratioExempt && step.bytes.length > current.length * limits.decodedRatio)
      return 'ratio';
    current = step.bytes;
    steps.unshift(step);
  }
  return {
    bytes: current,
    hasExtras: () => steps.some((step) => step.hasExtras()),
    encode: (masked) => steps.reduce((out, step) => step.encode(out), copy(masked)),
  };
}

function copy(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function decodeOne(bytes: Buffer, coding: string, maxOutputLength: number): Decoded | string {
  const options = { maxOutputLength };
  try {
    switch (coding) {
      case 'gzip':
      case 'x-gzip': {
        const decoded = gunzipSync(bytes, options);
        return {
          bytes: decoded,
          hasExtras: () => !isPlainGzip(bytes, decoded),
          encode: (out) => gzipSync(out, { level: 1 }),
        };
      }
      case 'deflate': {
        const [inflate, encode] = isZlib(bytes)
          ? [inflateSync, deflateFast]
          : [inflateRawSync, deflateRawFast];
        return {
          bytes: inflate(bytes, options),
          hasExtras: () => hasTail(bytes, inflate, maxOutputLength),
          encode,
        };
      }
      case 'br':
        return {
          bytes: brotliDecompressSync(bytes, options),
          hasExtras: () => hasTail(bytes, brotliDecompressSync, maxOutputLength),
          encode: (out) => brotliCompressSync(out, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
        };
      case 'zstd':
        // Frames can have others between them that no decoder shows, so what is kept is always written anew.
        return zstd === undefined
          ? 'encoding'
          : { bytes: zstd.decode(bytes, maxOutputLength), hasExtras: () => true, encode: zstd.encode };
      default:
        return 'encoding';
    }
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return tooLarge ? 'size' : 'decode';
  }
}

function deflateFast(bytes: Uint8Array): Buffer {
  return deflateSync(bytes, { level: 1 });
}

function deflateRawFast(bytes: Uint8Array): Buffer {
  return deflateRawSync(bytes, { level: 1 });
}

/** Bytes after the end of the coded form, which a decoder passes over: then one byte less is still enough for it. */
function hasTail(
  bytes: Buffer,
  decode: (bytes: Buffer, options: { maxOutputLength: number }) => Buffer,
  maxOutputLength: number,
): boolean {
  try {
    decode(bytes.subarray(0, -1), { maxOutputLength });
    return true;
  } catch {
    return false;
  }
}

function isZlib(bytes: Buffer): boolean {
  return bytes.length > 1 && ((bytes[0] ?? 0) & 15) === 8 && bytes.readUInt16BE(0) % 31 === 0;
}

/** One member, no name, comment or extra field, and nothing after it but what its trailer accounts for. */
function isPlainGzip(bytes: Buffer, decoded: Buffer): boolean {
  const flags = bytes[3] ?? 0;
  return (
    bytes.length >= 18 && (flags & 0b11110) === 0 && bytes.readUInt32LE(bytes.length - 4) === decoded.length
  );
}

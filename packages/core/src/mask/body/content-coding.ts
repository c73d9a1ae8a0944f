import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  crc32,
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
        const plain = plainGzip(bytes, options);
        return {
          bytes: plain ?? gunzipSync(bytes, options),
          hasExtras: () => plain === undefined,
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

/**
 * The content of one member without a name, a comment or an extra field and with nothing behind it; undefined when there is
 * more: what reads all members passes over zeros at the end and all that follows them.
 */
function plainGzip(bytes: Buffer, options: { readonly maxOutputLength: number }): Buffer | undefined {
  if (bytes.length < 18 || bytes.readUInt32BE(0) !== 0x1f8b0800) return undefined;
  const { content, taken } = inflated(bytes.subarray(gzipHeader), options);
  const trailer = gzipHeader + taken;
  const isWhole =
    content !== undefined &&
    bytes.length === trailer + 8 &&
    bytes.readUInt32LE(trailer) === crc32(content) &&
    bytes.readUInt32LE(trailer + 4) === content.length;
  return isWhole ? content : undefined;
}

const gzipHeader = 10;

/** Raw deflated bytes, and how many of them it took. */
function inflated(
  bytes: Buffer,
  options: { readonly maxOutputLength: number },
): { readonly content: Buffer | undefined; readonly taken: number } {
  // With `info` it gives back both, which its types do not say.
  const result: unknown = inflateRawSync(bytes, { ...options, info: true });
  if (typeof result !== 'object' || result === null || !('buffer' in result) || !('engine' in result))
    return { content: undefined, taken: 0 };
  const { buffer, engine } = result;
  const isEngine = typeof engine === 'object' && engine !== null && 'bytesWritten' in engine;
  const taken = isEngine && typeof engine.bytesWritten === 'number' ? engine.bytesWritten : 0;
  return { content: Buffer.isBuffer(buffer) ? buffer : undefined, taken };
}

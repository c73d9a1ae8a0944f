import {
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  constants,
  inflateRaw,
  inflateRawSync,
} from 'node:zlib';
import { codecs, maxRawBytes } from './format.ts';

/** How chunks are compressed: `brotli` (quality 1, the default) or not at all. */
export type Compression = 'brotli' | 'none';

/**
 * Quality 1: quality 0 takes three quarters of its time and makes files a fifth to a third larger, 2 takes twice to three
 * times its time for a tenth less at most. Deflate at its fastest takes twice its time for larger files.
 */
const brotliOptions = {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 1,
    [constants.BROTLI_PARAM_LGWIN]: 18,
  },
};

/**
 * Compresses a payload; undefined when that would save less than 5 %, and it is better kept as it is. So is one that becomes
 * so small that a reader takes it for a bomb.
 */
export function compress(raw: Uint8Array): Uint8Array | undefined {
  const stored = brotliCompressSync(raw, brotliOptions);
  const saves = stored.length < raw.length * 0.95;
  return saves && raw.length <= maxRawBytes(codecs.brotli, stored.length) ? stored : undefined;
}

/** Below this size a thread-pool round trip costs more than the work. */
const inlineBytes = 16 * 1024;

/**
 * Decompresses a payload to exactly `rawBytes`. Undefined when the stream is damaged, gives more or fewer bytes, or ends
 * before its input does: Node's convenience calls would ignore what follows the end of a stream.
 */
export async function decompress(
  codec: number,
  stored: Uint8Array,
  rawBytes: number,
): Promise<Uint8Array | undefined> {
  if (codec === codecs.none) return stored.length === rawBytes ? stored : undefined;
  if (rawBytes === 0) return undefined;
  // One piece, and a byte to tell that there is no other: by default each 16 KiB cost a call from the thread pool.
  const options = { info: true, maxOutputLength: rawBytes, chunkSize: Math.max(64, rawBytes + 1) };
  const brotli = codec === codecs.brotli;
  let result: unknown;
  if (rawBytes <= inlineBytes) {
    try {
      result = brotli ? brotliDecompressSync(stored, options) : inflateRawSync(stored, options);
    } catch {
      return undefined; // The caller reports a damaged payload, with its place.
    }
  } else {
    result = await new Promise((resolve) => {
      const done = (error: Error | null, value: unknown) => resolve(error === null ? value : undefined);
      if (brotli) brotliDecompress(stored, options, done);
      else inflateRaw(stored, options, done);
    });
  }
  if (!isInflated(result)) return undefined;
  const { buffer, engine } = result;
  return buffer.length === rawBytes && engine.bytesWritten === stored.length ? buffer : undefined;
}

/** What zlib's convenience calls give when asked for `info`; Node's types do not know it. */
function isInflated(value: unknown): value is { buffer: Uint8Array; engine: { bytesWritten: number } } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'buffer' in value &&
    value.buffer instanceof Uint8Array &&
    'engine' in value &&
    typeof value.engine === 'object' &&
    value.engine !== null &&
    'bytesWritten' in value.engine &&
    typeof value.engine.bytesWritten === 'number'
  );
}

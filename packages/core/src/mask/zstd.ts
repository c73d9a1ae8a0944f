import * as zlib from 'node:zlib';

/** Zstandard, which Node has from 22.15 and 23.8 on. */
export interface Zstd {
  /** @throws what `node:zlib` throws on data that is broken or too long */
  decode(bytes: Buffer, maxOutputLength: number): Buffer;
  encode(bytes: Uint8Array): Buffer;
}

/** RFC 9659: windows over 8 MiB are not for content codings. */
const longestWindowLog = 23;

/** Undefined in a version of Node without it. */
export const zstd: Zstd | undefined = find();

function find(): Zstd | undefined {
  // The types are those of the oldest version that this runs on.
  const decompress: unknown = Reflect.get(zlib, 'zstdDecompressSync');
  const compress: unknown = Reflect.get(zlib, 'zstdCompressSync');
  const windowLog: unknown = Reflect.get(zlib.constants, 'ZSTD_d_windowLogMax');
  if (typeof decompress !== 'function' || typeof compress !== 'function' || typeof windowLog !== 'number') {
    return undefined;
  }
  return {
    decode: (bytes, maxOutputLength) =>
      asBuffer(
        Reflect.apply(decompress, zlib, [
          bytes,
          { maxOutputLength, params: { [windowLog]: longestWindowLog } },
        ]),
      ),
    encode: (bytes) => asBuffer(Reflect.apply(compress, zlib, [bytes])),
  };
}

function asBuffer(result: unknown): Buffer {
  if (!Buffer.isBuffer(result)) throw new TypeError('zstd gave no bytes');
  return result;
}

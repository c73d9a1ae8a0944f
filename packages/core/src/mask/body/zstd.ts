import * as zlib from 'node:zlib';

/** Zstandard, which Node has from 22.15 and 23.8 on. */
export interface Zstd {
  /** @throws RangeError when the data is cut; that or what `node:zlib` throws when it is broken or too long */
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
    decode(bytes, maxOutputLength) {
      const decoded: Buffer[] = [];
      let left = maxOutputLength;
      for (const frame of frames(bytes)) {
        const options = { maxOutputLength: Math.max(1, left), params: { [windowLog]: longestWindowLog } };
        const piece = asBuffer(Reflect.apply(decompress, zlib, [frame, options]));
        left -= piece.length;
        if (left < 0) throw new RangeError('zstd data is too long');
        decoded.push(piece);
      }
      return Buffer.concat(decoded);
    },
    encode: (bytes) => asBuffer(Reflect.apply(compress, zlib, [bytes])),
  };
}

function asBuffer(result: unknown): Buffer {
  if (!Buffer.isBuffer(result)) throw new TypeError('zstd gave no bytes');
  return result;
}

const frameMagic = 0xfd2fb528;
/** Sixteen magics, of frames that decoders pass over. */
const skippableMagic = 0x184d2a50;
const fieldBytes = { dictionary: [0, 1, 2, 4], contentSize: [0, 2, 4, 8] } as const;
const blockTypes = { rle: 1, reserved: 3 } as const;

/** To decode many small ones takes longer than what they hold is worth. */
const mostFrames = 64;

/**
 * The frames that hold something, each there to its end: RFC 8878, section 3.1. Node decodes the first one and says
 * nothing of the rest; Node 22 also decodes what is cut as far as it goes.
 */
function frames(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const magic = bytes.readUInt32LE(at);
    const isFrame = magic === frameMagic;
    if (!isFrame && magic - (magic & 15) !== skippableMagic) break;
    const end = isFrame ? frameEnd(bytes, at + 4) : at + 8 + bytes.readUInt32LE(at + 4);
    if (isFrame) found.push(bytes.subarray(at, end));
    at = end;
  }
  if (at !== bytes.length || found.length > mostFrames) throw new RangeError('zstd data is cut or broken');
  return found;
}

/** Where the frame ends whose header descriptor stands here; beyond the data when it is not whole. */
function frameEnd(bytes: Buffer, descriptorAt: number): number {
  const descriptor = bytes[descriptorAt] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (fieldBytes.contentSize[sizeFlag] ?? 0);
  let at =
    descriptorAt + 1 + (isSingleSegment ? 0 : 1) + (fieldBytes.dictionary[descriptor & 3] ?? 0) + sizeBytes;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) return Number.POSITIVE_INFINITY;
    const header = bytes.readUIntLE(at, 3);
    const type = (header >> 1) & 3;
    if (type === blockTypes.reserved) return Number.POSITIVE_INFINITY;
    at += 3 + (type === blockTypes.rle ? 1 : header >> 3);
    isLast = (header & 1) === 1;
  }
  return at + ((descriptor & 4) === 0 ? 0 : 4);
}

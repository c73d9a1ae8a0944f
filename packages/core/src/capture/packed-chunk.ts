import { crc32 } from 'node:zlib';
import type { SealedChunk } from './chunk-builder.ts';
import { type Compression, compress } from './codec.ts';
import { codecs, frameTypes } from './format.ts';
import type { FrameContent } from './frame.ts';

/** A chunk as it goes into a frame, of whatever file: it holds all that is needed to read it. */
export interface PackedChunk extends FrameContent, Omit<SealedChunk, 'raw'> {
  readonly count: number;
  readonly firstSeq: number;
  readonly seqSpan: number;
  readonly baseNs: number;
  readonly spanNs: number;
}

/** Where it does not compress, `stored` is the `raw` of the chunk itself. */
export function packChunk(chunk: SealedChunk, compression: Compression): PackedChunk {
  const { raw, ...rest } = chunk;
  const crcRaw = crc32(raw);
  const compressed = compression === 'brotli' ? compress(raw) : undefined;
  return {
    ...rest,
    type: frameTypes.chunk,
    codec: compressed === undefined ? codecs.none : codecs.brotli,
    stored: compressed ?? raw,
    rawBytes: raw.length,
    crcRaw,
  };
}

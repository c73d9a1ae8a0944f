import { crc32 } from 'node:zlib';
import { codecs, frameTypes, magic } from '../../packages/core/src/capture/format.ts';
import { writeFrameHeader } from '../../packages/core/src/capture/frame.ts';
import { pack } from '../../packages/core/src/capture/packing.ts';

/** A capture as a later release might write it: sound, but of format version 2. */
export function newerCapture(): Buffer {
  const sync = Buffer.from('a1b2c3d4e5f60718', 'hex');
  const payload = pack([2, [], sync]);
  const header = Buffer.alloc(64);
  writeFrameHeader(header, sync, {
    type: frameTypes.header,
    flags: 0,
    codec: codecs.none,
    cipher: 0,
    number: 0,
    storedBytes: payload.length,
    rawBytes: payload.length,
    count: 1,
    crcStored: crc32(payload),
    crcRaw: crc32(payload),
    firstSeq: 0,
    seqSpan: 0,
    baseNs: 0,
    spanNs: 0,
  });
  return Buffer.concat([magic, header, payload]);
}

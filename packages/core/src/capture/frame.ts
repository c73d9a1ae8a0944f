import { crc32 } from 'node:zlib';
import { ciphers, codecs, frameHeaderBytes, limits, maxRawBytes, sealedExtraBytes } from './format.ts';

/** The 64 bytes before each payload: all that is needed to skip it, check it, or say what was lost with it. */
export interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  readonly codec: number;
  readonly cipher: number;
  /** Position among the capture's frames, from 0. */
  readonly number: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  /** Records in the payload. */
  readonly count: number;
  readonly crcStored: number;
  readonly crcRaw: number;
  readonly firstSeq: number;
  readonly seqSpan: number;
  /** `at` of the first record. */
  readonly baseNs: number;
  readonly spanNs: number;
}

/** Writes a frame header into the first 64 bytes of `target`. */
export function writeFrameHeader(target: Uint8Array, sync: Uint8Array, header: FrameHeader): void {
  const view = new DataView(target.buffer, target.byteOffset, frameHeaderBytes);
  target.set(sync, 0);
  view.setUint8(8, header.type);
  view.setUint8(9, header.flags);
  view.setUint8(10, header.codec);
  view.setUint8(11, header.cipher);
  view.setUint32(12, header.number, true);
  view.setUint32(16, header.storedBytes, true);
  view.setUint32(20, header.rawBytes, true);
  view.setUint32(24, header.count, true);
  view.setUint32(28, header.crcStored, true);
  view.setUint32(32, header.crcRaw, true);
  view.setUint32(36, header.seqSpan, true);
  setUint53(view, 40, header.firstSeq);
  setUint53(view, 48, header.baseNs);
  view.setUint32(56, header.spanNs, true);
  view.setUint32(60, crc32(target.subarray(0, 60)), true);
}

/**
 * Reads a frame header; undefined when its own checksum is wrong, so that nothing in it can be believed. The sync mark
 * is the caller's to compare.
 */
export function readFrameHeader(bytes: Uint8Array): FrameHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, frameHeaderBytes);
  if (view.getUint32(60, true) !== crc32(bytes.subarray(0, 60))) return undefined;
  return {
    type: view.getUint8(8),
    flags: view.getUint8(9),
    codec: view.getUint8(10),
    cipher: view.getUint8(11),
    number: view.getUint32(12, true),
    storedBytes: view.getUint32(16, true),
    rawBytes: view.getUint32(20, true),
    count: view.getUint32(24, true),
    crcStored: view.getUint32(28, true),
    crcRaw: view.getUint32(32, true),
    seqSpan: view.getUint32(36, true),
    firstSeq: getUint53(view, 40),
    baseNs: getUint53(view, 48),
    spanNs: view.getUint32(56, true),
  };
}

/**
 * Why no reader should believe this header although its checksum is right, or undefined. Anyone can compute a checksum,
 * so these bounds are what protects memory.
 */
export function frameHeaderFault(header: FrameHeader): string | undefined {
  if (header.storedBytes > limits.stored)
    return `payload of ${header.storedBytes} bytes, at most ${limits.stored} allowed`;
  if (header.rawBytes > limits.raw)
    return `${header.rawBytes} bytes decompressed, at most ${limits.raw} allowed`;
  if (header.count > limits.records) return `${header.count} records, at most ${limits.records} allowed`;
  if (isKnownCipher(header.cipher) && isKnownCodec(header.codec)) {
    const packedBytes = header.storedBytes - (header.cipher === ciphers.none ? 0 : sealedExtraBytes);
    if (header.codec === codecs.none && header.rawBytes !== packedBytes)
      return 'two different payload lengths';
    if (header.rawBytes > maxRawBytes(header.codec, packedBytes)) return 'compressed beyond what is allowed';
  }
  const lastSeq = header.firstSeq + header.seqSpan;
  const lastNs = header.baseNs + header.spanNs;
  if (!Number.isSafeInteger(lastSeq) || !Number.isSafeInteger(lastNs))
    return 'sequence or time of 2^53 or more';
  return undefined;
}

export function isKnownCodec(codec: number): boolean {
  return codec === codecs.none || codec === codecs.deflate || codec === codecs.brotli;
}

export function isKnownCipher(cipher: number): boolean {
  return cipher === ciphers.none || cipher === ciphers.aes256gcm;
}

function setUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 2 ** 32, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

/** Values of 2^53 and more come out unsafe, which {@link frameHeaderFault} refuses. */
function getUint53(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}

/** What goes into a frame; its numbers are zero where its type has none. */
export interface FrameContent {
  readonly type: number;
  readonly codec: number;
  readonly stored: Uint8Array;
  readonly rawBytes: number;
  readonly crcRaw: number;
  readonly count: number;
  readonly firstSeq?: number | undefined;
  readonly seqSpan?: number | undefined;
  readonly baseNs?: number | undefined;
  readonly spanNs?: number | undefined;
}

/** Encrypts the payload of a frame with this header, which has no checksums yet. */
export type EncryptPayload = (header: FrameHeader, packed: Uint8Array) => Uint8Array;

/** The bytes of a frame: header and payload in one piece, so that one write carries both. */
export function buildFrame(
  sync: Uint8Array,
  number: number,
  content: FrameContent,
  encrypt?: EncryptPayload,
): Uint8Array {
  const header = {
    type: content.type,
    flags: 0,
    codec: content.codec,
    cipher: encrypt === undefined ? ciphers.none : ciphers.aes256gcm,
    number,
    storedBytes: content.stored.length,
    rawBytes: content.rawBytes,
    count: content.count,
    crcStored: 0,
    crcRaw: 0,
    firstSeq: content.firstSeq ?? 0,
    seqSpan: content.seqSpan ?? 0,
    baseNs: content.baseNs ?? 0,
    spanNs: content.spanNs ?? 0,
  };
  if (encrypt !== undefined) {
    // Without the checksum of the plain bytes, which would tell of them.
    const stored = encrypt(header, content.stored);
    return frameOf(sync, { ...header, storedBytes: stored.length, crcStored: crc32(stored) }, stored);
  }
  const { stored, crcRaw } = content;
  const crcStored = content.codec === codecs.none ? crcRaw : crc32(stored);
  return frameOf(sync, { ...header, crcStored, crcRaw }, stored);
}

function frameOf(sync: Uint8Array, header: FrameHeader, stored: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + stored.length);
  frame.set(stored, frameHeaderBytes);
  writeFrameHeader(frame, sync, header);
  return frame;
}

/** The numbers of the capture format, version 1. `docs/reference/capture-format.md` is the specification. */
export const formatVersion = 1;

/** First bytes of a capture. Made so that a transfer that strips the high bit or rewrites line ends shows. */
export const magic: Uint8Array = Uint8Array.of(0x89, 0x48, 0x4f, 0x53, 0x0d, 0x0a, 0x1a, 0x0a);

/** Last bytes of a capture that was closed. */
export const endMark: Uint8Array = Uint8Array.of(0x8a, 0x45, 0x4e, 0x44, 0x0d, 0x0a, 0x1a, 0x0a);

export const frameHeaderBytes = 64;
export const trailerBytes = 24;

export const frameTypes = { header: 1, chunk: 2, index: 3, footer: 4 } as const;

/** Frame flag: a reader that does not know the frame's type must stop. */
export const criticalFlag = 1;

/** How a chunk is encrypted. */
export const ciphers = { none: 0, aes256gcm: 1 } as const;

/** What encryption adds to a payload: nonce and tag. */
export const sealedExtraBytes = 28;

export const codecs = { none: 0, deflate: 1, brotli: 2 } as const;

export const recordTypes = {
  start: 1,
  headers: 2,
  chunk: 3,
  body: 4,
  message: 5,
  trailers: 6,
  end: 7,
  abort: 8,
  mark: 9,
  audit: 10,
  resume: 11,
  gap: 12,
  control: 13,
  clock: 14,
  schema: 15,
} as const;

/** What a reader accepts and a writer keeps to. Checked before anything is allocated. */
export const limits = {
  /** HEADER payload, bytes. */
  headerPayload: 65_536,
  /** Payload of a frame once decompressed, bytes. One record can be as long. */
  raw: 16_777_216,
  /** Payload of a frame as stored, bytes: what does not compress may grow a little, and a cipher adds its tag. */
  stored: 16_842_752,
  /** Records of one chunk. */
  records: 1_048_576,
  /** Entries of one INDEX frame. */
  indexEntries: 4096,
  /** INDEX frames of a capture. */
  indexFrames: 16_384,
  /** Names and values of one header list together. */
  headerItems: 4096,
  /** One text or header string, bytes. */
  string: 1_048_576,
  /** Values in one record, at any depth. */
  elements: 262_144,
  /** Arrays within arrays; a record is depth 1. */
  depth: 8,
  /** Nanoseconds, and sequence numbers, that one chunk may span. */
  span: 0xffff_ffff,
} as const;

/** How much a payload may grow when decompressed: a bound that real traffic stays far below. */
export function maxRawBytes(codec: number, storedBytes: number): number {
  if (codec === codecs.none) return storedBytes;
  if (codec === codecs.deflate) return Math.min(limits.raw, 1032 * storedBytes);
  return Math.min(limits.raw, Math.max(1_048_576, 4096 * storedBytes));
}

// How raw events stand in a packed buffer, in memory only and never on disk. Records begin at multiples of 8, so that
// numbers can be stored through typed arrays:
//
//   0  u32  kind of record, and its small values (see `flag`)
//   4  u32  length of the whole record, a multiple of 8
//   8  f64  at
//  16  f64  seq
//  24  f64  exchange; 0 for those that belong to none
//  32  …    the fixed numbers of the kind (f64 each), the lengths of its texts (u32 each), the characters of all texts
//           in one piece (one byte each, or two where a text needs them), or the bytes of the content

export const recordHead = 32;

export const recordKind = {
  start: 1,
  headers: 2,
  chunk: 3,
  message: 4,
  trailers: 5,
  end: 6,
  abort: 7,
  mark: 8,
  gap: 9,
  control: 10,
  clock: 11,
  wireHead: 12,
  schema: 13,
} as const;

/** Bits above the kind. Their meaning is the kind's own where they share a place. */
export const flag = {
  response: 0x100,
  /** Texts take two bytes a character. */
  wide: 0x200,
  /** Content was cut by a limit: its beginning is kept. */
  truncated: 0x400,
  /** Content was left out because of a limit. */
  dropped: 0x800,
  complete: 0x1000,
  /** A message that the reader decompresses. What `truncated` says is then for what is larger than the limit. */
  gzip: 0x2000,
  deflate: 0x4000,
  'deflate-raw': 0x8000,
  'deflate-window': 0x10000,
  outbound: 0x2000,
  https: 0x4000,
  grpc: 0x8000,
  websocket: 0x10000,
  hasParent: 0x20000,
  hasOperation: 0x40000,
  hasPeer: 0x80000,
  hasAuthority: 0x100000,
  /** The request's end belongs to its start, and has the number after it. */
  bodyless: 0x200000,
  /** Behind its fixed numbers stand the shares by outcome: how many, and each. */
  hasShares: 0x400000,
} as const;

/** Texts of a start before its headers. */
export const startTexts = 7;

export const limitState = 'dropped:body-limit';

/** Rounded up to a multiple of 8. */
export const aligned = (bytes: number): number => (bytes + 7) & ~7;

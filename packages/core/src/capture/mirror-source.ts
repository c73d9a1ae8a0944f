/** Where a mirror is: can be cloned to another thread of the process. What is in it is the mirror's own business. */
export interface MirrorSource {
  readonly channel: string;
  readonly shared: SharedArrayBuffer;
  readonly maxBufferedBytes: number;
}

/** What both ends see, each a 32-bit number. */
export const places = {
  /** 1 while somebody reads. */
  reading: 0,
  /** Counts the readers: what is sent is for the newest alone. */
  turn: 1,
  /** Bytes that the readers have taken, modulo 2^32. */
  taken: 2,
  /** Exchanges that were dropped. */
  dropped: 3,
  /** 1 when the sink is closed. */
  closed: 4,
} as const;

/** What the sink sends. Without bytes: that was all. */
export interface MirrorMessage {
  readonly turn: number;
  readonly bytes?: Uint8Array | undefined;
}

export function isMirrorSource(value: unknown): value is MirrorSource {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'channel' in value &&
    typeof value.channel === 'string' &&
    'shared' in value &&
    value.shared instanceof SharedArrayBuffer &&
    value.shared.byteLength === 4 * Object.keys(places).length &&
    'maxBufferedBytes' in value &&
    typeof value.maxBufferedBytes === 'number'
  );
}

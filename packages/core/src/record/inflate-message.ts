import { gunzipSync, inflateRawSync, inflateSync, constants as zlibConstants } from 'node:zlib';

/**
 * How a message may be compressed. On its own: `gzip` and `deflate` (gRPC over HTTP/2, "Message-Encoding"), `deflate-raw`
 * (RFC 7692, where the context is not taken over). `deflate-window` goes on from the messages of its side before it (RFC 7692,
 * section 7.2.3.2), which {@link InflateWindows} remembers.
 */
export type MessageCoding = 'gzip' | 'deflate' | 'deflate-raw' | 'deflate-window';

/** What gRPC implementations take by default: a message that is larger was refused by the application as well, or is lost here. */
const maxOutputLength = 4 * 1024 * 1024;
/** RFC 7692 section 7.2.2: what the sender takes away from the end of each message. */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/**
 * A compressed message as it was before.
 *
 * @returns undefined where the bytes are not of this coding, or give more than 4 MiB
 */
export function inflateMessage(
  message: Uint8Array,
  coding: Exclude<MessageCoding, 'deflate-window'>,
): Uint8Array | undefined {
  if (coding === 'deflate-raw') return inflateTail(message, undefined);
  try {
    return coding === 'gzip'
      ? gunzipSync(message, { maxOutputLength })
      : inflateSync(message, { maxOutputLength });
  } catch {
    // Not what it says it is: told by the answer.
    return undefined;
  }
}

/**
 * A message of a WebSocket with permessage-deflate as it was before.
 *
 * @param before - The last 32 KiB of what was decompressed before it, where the context is taken over
 * @returns as {@link inflateMessage}
 */
export function inflateTail(message: Uint8Array, before: Buffer | undefined): Buffer | undefined {
  try {
    return inflateRawSync(Buffer.concat([message, tail]), {
      maxOutputLength,
      // A message ends with a flush, not with the end of the stream.
      finishFlush: zlibConstants.Z_SYNC_FLUSH,
      dictionary: before,
    });
  } catch {
    return undefined;
  }
}

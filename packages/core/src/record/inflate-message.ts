import { gunzipSync, inflateSync } from 'node:zlib';

/** How a message may be compressed on its own (gRPC over HTTP/2, "Message-Encoding"). */
export type MessageCoding = 'gzip' | 'deflate';

/** What gRPC implementations take by default: a message that is larger was refused by the application as well, or is lost here. */
const maxOutputLength = 4 * 1024 * 1024;

/**
 * A compressed message as it was before.
 *
 * @returns undefined where the bytes are not of this coding, or give more than 4 MiB
 */
export function inflateMessage(message: Uint8Array, coding: MessageCoding): Uint8Array | undefined {
  try {
    return coding === 'gzip'
      ? gunzipSync(message, { maxOutputLength })
      : inflateSync(message, { maxOutputLength });
  } catch {
    // Not what it says it is: told by the answer.
    return undefined;
  }
}

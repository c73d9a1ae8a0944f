import { gunzipSync, inflateSync } from 'node:zlib';
import { headerOf } from './to-events.ts';

/** What grpc-js takes by default; a compressed message that is larger was refused by the application as well, or is lost here. */
const maxOutputLength = 4 * 1024 * 1024;

/**
 * A compressed message as it was before.
 *
 * @param headers - Of the side that sent it, names and values in turns
 * @returns undefined where the coding is not known, the bytes are not of it, or there are too many of them
 */
export function decompress(message: Buffer, headers: readonly string[]): Buffer | undefined {
  const coding = headerOf(headers, 'grpc-encoding');
  try {
    if (coding === 'gzip') return gunzipSync(message, { maxOutputLength });
    if (coding === 'deflate') return inflateSync(message, { maxOutputLength });
  } catch {
    // Not what it says it is: told by the answer.
  }
  return undefined;
}

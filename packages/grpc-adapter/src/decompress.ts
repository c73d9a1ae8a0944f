import { inflateMessage } from '@gardenhose/core/adapter';
import { headerOf } from './to-events.ts';

/**
 * How the compressed messages of a side are compressed; undefined where that is not known.
 *
 * @param headers - Of the side that sends them, names and values in turns
 */
export function messageCoding(headers: readonly string[]): 'gzip' | 'deflate' | undefined {
  const coding = headerOf(headers, 'grpc-encoding');
  return coding === 'gzip' || coding === 'deflate' ? coding : undefined;
}

/**
 * A compressed message as it was before.
 *
 * @param headers - Of the side that sent it, names and values in turns
 * @returns undefined where the coding is not known, the bytes are not of it, or there are too many of them
 */
export function decompress(message: Uint8Array, headers: readonly string[]): Uint8Array | undefined {
  const coding = messageCoding(headers);
  return coding === undefined ? undefined : inflateMessage(message, coding);
}

import { GardenhoseError } from '../errors.ts';
import type { Compression } from './codec.ts';
import type { EncryptionKey } from './encryption.ts';

export interface CaptureWriterOptions {
  /** Default `brotli`. */
  readonly compression?: Compression | undefined;
  /** Size at which a chunk is written, before compression, in bytes: 256 to 1048576. Default 262144. */
  readonly chunkBytes?: number | undefined;
  /** A chunk is written when it spans this much recorded time, in milliseconds: 1 to 4000. Default 4000. */
  readonly chunkSpanMs?: number | undefined;
  /** The 8 bytes that mark this capture's frames. Default: random, which no recorded body can guess. */
  readonly syncMark?: Uint8Array | undefined;
  /** Encrypts the chunks. Default: they are not encrypted. */
  readonly encryptionKey?: EncryptionKey | undefined;
}

export interface ResolvedWriterOptions {
  readonly compression: Compression;
  readonly chunkBytes: number;
  readonly chunkSpanMs: number;
  readonly syncMark: Uint8Array | undefined;
  readonly encryptionKey: EncryptionKey | undefined;
}

/** @throws GardenhoseError `invalid-option` */
export function resolveWriterOptions(options: CaptureWriterOptions): ResolvedWriterOptions {
  const {
    compression = 'brotli',
    chunkBytes = 256 * 1024,
    chunkSpanMs = 4000,
    syncMark,
    encryptionKey,
  } = options;
  if (compression !== 'brotli' && compression !== 'none') {
    throw invalidOption('compression', String(compression), '"brotli" or "none"');
  }
  wholeNumber('chunkBytes', chunkBytes, 256, 1024 * 1024);
  wholeNumber('chunkSpanMs', chunkSpanMs, 1, 4000);
  if (syncMark !== undefined && !(syncMark instanceof Uint8Array && syncMark.length === 8)) {
    throw invalidOption('syncMark', 'something else', '8 bytes');
  }
  return { compression, chunkBytes, chunkSpanMs, syncMark, encryptionKey };
}

export function wholeNumber(option: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return;
  throw invalidOption(option, String(value), `a whole number from ${least} to ${most}`);
}

export function invalidOption(option: string, found: string, expected: string): GardenhoseError {
  return new GardenhoseError('invalid-option', `Option ${option} is ${found}, expected ${expected}`, {
    subject: option,
  });
}

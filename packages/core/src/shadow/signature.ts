import { createHmac, timingSafeEqual } from 'node:crypto';
import { invalidOption } from '../model/option-values.ts';

/** A key that marks are signed with: at least 16 bytes. Text stands for its UTF-8 bytes. */
export type SignKey = string | Uint8Array;

const minKeyBytes = 16;

/**
 * The bytes of a key.
 *
 * @throws {@link GardenhoseError} `invalid-option` when it is too short to keep anyone out
 */
export function signKeyBytes(option: string, key: SignKey): Uint8Array {
  const given: unknown = key;
  if (typeof given !== 'string' && !(given instanceof Uint8Array)) {
    throw invalidOption(option, `must be text or bytes, got ${typeof given}`);
  }
  const bytes = typeof given === 'string' ? Buffer.from(given, 'utf8') : Uint8Array.from(given);
  if (bytes.length >= minKeyBytes) return bytes;
  throw invalidOption(option, `must have at least ${minKeyBytes} bytes, got ${bytes.length}`);
}

/**
 * The value of `x-shadow-signature`: the second at which it expires, and the HMAC-SHA256 (RFC 2104) of run, position and expiry
 * in base64url.
 */
export function signMarks(key: Uint8Array, runId: string, seq: number, expiresS: number): string {
  return `v1.${expiresS}.${digest(key, runId, seq, expiresS).toString('base64url')}`;
}

/** Whether a signature is of this key, for this run and position, and not over. */
export function verifyMarks(
  key: Uint8Array,
  runId: string,
  seq: number,
  signature: string,
  nowMs: number,
): boolean {
  const [, expiry, code] = /^v1\.(\d{1,12})\.([\w-]{43})$/.exec(signature) ?? [];
  if (expiry === undefined || code === undefined) return false;
  const expiresS = Number(expiry);
  if (expiresS * 1000 <= nowMs) return false;
  const given = Buffer.from(code, 'base64url');
  const expected = digest(key, runId, seq, expiresS);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function digest(key: Uint8Array, runId: string, seq: number, expiresS: number): Buffer {
  return createHmac('sha256', key).update(`gardenhose-shadow\n${runId}\n${seq}\n${expiresS}`).digest();
}

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { type ErrorCode, GardenhoseError } from '../errors.ts';

/** Where a secret key comes from: 32 bytes or more. Plain data, which goes to a worker without the key itself. */
export type KeySource =
  | { readonly base64: string }
  /** A file that holds the key as base64, or raw. */
  | { readonly file: string }
  /** An environment variable that holds the key as base64. */
  | { readonly env: string };

/** What a key is for, as errors name it. */
export interface KeyUse {
  readonly what: string;
  readonly code: ErrorCode;
}

/** Of any key. */
export const leastKeyBytes = 32;
const longestFile = 65_536;
const base64Text = /^[A-Za-z0-9+/_-]+={0,2}$/;
const warnedOf = new Set<string>();

/**
 * Reads a key.
 *
 * @throws GardenhoseError with the code of `use` for one that is missing, no base64, or shorter than 32 bytes
 */
export function readKeySource(from: KeySource, use: KeyUse): Buffer {
  if ('base64' in from) return decoded(from.base64, 'key.base64', use);
  if ('env' in from) {
    const text = process.env[from.env];
    if (text === undefined || text === '')
      throw keyError(use, `the environment variable ${from.env} is not set`, from.env);
    return decoded(text, from.env, use);
  }
  const content = readKeyFile(from.file, use);
  const text = content.toString('latin1').trim();
  const isBase64 = text.length >= 43 && base64Text.test(text);
  return longEnough(isBase64 ? Buffer.from(text, 'base64') : content, from.file, use);
}

/** `Buffer.from` would pass over what is no base64: half of a mistyped key is a key that nobody else has. */
function decoded(text: string, subject: string, use: KeyUse): Buffer {
  const trimmed = text.trim();
  if (!base64Text.test(trimmed)) {
    throw keyError(
      use,
      `the key of ${subject} is no base64; \`openssl rand -base64 ${leastKeyBytes}\` makes one`,
      subject,
    );
  }
  return longEnough(Buffer.from(trimmed, 'base64'), subject, use);
}

function readKeyFile(path: string, use: KeyUse): Buffer {
  const content = Buffer.alloc(longestFile + 1);
  let length = 0;
  let mode = 0;
  let isFile = true;
  try {
    const file = openSync(path, 'r');
    try {
      const stat = fstatSync(file);
      mode = stat.mode;
      isFile = stat.isFile();
      for (let read = -1; read !== 0 && length < content.length; length += read) {
        read = readSync(file, content, length, content.length - length, null);
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw keyError(use, `the key file ${path} cannot be read: ${reasonOf(error)}`, path, error);
  }
  if (length > longestFile)
    throw keyError(use, `the key file ${path} is longer than ${longestFile} bytes; it holds no key`, path);
  // The key is read where options are checked, and again where events are masked.
  if (length === 0 && !isFile)
    throw keyError(
      use,
      `the key file ${path} holds nothing; a pipe can be read only once: give a file`,
      path,
    );
  warnOfOpenFile(path, mode, use);
  return content.subarray(0, length);
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'EACCES') return 'permission denied; the user that records must be let read it';
  return error instanceof Error ? error.message : String(error);
}

/**
 * Not refused: orchestrators put secrets into containers as files that all may read, and a service that does not start
 * for it would be run without a key. Said once for each file, by the main thread: its workers read the same one.
 */
function warnOfOpenFile(path: string, mode: number, { what }: KeyUse): void {
  const isOpen = (mode & 0o026) !== 0;
  if (!isOpen || process.platform === 'win32' || !isMainThread || warnedOf.has(path)) return;
  warnedOf.add(path);
  process.emitWarning(
    `the ${what} file ${path} can be ${(mode & 0o004) === 0 ? 'changed' : 'read'} by other users (mode ${(mode & 0o777).toString(8)}); chmod 600 it`,
    { type: 'GardenhoseWarning', code: 'GARDENHOSE_OPEN_KEY_FILE' },
  );
}

function longEnough(key: Buffer, subject: string, use: KeyUse): Buffer {
  if (key.length >= leastKeyBytes) return key;
  throw keyError(
    use,
    `the key of ${subject} has ${key.length} bytes; ${leastKeyBytes} or more are needed`,
    subject,
  );
}

function keyError(use: KeyUse, problem: string, subject: string, cause?: unknown): GardenhoseError {
  return new GardenhoseError(use.code, `${use.what}: ${problem}`, { subject, cause });
}

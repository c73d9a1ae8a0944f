import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { GardenhoseError } from '../../errors.ts';
import type { PolicyKey } from '../policy/policy.ts';

/** A key of the tokens. Its id tells keys apart and says nothing of the key. */
export interface TokenKey {
  readonly id: string;
  readonly bytes: Buffer;
}

const shortestKey = 32;
const longestFile = 65_536;
const base64Text = /^[A-Za-z0-9+/_-]+={0,2}$/;
const warnedOf = new Set<string>();

/** A key that is gone with the process. */
export function ephemeralKey(): TokenKey {
  const bytes = randomBytes(shortestKey);
  return { id: `ephemeral-${idOf(bytes)}`, bytes };
}

/**
 * Reads a list of keys, newest first.
 *
 * @throws GardenhoseError `mask-key` for one that is missing, no base64, shorter than 32 bytes, or given twice
 */
export function readKeys(from: readonly PolicyKey[]): TokenKey[] {
  const keys: TokenKey[] = [];
  for (const each of from) {
    const bytes = readKey(each);
    const id = idOf(bytes);
    if (keys.some((other) => other.id === id)) {
      throw keyError(`the key with the id ${id} is given twice; name each key once, the newest first`, id);
    }
    keys.push({ id, bytes });
  }
  return keys;
}

function idOf(key: Buffer): string {
  return createHmac('sha256', key).update('id').digest('hex').slice(0, 8);
}

function readKey(from: PolicyKey): Buffer {
  if ('base64' in from) return decoded(from.base64, 'key.base64');
  if ('env' in from) {
    const text = process.env[from.env];
    if (text === undefined || text === '')
      throw keyError(`the environment variable ${from.env} is not set`, from.env);
    return decoded(text, from.env);
  }
  const content = readKeyFile(from.file);
  const text = content.toString('latin1').trim();
  const isBase64 = text.length >= 43 && base64Text.test(text);
  return longEnough(isBase64 ? Buffer.from(text, 'base64') : content, from.file);
}

/** `Buffer.from` would pass over what is no base64: half of a mistyped key is a key that nobody else has. */
function decoded(text: string, subject: string): Buffer {
  const trimmed = text.trim();
  if (!base64Text.test(trimmed)) {
    throw keyError(
      `the key of ${subject} is no base64; \`openssl rand -base64 ${shortestKey}\` makes one`,
      subject,
    );
  }
  return longEnough(Buffer.from(trimmed, 'base64'), subject);
}

function readKeyFile(path: string): Buffer {
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
    throw keyError(`the key file ${path} cannot be read: ${reasonOf(error)}`, path, error);
  }
  if (length > longestFile)
    throw keyError(`the key file ${path} is longer than ${longestFile} bytes; it holds no key`, path);
  // The key is read where options are checked, and again where events are masked.
  if (length === 0 && !isFile)
    throw keyError(`the key file ${path} holds nothing; a pipe can be read only once: give a file`, path);
  warnOfOpenFile(path, mode);
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
function warnOfOpenFile(path: string, mode: number): void {
  const isOpen = (mode & 0o026) !== 0;
  if (!isOpen || process.platform === 'win32' || !isMainThread || warnedOf.has(path)) return;
  warnedOf.add(path);
  process.emitWarning(
    `the mask key file ${path} can be ${(mode & 0o004) === 0 ? 'changed' : 'read'} by other users (mode ${(mode & 0o777).toString(8)}); chmod 600 it`,
    { type: 'GardenhoseWarning', code: 'GARDENHOSE_OPEN_KEY_FILE' },
  );
}

function longEnough(key: Buffer, subject: string): Buffer {
  if (key.length >= shortestKey) return key;
  throw keyError(`the key of ${subject} has ${key.length} bytes; ${shortestKey} or more are needed`, subject);
}

function keyError(problem: string, subject: string, cause?: unknown): GardenhoseError {
  return new GardenhoseError('mask-key', `mask key: ${problem}`, { subject, cause });
}

import { GardenhoseError } from '../errors.ts';
import type { EncryptionNote } from '../model/capture-header.ts';
import { type KeySource, type KeyUse, leastKeyBytes, readKeySource } from '../model/key-source.ts';
import { type EncryptionKey, encryptionKeyId } from './encryption.ts';
import { invalidOption } from './writer-options.ts';

/**
 * A key of encrypted captures, 32 bytes or more: where it is kept, its bytes, or a function that gives them. The function is
 * told the id of the key that a capture was encrypted with, and nothing when one is to be written. A function cannot go to
 * the recorder's worker: fetch the key first, and give its bytes.
 *
 * @example
 * const recorder = createRecorder({
 *   service: 'orders',
 *   sink: fileSink({ path: 'orders.hose', encryptionKey: { file: '/run/secrets/capture.key' } }),
 * });
 */
export type CaptureKey =
  | KeySource
  | { readonly bytes: Uint8Array }
  | ((keyId: string | undefined) => Uint8Array | Promise<Uint8Array>);

/** Where a key is looked for that was not given: a file, or a text of base64. */
export const keyVariables = {
  file: 'GARDENHOSE_ENCRYPTION_KEY_FILE',
  text: 'GARDENHOSE_ENCRYPTION_KEY',
} as const;

const use: KeyUse = { what: 'encryption key', code: 'capture-key' };

/** @throws GardenhoseError `capture-key` for a key that is missing or too short, `invalid-option` for what is no key */
export async function readCaptureKey(from: CaptureKey, keyId?: string): Promise<EncryptionKey> {
  const bytes = await bytesOf(from, keyId);
  return { id: encryptionKeyId(bytes), bytes };
}

/**
 * The key that the environment names, if it names one.
 *
 * @throws GardenhoseError `invalid-option` when it names two
 */
export function captureKeyOf(env: Readonly<Record<string, string | undefined>>): KeySource | undefined {
  const { [keyVariables.file]: file, [keyVariables.text]: text } = env;
  if (file && text) {
    throw new GardenhoseError(
      'invalid-option',
      `${keyVariables.text} is set beside ${keyVariables.file}; expected one of the two`,
      { subject: keyVariables.text },
    );
  }
  if (file) return { file };
  return text ? { env: keyVariables.text } : undefined;
}

/**
 * The key that a capture was encrypted with, among those given; without any, the one that the environment names.
 *
 * @throws GardenhoseError `capture-key` when none of them is it
 */
export async function keyFor(
  { keyId }: EncryptionNote,
  given: CaptureKey | readonly CaptureKey[] | undefined,
  subject: string,
): Promise<EncryptionKey> {
  const sources = listOf(given ?? captureKeyOf(process.env) ?? []);
  const seen: string[] = [];
  for (const source of sources) {
    const key = await readCaptureKey(source, keyId);
    if (key.id === keyId) return key;
    seen.push(key.id);
  }
  const found = seen.length === 0 ? 'no key was given' : `the key that was given is ${seen.join(', ')}`;
  throw new GardenhoseError(
    'capture-key',
    `${subject} is encrypted with the key ${keyId}, and ${found}: set ${keyVariables.file} or ${keyVariables.text}, or give the option encryptionKey`,
    { subject },
  );
}

function listOf(given: CaptureKey | readonly CaptureKey[]): readonly CaptureKey[] {
  return isList(given) ? given : [given];
}

function isList(given: CaptureKey | readonly CaptureKey[]): given is readonly CaptureKey[] {
  return Array.isArray(given);
}

async function bytesOf(from: CaptureKey, keyId: string | undefined): Promise<Uint8Array> {
  if (typeof from === 'function') return checked(await from(keyId), 'the function');
  checkCaptureKey(from);
  return 'bytes' in from ? checked(from.bytes, 'the option') : readKeySource(from, use);
}

function checked(bytes: unknown, origin: string): Uint8Array {
  if (!(bytes instanceof Uint8Array)) {
    throw new GardenhoseError('capture-key', `encryption key: ${origin} gave no bytes`, {
      subject: 'encryptionKey',
    });
  }
  if (bytes.length >= leastKeyBytes) return bytes;
  throw new GardenhoseError(
    'capture-key',
    `encryption key: ${origin} gave ${bytes.length} bytes; ${leastKeyBytes} or more are needed`,
    { subject: 'encryptionKey' },
  );
}

/** @throws GardenhoseError `invalid-option` for what says nowhere where a key is */
export function checkCaptureKey(from: unknown): void {
  if (typeof from === 'function') return;
  if (typeof from === 'object' && from !== null) {
    const [[field, value] = ['', undefined], ...more] = Object.entries(from);
    if (more.length === 0 && field === 'bytes' && value instanceof Uint8Array) return;
    const named = field === 'base64' || field === 'file' || field === 'env';
    if (more.length === 0 && named && typeof value === 'string') return;
  }
  throw invalidOption(
    'encryptionKey',
    'something else',
    'exactly one of { file }, { env }, { base64 } and { bytes }, or a function',
  );
}

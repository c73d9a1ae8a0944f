import { createHmac, randomBytes } from 'node:crypto';
import { GardenhoseError } from '../../errors.ts';
import { type KeySource, type KeyUse, leastKeyBytes, readKeySource } from '../../model/key-source.ts';

/** A key of the tokens. Its id tells keys apart and says nothing of the key. */
export interface TokenKey {
  readonly id: string;
  readonly bytes: Buffer;
}

const use: KeyUse = { what: 'mask key', code: 'mask-key' };

/** A key that is gone with the process. */
export function ephemeralKey(): TokenKey {
  const bytes = randomBytes(leastKeyBytes);
  return { id: `ephemeral-${idOf(bytes)}`, bytes };
}

/**
 * Reads a list of keys, newest first.
 *
 * @throws GardenhoseError `mask-key` for one that is missing, no base64, shorter than 32 bytes, or given twice
 */
export function readKeys(from: readonly KeySource[]): TokenKey[] {
  const keys: TokenKey[] = [];
  for (const each of from) {
    const bytes = readKeySource(each, use);
    const id = idOf(bytes);
    if (keys.some((other) => other.id === id)) {
      throw new GardenhoseError(
        'mask-key',
        `mask key: the key with the id ${id} is given twice; name each key once, the newest first`,
        { subject: id },
      );
    }
    keys.push({ id, bytes });
  }
  return keys;
}

function idOf(key: Buffer): string {
  return createHmac('sha256', key).update('id').digest('hex').slice(0, 8);
}

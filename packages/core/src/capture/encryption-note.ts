import { randomBytes } from 'node:crypto';
import type { CaptureHeader, EncryptionNote } from '../model/capture-header.ts';
import { ChunkCipher, type EncryptionKey, saltBytes } from './encryption.ts';
import { type CaptureKey, keyFor } from './encryption-key.ts';

/** What a new file says of its encryption. */
export function newNote(key: EncryptionKey): EncryptionNote {
  return { keyId: key.id, salt: randomBytes(saltBytes).toString('hex') };
}

/** The header of a file that is encrypted as the note says, or not at all, whatever another file's header said. */
export function withNote(header: CaptureHeader, note: EncryptionNote | undefined): CaptureHeader {
  const { encryption: _, ...rest } = header;
  return note === undefined ? rest : { ...rest, encryption: note };
}

/**
 * What decrypts the chunks of a capture with this header; undefined for one that is not encrypted.
 *
 * @throws GardenhoseError `capture-key`
 */
export async function cipherFor(
  header: CaptureHeader,
  headerPayload: Uint8Array,
  given: CaptureKey | readonly CaptureKey[] | undefined,
  subject: string,
): Promise<ChunkCipher | undefined> {
  const { encryption: note } = header;
  if (note === undefined) return undefined;
  return new ChunkCipher(await keyFor(note, given, subject), note.salt, headerPayload);
}

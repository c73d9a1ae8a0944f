import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { ciphers, frameHeaderBytes, sealedExtraBytes } from './format.ts';
import { type FrameHeader, writeFrameHeader } from './frame.ts';

const nonceBytes = 12;
const tagBytes = 16;
export const saltBytes = 16;

/** A key of captures. */
export interface EncryptionKey {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** The id of a key, 16 hex digits: the same wherever it comes from, and nothing of the key. */
export function encryptionKeyId(key: Uint8Array): string {
  return createHmac('sha256', key).update('gardenhose capture key id').digest('hex').slice(0, 16);
}

/** What the footer says of a whole capture, as its seal covers it. */
export interface SealedTotals {
  readonly chunks: number;
  readonly records: number;
  readonly lastSeq: number;
  readonly lastNs: number;
}

/**
 * Encrypts and decrypts the chunks of one file: AES-256-GCM under keys that HKDF-SHA256 (RFC 5869) derives from the user's key
 * and the file's salt. What authenticates a chunk beside its content is the file's HEADER and the chunk's own frame header, so
 * that no chunk can be moved, repeated, or carried into another file.
 */
export class ChunkCipher {
  /** The user's key, from which the others are derived. */
  readonly key: EncryptionKey;
  readonly #chunkKey: Uint8Array;
  readonly #sealKey: Uint8Array;
  readonly #headDigest: Uint8Array;

  /** @param salt - In hex, as the HEADER tells it */
  constructor(key: EncryptionKey, salt: string, headerPayload: Uint8Array) {
    this.key = key;
    const derived = (use: string) =>
      new Uint8Array(
        hkdfSync('sha256', key.bytes, Buffer.from(salt, 'hex'), `gardenhose capture 1 ${use}`, 32),
      );
    this.#chunkKey = derived('chunk');
    this.#sealKey = derived('seal');
    this.#headDigest = createHash('sha256').update(headerPayload).digest();
  }

  /**
   * The payload as it is stored: nonce, ciphertext, tag. The nonce is random and not the number of the frame, since a number
   * is used again after a failed write. Vectors give theirs.
   */
  encrypt(header: FrameHeader, packed: Uint8Array, nonce: Uint8Array = randomBytes(nonceBytes)): Uint8Array {
    const cipher = createCipheriv('aes-256-gcm', this.#chunkKey, nonce);
    cipher.setAAD(this.#covered({ ...header, storedBytes: packed.length + sealedExtraBytes }));
    const parts = [nonce, cipher.update(packed), cipher.final()];
    return Buffer.concat([...parts, cipher.getAuthTag()]);
  }

  /** The payload, perhaps compressed; undefined when it is not what was written, or not for this place. */
  decrypt(header: FrameHeader, stored: Uint8Array): Uint8Array | undefined {
    if (header.cipher !== ciphers.aes256gcm || stored.length < sealedExtraBytes) return undefined;
    const nonce = stored.subarray(0, nonceBytes);
    const decipher = createDecipheriv('aes-256-gcm', this.#chunkKey, nonce, { authTagLength: tagBytes });
    decipher.setAAD(this.#covered(header));
    decipher.setAuthTag(stored.subarray(stored.length - tagBytes));
    try {
      const packed = decipher.update(stored.subarray(nonceBytes, stored.length - tagBytes));
      decipher.final();
      return packed;
    } catch {
      return undefined; // The caller reports the frame, with its place.
    }
  }

  /** What proves that no chunk was cut off the end of a closed capture. */
  seal({ chunks, records, lastSeq, lastNs }: SealedTotals): Uint8Array {
    const totals = Buffer.alloc(32);
    for (const [i, value] of [chunks, records, lastSeq, lastNs].entries()) {
      totals.writeBigUInt64LE(BigInt(value), i * 8);
    }
    return createHmac('sha256', this.#sealKey).update(this.#headDigest).update(totals).digest();
  }

  /** Everything in the frame header but the checksums, one of which counts the tag in. */
  #covered(header: FrameHeader): Uint8Array {
    const frame = new Uint8Array(frameHeaderBytes);
    writeFrameHeader(frame, new Uint8Array(8), { ...header, crcStored: 0, crcRaw: 0 });
    return Buffer.concat([this.#headDigest, frame.subarray(8, 60)]);
  }
}

import type { PackedBuffer } from './buffer-pool.ts';

/** From this length on, one call into the runtime is faster than a loop over the characters. */
const longText = 48;
/** From this length on, `fill` with the same length is faster than `set`, which copies word by word into shared memory. */
const longBytes = 2048;

const hasWide = /[^\0-\xff]/;

/** Bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  return text.length < longText && orOfCharacters(text) < 0x80 ? text.length : Buffer.byteLength(text);
}

/** Writes a text that takes `size` bytes in UTF-8. */
export function putUtf8(bytes: Buffer, text: string, to: number, size: number): void {
  // As many bytes as characters: it is ASCII.
  if (size < longText && size === text.length) {
    for (let i = 0; i < size; i++) bytes[to + i] = text.charCodeAt(i);
  } else {
    bytes.write(text, to, size, size === text.length ? 'latin1' : 'utf8');
  }
}

export function putBytes(bytes: Buffer, data: Uint8Array, to: number): void {
  if (data.length < longBytes) bytes.set(data, to);
  else bytes.fill(data, to, to + data.length);
}

/** Writes the lengths of texts and their characters; gives where the characters end. */
export function putTexts(
  { u32, bytes }: PackedBuffer,
  texts: readonly string[],
  lengthsAt: number,
  charactersAt: number,
  wide: boolean,
): number {
  let to = charactersAt;
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i] ?? '';
    const { length } = text;
    u32[lengthsAt + i] = length;
    if (wide) {
      bytes.write(text, to, 2 * length, 'utf16le');
      to += 2 * length;
    } else if (length >= longText) {
      bytes.write(text, to, length, 'latin1');
      to += length;
    } else {
      for (let j = 0; j < length; j++) bytes[to++] = text.charCodeAt(j);
    }
  }
  return to;
}

/**
 * The same for texts that are one byte a character unless told otherwise: looks and writes in one pass. Gives -1 where a
 * character takes more; what is written then counts for nothing.
 */
export function putIfNarrow(
  { u32, bytes }: PackedBuffer,
  texts: readonly string[],
  lengthsAt: number,
  charactersAt: number,
): number {
  let to = charactersAt;
  let all = 0;
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i] ?? '';
    const { length } = text;
    u32[lengthsAt + i] = length;
    if (length >= longText) {
      if (hasWide.test(text)) return -1;
      bytes.write(text, to, length, 'latin1');
      to += length;
      continue;
    }
    for (let j = 0; j < length; j++) {
      const code = text.charCodeAt(j);
      all |= code;
      bytes[to++] = code;
    }
  }
  return all > 0xff ? -1 : to;
}

function orOfCharacters(text: string): number {
  let all = 0;
  for (let i = 0; i < text.length; i++) all |= text.charCodeAt(i);
  return all;
}

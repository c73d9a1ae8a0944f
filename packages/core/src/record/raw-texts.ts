import type { PackedBuffer } from './buffer-pool.ts';

/** From this length on, one call into the runtime is faster than a loop over the characters. */
const longText = 48;
/** From this length on, `fill` with the same length is faster than `set`, which copies word by word into shared memory. */
const longBytes = 2048;

const hasWide = /[^\0-\xff]/;

export function putBytes(bytes: Buffer, data: Uint8Array, to: number): void {
  if (data.length < longBytes) bytes.set(data, to);
  else bytes.fill(data, to, to + data.length);
}

/** Writes a short text of ASCII alone and gives its length; -1 of any other. */
export function putShortText(bytes: Buffer, text: string, to: number): number {
  const { length } = text;
  if (length >= longText) return -1;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return -1;
    bytes[to + i] = code;
  }
  return length;
}

/** Above all codes of characters that take one byte. */
const wideCode = 0x100;

/**
 * Writes the lengths of texts and their characters, one byte each, and gives where the characters end. Where `checked`, it
 * gives -1 when a character takes more; what is written then counts for nothing.
 */
export function putTexts(
  { u32, bytes }: PackedBuffer,
  texts: readonly string[],
  checked: boolean,
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
      if (checked && hasWide.test(text)) return -1;
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
  return checked && all >= wideCode ? -1 : to;
}

/** The same with two bytes a character. */
export function putWideTexts(
  { u32, bytes }: PackedBuffer,
  texts: readonly string[],
  lengthsAt: number,
  charactersAt: number,
): number {
  let to = charactersAt;
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i] ?? '';
    u32[lengthsAt + i] = text.length;
    to += bytes.write(text, to, 2 * text.length, 'utf16le');
  }
  return to;
}

/** Whether there are bytes that no text has: of the control characters all but those of white space and colour. */
export function hasControls(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return isControlIn(bytes, 0, bytes.length);
  const head = -bytes.byteOffset & 3;
  const count = (bytes.length - head) >> 2;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, count);
  for (let i = 0; i < count; i++) {
    const word = words[i] ?? 0;
    // Not 0 when any of the four is below 0x20 ("determine if a word has a byte less than n", Bit Twiddling Hacks).
    if (((word - 0x20202020) & ~word & 0x80808080) === 0) continue;
    if (isControlIn(bytes, head + i * 4, head + i * 4 + 4)) return true;
  }
  return isControlIn(bytes, 0, head) || isControlIn(bytes, head + count * 4, bytes.length);
}

function isControlIn(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = bytes[i] ?? 0;
    if (code < 0x20 && (code < 0x08 || code > 0x0d) && code !== 0x1b) return true;
  }
  return false;
}

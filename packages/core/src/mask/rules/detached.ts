/** V8 keeps a short text in its place within the long one that it was cut from; this keeps the text alone. */
export function detached(text: string): string {
  if (text.length < 13) return text;
  const copy = Buffer.from(text, 'latin1').toString('latin1');
  return copy === text ? copy : Buffer.from(text, 'utf16le').toString('utf16le');
}

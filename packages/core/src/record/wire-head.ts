import type { HeaderList } from '../model/headers.ts';

/** A response head as it stood on the wire. */
export interface WireHead {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly headers: HeaderList;
}

const isDigit = (byte: number | undefined): byte is number =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** The status in the bytes of an HTTP/1 response head; 0 when they are no such head. */
export function statusIn(bytes: Uint8Array, start: number, length: number): number {
  const end = start + length;
  const minor = bytes[start + 7];
  const hundreds = bytes[start + 9];
  const tens = bytes[start + 10];
  const ones = bytes[start + 11];
  if (
    length < 16 ||
    // HTTP/1.
    bytes[start] !== 0x48 ||
    bytes[start + 1] !== 0x54 ||
    bytes[start + 2] !== 0x54 ||
    bytes[start + 3] !== 0x50 ||
    bytes[start + 4] !== 0x2f ||
    bytes[start + 5] !== 0x31 ||
    bytes[start + 6] !== 0x2e ||
    !isDigit(minor) ||
    bytes[start + 8] !== 0x20 ||
    !isDigit(hundreds) ||
    hundreds === 0x30 ||
    !isDigit(tens) ||
    !isDigit(ones) ||
    // CR LF CR LF
    bytes[end - 4] !== 0x0d ||
    bytes[end - 3] !== 0x0a ||
    bytes[end - 2] !== 0x0d ||
    bytes[end - 1] !== 0x0a
  ) {
    return 0;
  }
  return (hundreds - 0x30) * 100 + (tens - 0x30) * 10 + ones - 0x30;
}

/** The status in the text of an HTTP/1 response head; undefined when the text is no such head. */
export function wireStatus(text: string): number | undefined {
  const bytes = Buffer.from(text, 'latin1');
  return statusIn(bytes, 0, bytes.length) || undefined;
}

/** Reads `HTTP/1.1 200 OK`, header lines and the empty line, of a text that has a {@link wireStatus}. */
export function parseWireHead(text: string): WireHead {
  const lineEnd = text.indexOf('\r');
  return {
    status: Number(text.slice(9, 12)),
    reason: text.slice(13, lineEnd),
    version: text.slice(5, 8),
    headers: parseHeaderLines(text, lineEnd + 2),
  };
}

/** Reads `Name: value` lines from `start` up to the empty line or the end. Each ends with CRLF; none is folded. */
export function parseHeaderLines(text: string, start = 0): HeaderList {
  const headers: string[] = [];
  for (let at = start; at < text.length; ) {
    // Of one character each: a search for two is a call out of compiled code. No name has a colon, no line a CR in it.
    const end = text.indexOf('\r', at);
    const colon = text.indexOf(':', at);
    if (end <= at || colon < 0 || colon > end) break;
    headers.push(text.slice(at, colon), text.slice(colon + 2, end));
    at = end + 2;
  }
  return headers;
}

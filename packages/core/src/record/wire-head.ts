import type { HeaderList } from '../model/headers.ts';

/** A response head as it stood on the wire. */
export interface WireHead {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly headers: HeaderList;
}

/** The status in the text of an HTTP/1 response head; undefined when the text is no such head. */
export function wireStatus(text: string): number | undefined {
  // Character by character: `startsWith` and `endsWith` are calls out of compiled code, and each response is asked.
  if (text.charCodeAt(0) !== 0x48 || text.charCodeAt(5) !== 0x31 || text.charCodeAt(6) !== 0x2e)
    return undefined;
  if (text.charCodeAt(4) !== 0x2f || text.charCodeAt(8) !== 0x20) return undefined;
  let status = 0;
  for (let at = 9; at < 12; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    status = status * 10 + digit;
  }
  const { length } = text;
  const ends = text.charCodeAt(length - 1) === 0x0a && text.charCodeAt(length - 3) === 0x0a;
  return status >= 100 && ends ? status : undefined;
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

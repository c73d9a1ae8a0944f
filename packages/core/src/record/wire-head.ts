import type { HeaderList } from '../model/headers.ts';

/** A response head as it stood on the wire. */
export interface WireHead {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly headers: HeaderList;
}

/** What a head begins and ends with, by character; of the digits, that they are some. */
const digit = -1;
const beginning = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e, digit, 0x20, digit, digit, digit];
const ending = [0x0d, 0x0a, 0x0d, 0x0a];
const shape: readonly number[] = [...beginning, ...ending];

/** The status in the text of an HTTP/1 response head; undefined when the text is no such head. */
export function wireStatus(text: string): number | undefined {
  // Each response is asked, so one loop: `startsWith` and `endsWith` are calls out of compiled code, and every place that
  // reads a character is some hundred bytes of it.
  const { length } = text;
  const gap = length - shape.length;
  if (gap < 0) return undefined;
  let number = 0;
  for (let i = 0; i < shape.length; i++) {
    const code = text.charCodeAt(i < beginning.length ? i : i + gap);
    const expected = shape[i];
    if (expected !== digit) {
      if (code !== expected) return undefined;
    } else if (code >= 0x30 && code <= 0x39) {
      number = number * 10 + code - 0x30;
    } else {
      return undefined;
    }
  }
  // The minor version stands before it.
  const status = number % 1000;
  return status >= 100 ? status : undefined;
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

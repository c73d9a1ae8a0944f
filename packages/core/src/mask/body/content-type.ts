import type { HeaderList } from '../../model/headers.ts';
import { boundaryOf } from '../head/multipart-boundary.ts';

/** How a body is read. `other`: only if it turns out to be JSON. */
export type ContentKind =
  | 'json'
  | 'json-lines'
  | 'json-seq'
  | 'event-stream'
  | 'form'
  | 'multipart'
  | 'csv'
  | 'graphql'
  | 'text'
  | 'other';

/** What the headers say of a body. */
export interface ContentType {
  readonly kind: ContentKind;
  /** Without parameters, in lower case. */
  readonly mediaType: string;
  readonly charset: string;
  /** Content codings in the order they were applied; `identity` is left out. */
  readonly codings: readonly string[];
  /** What stands between the parts; undefined when that is not clear. */
  readonly boundary: string | undefined;
  /** Of a table: that its first row holds no names. */
  readonly headless: boolean;
  /** Bytes from the middle of something longer: what is cut at their ends cannot be known for what it is. */
  readonly isRange: boolean;
}

const kinds = new Map<string, ContentKind>([
  ['application/json', 'json'],
  ['text/json', 'json'],
  ['application/x-ndjson', 'json-lines'],
  ['application/ndjson', 'json-lines'],
  ['application/jsonl', 'json-lines'],
  ['application/x-jsonl', 'json-lines'],
  ['application/jsonlines', 'json-lines'],
  ['application/x-jsonlines', 'json-lines'],
  ['application/stream+json', 'json-lines'],
  ['application/json-seq', 'json-seq'],
  ['text/event-stream', 'event-stream'],
  ['application/x-www-form-urlencoded', 'form'],
  ['multipart/form-data', 'multipart'],
  ['multipart/mixed', 'multipart'],
  ['multipart/related', 'multipart'],
  ['multipart/alternative', 'multipart'],
  ['text/csv', 'csv'],
  ['application/csv', 'csv'],
  ['text/tab-separated-values', 'csv'],
  ['application/graphql', 'graphql'],
  ['text/plain', 'text'],
]);

/** Charsets in which ASCII is ASCII, so that detectors see what there is to see. */
const readableCharset = /^(?:|utf-?8|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?1|windows-125\d)$/;

const typesRemembered = 256;
const longestRemembered = 200;
const remembered = new Map<string, ContentType>();

export function contentType(headers: HeaderList): ContentType {
  let type = '';
  let codings = '';
  let isAmbiguous = false;
  let isRange = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    // Their lengths tell nearly all other headers from these.
    if (name.length === 12 && name.toLowerCase() === 'content-type') {
      if (type === '') type = value;
      else isAmbiguous ||= type !== value;
    } else if (name.length === 16 && name.toLowerCase() === 'content-encoding') {
      codings = codings === '' ? value : `${codings},${value}`;
    } else if (name.length === 13 && name.toLowerCase() === 'content-range') isRange = isPart(value);
  }
  if (isAmbiguous || isRange)
    return { ...read(type, codings), ...(isAmbiguous ? { kind: 'other' } : {}), isRange };
  // No header holds a line end.
  const key = codings === '' ? type : `${type}\n${codings}`;
  let known = remembered.get(key);
  if (known === undefined) {
    known = read(type, codings);
    // A boundary is a new one each time.
    if (known.boundary !== undefined || key.length > longestRemembered) return known;
    if (remembered.size >= typesRemembered) remembered.clear();
    remembered.set(key, known);
  }
  return known;
}

export function isReadableCharset(charset: string): boolean {
  return readableCharset.test(charset);
}

function read(type: string, codings: string): ContentType {
  const [first = '', ...parameters] = type.toLowerCase().split(';');
  const mediaType = first.trim();
  const kind = kinds.get(mediaType) ?? (mediaType.endsWith('+json') ? 'json' : 'other');
  const parameter = (name: string): string | undefined =>
    parameters
      .map((each) => each.trim())
      .find((each) => each.startsWith(name))
      ?.slice(name.length)
      .replaceAll('"', '');
  return {
    kind,
    mediaType,
    charset: parameter('charset=') ?? '',
    codings: codings
      .toLowerCase()
      .split(',')
      .map((coding) => coding.trim())
      .filter((coding) => coding !== '' && coding !== 'identity'),
    boundary: kind === 'multipart' ? boundaryOf(type) : undefined,
    headless: parameter('header=') === 'absent',
    isRange: false,
  };
}

/** Other units than bytes count things of the application, and such an answer is whole. */
function isPart(range: string): boolean {
  if (!/^\s*bytes\b/i.test(range)) return false;
  const [, last, length] = /^\s*bytes\s+0-(\d{1,15})\/(\d{1,15})\s*$/i.exec(range) ?? [];
  return last === undefined || Number(last) + 1 !== Number(length);
}

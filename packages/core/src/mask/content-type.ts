import { type HeaderList, headerValue, headerValues } from '../model/headers.ts';

/** How a body is read. `other`: only if it turns out to be JSON. */
export type ContentKind = 'json' | 'json-lines' | 'event-stream' | 'form' | 'text' | 'other';

/** What the headers say of a body. */
export interface ContentType {
  readonly kind: ContentKind;
  /** Without parameters, in lower case. */
  readonly mediaType: string;
  readonly charset: string;
  /** Content codings in the order they were applied; `identity` is left out. */
  readonly codings: readonly string[];
}

const lineTypes = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonl',
  'application/jsonlines',
  'application/x-jsonlines',
  'application/json-seq',
  'application/stream+json',
]);

/** Charsets in which ASCII is ASCII, so that detectors see what there is to see. */
const readableCharset = /^(?:|utf-?8|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?1|windows-125\d)$/;

export function contentType(headers: HeaderList): ContentType {
  const [type = '', ...parameters] = (headerValue(headers, 'content-type') ?? '').toLowerCase().split(';');
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith('charset='));
  const codings = headerValues(headers, 'content-encoding')
    .flatMap((value) => value.toLowerCase().split(','))
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  return {
    kind: kindOf(type.trim()),
    mediaType: type.trim(),
    charset: charset?.slice('charset='.length).replaceAll('"', '') ?? '',
    codings,
  };
}

export function isReadableCharset(charset: string): boolean {
  return readableCharset.test(charset);
}

function kindOf(mediaType: string): ContentKind {
  if (lineTypes.has(mediaType)) return 'json-lines';
  if (mediaType === 'text/event-stream') return 'event-stream';
  if (mediaType === 'application/x-www-form-urlencoded') return 'form';
  if (mediaType === 'text/plain') return 'text';
  const isJson = mediaType === 'application/json' || mediaType === 'text/json' || mediaType.endsWith('+json');
  return isJson ? 'json' : 'other';
}

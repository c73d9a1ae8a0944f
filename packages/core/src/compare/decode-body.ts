import { createHash } from 'node:crypto';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { parseJsonText } from '../hook/json-text.ts';
import { bodyBytes, type Content } from '../model/exchange.ts';
import { type HeaderList, headerValue, headerValues } from '../model/headers.ts';
import type { JsonValue } from '../model/json-value.ts';

/** What a body may hold at most to be read; beyond that it is compared by length and digest. */
export interface BodyLimits {
  /** Before and after content coding. */
  readonly maxBodyBytes: number;
}

const jsonLimits = { maxDepth: 128, maxTokens: 500_000 };
const maxFormPairs = 10_000;
const maxRecords = 50_000;

/** The decoded body, `undefined` when there is none; or the reason why it cannot be compared. */
export type DecodedBody = { readonly value: JsonValue | undefined } | { readonly notCompared: string };

/**
 * Reads a body by its content type: JSON as it is (with large numbers exact), lines of JSON and server-sent events as
 * lists, forms as lists by name, text as text, everything else as `{ bytes, sha256 }`.
 */
export function decodeBody(content: Content, headers: HeaderList, limits: BodyLimits): DecodedBody {
  if (content.state !== 'kept' && content.state !== 'masked') return { notCompared: content.state };
  if (!content.complete) return { notCompared: 'incomplete' };
  const type = (headerValue(headers, 'content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (content.messages.length > 0) {
    return {
      value: content.messages.map((message) =>
        message.state === 'kept' || message.state === 'masked'
          ? decodeBytes(message.data, message.kind === 1 ? 'text/plain' : type)
          : message.state,
      ),
    };
  }
  const bytes = bodyBytes(content);
  if (bytes.length === 0) return { value: undefined };
  if (bytes.length > limits.maxBodyBytes) return { value: digest(bytes) };
  const plain =
    removeCoding(bytes, headers, limits.maxBodyBytes) ?? (content.state === 'masked' ? bytes : undefined);
  return { value: plain === undefined ? digest(bytes) : decodeBytes(plain, type) };
}

/** Bytes by their media type, as {@link decodeBody} has them. */
export function decodeBytes(bytes: Uint8Array, type: string): JsonValue {
  if (!isTextual(type, bytes)) return digest(bytes);
  const text = utf8(bytes);
  if (text === undefined) return digest(bytes);
  if (type === 'application/x-www-form-urlencoded') return form(text) ?? text;
  if (type === 'text/event-stream') return records(text, /\r\n\r\n|\n\n|\r\r/, decodeEvent) ?? text;
  // Of a JSON sequence (RFC 7464) each text begins with a record separator.
  if (/ndjson|jsonl|json-seq|json-lines/.test(type)) {
    return records(text.replaceAll('\u001e', '\n'), /[\r\n]+/, parseOrText) ?? text;
  }
  // Many services send JSON as text/plain, and JSON that says it is JSON may still be none.
  return /\bjson$/.test(type) || /^\s*[[{]/.test(text) ? parseOrText(text) : text;
}

/** The bytes without their content codings; undefined when they cannot be undone within the limit. */
function removeCoding(
  bytes: Uint8Array,
  headers: HeaderList,
  maxOutputLength: number,
): Uint8Array | undefined {
  const codings = headerValues(headers, 'content-encoding')
    .flatMap((value) => value.split(','))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > 2) return undefined;
  let plain = bytes;
  try {
    for (const coding of codings.reverse()) {
      if (coding === 'gzip' || coding === 'x-gzip') plain = gunzipSync(plain, { maxOutputLength });
      else if (coding === 'br') plain = brotliDecompressSync(plain, { maxOutputLength });
      else if (coding === 'deflate') plain = inflate(plain, maxOutputLength);
      else return undefined;
    }
  } catch {
    return undefined;
  }
  return plain;
}

/** `deflate` is zlib's format by the standard, and bare deflate by custom: the first byte tells. */
function inflate(bytes: Uint8Array, maxOutputLength: number): Uint8Array {
  const zlib = ((bytes[0] ?? 0) & 0x0f) === 8;
  return zlib ? inflateSync(bytes, { maxOutputLength }) : inflateRawSync(bytes, { maxOutputLength });
}

function isTextual(type: string, bytes: Uint8Array): boolean {
  if (type === '') return !bytes.subarray(0, 1_024).includes(0);
  return /^text\/|\b(?:json|ndjson|jsonl|xml|javascript|graphql|json-seq)\b|x-www-form-urlencoded/.test(type);
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What stands for bytes that are not decoded. */
export function digest(bytes: Uint8Array): JsonValue {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function form(text: string): JsonValue | undefined {
  const fields: { [name: string]: JsonValue[] } = Object.create(null);
  let pairs = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++pairs > maxFormPairs) return undefined;
    fields[name] ??= [];
    fields[name].push(value);
  }
  return fields;
}

function records(text: string, between: RegExp, read: (one: string) => JsonValue): JsonValue[] | undefined {
  const list = text.split(between, maxRecords + 1).filter((one) => one.trim() !== '');
  return list.length > maxRecords ? undefined : list.map(read);
}

function parseOrText(text: string): JsonValue {
  const value = parseJsonText(text, jsonLimits);
  return value === undefined ? text : value;
}

/** One server-sent event as its fields; lines of `data` belong together. */
export function decodeEvent(block: string): JsonValue {
  const fields: { [name: string]: JsonValue } = Object.create(null);
  const data: string[] = [];
  for (const line of block.replace(/[\r\n]+$/, '').split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else fields[name === '' ? 'comment' : name] = value;
  }
  if (data.length > 0) fields.data = parseOrText(data.join('\n'));
  return fields;
}

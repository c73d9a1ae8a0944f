import type { AuditEntry, Side } from '../../model/event.ts';
import { bodyBytes, type Content, type Exchange } from '../../model/exchange.ts';
import { type HeaderList, headerEntries } from '../../model/headers.ts';
import { viewMessage } from '../../protobuf/message-view.ts';
import { SchemaRegistry } from '../../protobuf/schema-registry.ts';
import { decodeBody } from '../body/content-coding.ts';
import { type ContentType, contentType } from '../body/content-type.ts';
import { type JsonTree, jsonTree } from '../json/json-tree.ts';
import { type TextPart, textParts } from './changed-parts.ts';

/** A value of an exchange that masking changed. */
export interface ChangedPlace {
  readonly side: Side;
  readonly part: AuditEntry['part'] | 'mark';
  /**
   * Where it stands, in names as they are after masking: `authorization`, `cookie sid`, `query email`, `path segment 2`,
   * `$.items[0].price`. Empty for a part that is one value.
   */
  readonly where: string;
  readonly before: string;
  /** Undefined when it was taken out. */
  readonly after: string | undefined;
}

type Found = (where: string, before: string, after: string | undefined) => void;

/** More than any policy decodes; where bodies are looked into that passed one. */
const decodeLimits = { bodyBytes: 64 << 20, decodedRatio: 10_000 };
/** JSON within strings of JSON is looked into as deep as this. */
const deepestNested = 4;
const longestName = 100;

/**
 * All that differs between an exchange and its masked form, in the order of the exchange.
 *
 * @param schemas - by which messages of calls are told by their fields
 */
export function changedPlaces(
  before: Exchange,
  after: Exchange,
  schemas: SchemaRegistry = new SchemaRegistry(),
): ChangedPlace[] {
  const shown = messageText(before, schemas);
  const places: ChangedPlace[] = [];
  const into =
    (side: Side, part: ChangedPlace['part']): Found =>
    (where, was, is) =>
      places.push({ side, part, where, before: was, after: is });
  targets(before.request.target, after.request.target, into('request', 'target'));
  if (before.operation !== undefined && before.operation !== after.operation)
    into('request', 'target')('operation', before.operation, after.operation);
  texts(
    [
      ['lane', before.lane, after.lane],
      ['peer', before.peer, after.peer],
      ['authority', before.request.authority, after.request.authority],
    ],
    into('request', 'address'),
  );
  headers(before.request.headers, after.request.headers, into('request', 'header'));
  content(
    before.request,
    after.request,
    [before.request.headers, after.request.headers],
    'request',
    into,
    shown,
  );
  for (const [i, head] of before.informational.entries()) {
    headers(head.headers, after.informational[i]?.headers ?? [], into('response', 'header'));
  }
  if (before.response !== undefined && after.response !== undefined) {
    texts([['reason', before.response.reason, after.response.reason]], into('response', 'status'));
    headers(before.response.headers, after.response.headers, into('response', 'header'));
    content(
      before.response,
      after.response,
      [before.response.headers, after.response.headers],
      'response',
      into,
      shown,
    );
  }
  for (const [i, mark] of before.marks.entries()) {
    const masked = after.marks[i];
    if (masked === undefined) continue;
    const found = into('request', 'mark');
    texts([[named(masked.name), mark.value, masked.value]], found);
    if (mark.name !== masked.name) found('name', mark.name, masked.name);
  }
  texts([['abort', before.abort?.code, after.abort?.code]], into('response', 'status'));
  return places;
}

type MessageText = (side: Side, data: Uint8Array) => string;

/** A message as text: one of a call as JSON, where a schema knows its type. */
function messageText({ protocol, request }: Exchange, schemas: SchemaRegistry): MessageText {
  const method = protocol === 'grpc' ? schemas.method(request.target) : undefined;
  return (side, data) => {
    const view = method === undefined ? undefined : viewMessage(schemas, method[side], data);
    return view === undefined || 'problem' in view
      ? Buffer.from(data.buffer, data.byteOffset, data.length).toString('utf8')
      : JSON.stringify(view.value);
  };
}

function texts(
  list: readonly (readonly [where: string, before: string | undefined, after: string | undefined])[],
  found: Found,
): void {
  for (const [where, before, after] of list) {
    if (before !== undefined && before !== after) found(where, before, after);
  }
}

function targets(before: string, after: string, found: Found): void {
  if (before === after) return;
  const [path = '', query = ''] = cutAt(before, '?');
  const [maskedPath = '', maskedQuery = ''] = cutAt(after, '?');
  for (const [i, [was, is]] of aligned(path.split('/'), maskedPath.split('/'), () => false).entries()) {
    if (was !== is) found(`path segment ${i}`, was, is);
  }
  pairs(query, maskedQuery, '&', 'query ', found);
}

/** Pairs of name and value with a separator between. */
function pairs(before: string, after: string, separator: string, prefix: string, found: Found): void {
  const sameName = (a: string, b: string) => cutAt(a, '=')[0]?.trim() === cutAt(b, '=')[0]?.trim();
  for (const [was, is] of aligned(before.split(separator), after.split(separator), sameName)) {
    if (was === is) continue;
    const [name = '', value = ''] = cutAt(was, '=');
    const [maskedName = '', maskedValue] = is === undefined ? [name, undefined] : cutAt(is, '=');
    const where = `${prefix}${named(decoded(maskedName.trim()))}`;
    if (name !== maskedName) found(`${where} (name)`, decoded(name), decoded(maskedName));
    if (value.trim() !== maskedValue?.trim())
      found(
        where,
        decoded(value.trim()),
        maskedValue === undefined ? undefined : decoded(maskedValue.trim()),
      );
  }
}

function headers(before: HeaderList, after: HeaderList, found: Found): void {
  const sameName = (a: readonly [string, string], b: readonly [string, string]) => a[0] === b[0];
  for (const [was, is] of aligned([...headerEntries(before)], [...headerEntries(after)], sameName)) {
    const [name, value] = was;
    const lower = (is?.[0] ?? name).toLowerCase();
    if (is !== undefined && is[0] !== name) found(`${named(lower)} (name)`, name, is[0]);
    if (value === is?.[1]) continue;
    const isCookie = lower === 'cookie' || lower === 'set-cookie';
    if (isCookie && is !== undefined && value.includes('=') && is[1].includes('='))
      pairs(value, is[1], ';', `${lower} `, found);
    else found(named(lower), value, is?.[1]);
  }
}

function content(
  before: Content,
  after: Content,
  [head, maskedHead]: readonly [HeaderList, HeaderList],
  side: Side,
  into: (side: Side, part: ChangedPlace['part']) => Found,
  shown: MessageText,
): void {
  headers(before.trailers, after.trailers, into(side, 'trailer'));
  const type = contentType(head);
  const was = bodyBytes(before);
  const found = into(side, 'body');
  if (after.state.startsWith('dropped') && !before.state.startsWith('dropped')) {
    if (was.length > 0) found('', textOf(was, type), undefined);
  } else {
    const [text, masked] = [textOf(was, type), textOf(bodyBytes(after), type)];
    const [parts, maskedParts] = [textParts(text, head), textParts(masked, maskedHead)];
    if (parts === undefined || maskedParts === undefined) bodies(text, masked, type, found);
    else multipart(parts, maskedParts, found);
  }
  for (const [i, message] of before.messages.entries()) {
    const masked = after.messages[i];
    if (masked === undefined || message.data.length === 0) continue;
    const text = shown(side, message.data);
    const foundThere: Found = (where, a, b) =>
      into(side, 'message')(`message ${i}${where === '' ? '' : ` ${where}`}`, a, b);
    if (masked.state.startsWith('dropped')) foundThere('', text, undefined);
    else values(text, shown(side, masked.data), '$', 0, foundThere);
  }
}

function multipart(before: readonly TextPart[], after: readonly TextPart[], found: Found): void {
  for (const [was, is] of aligned(before, after, (a, b) => a.name === b.name)) {
    const part = `part ${named((is ?? was).name)}`;
    if (is === undefined) {
      found(part, was.text, undefined);
      continue;
    }
    headers(was.headers.flat(), is.headers.flat(), (where, a, b) => found(`${part} ${where}`, a, b));
    values(was.text, is.text, '$', 0, (where, a, b) => found(where === '' ? part : `${part} ${where}`, a, b));
  }
}

function bodies(before: string, after: string, type: ContentType, found: Found): void {
  if (before === after) return;
  if (type.kind === 'form') pairs(before, after, '&', 'form ', found);
  else if (type.kind === 'json-lines' || type.kind === 'json-seq' || type.kind === 'event-stream') {
    const lines = before.split(/\r\n|\r|\n/);
    for (const [i, [was, is]] of aligned(lines, after.split(/\r\n|\r|\n/), () => false).entries()) {
      const field = type.kind === 'event-stream' ? (/^\w*: ?/.exec(was)?.[0] ?? '') : '';
      const where = `line ${i + 1}`;
      values(was.slice(field.length), is?.slice(field.length) ?? '', '$', 0, (inner, a, b) =>
        found(inner === '' ? where : `${where} ${inner}`, a, b),
      );
    }
  } else values(before, after, '$', 0, found);
}

/** Two texts, by the places of their JSON where they are that. */
function values(before: string, after: string, path: string, level: number, found: Found): void {
  if (before === after) return;
  const [was, is] = level > deepestNested ? [] : [nested(before), nested(after)];
  if (was === undefined || is === undefined || was.kind === 'scalar')
    found(path === '$' ? '' : path, before, after);
  else trees(was, is, path, level, found);
}

function trees(before: JsonTree, after: JsonTree, path: string, level: number, found: Found): void {
  if (before.text === after.text) return;
  if (before.kind === 'string' && after.kind === 'string') {
    values(before.text, after.text, path, level + 1, found);
  } else if (before.kind === 'object' && after.kind === 'object') {
    for (const [was, is] of aligned(before.members, after.members, (a, b) => a[0] === b[0])) {
      const name = is?.[0] ?? was[0];
      const inner = /^[\w$-]+$/.test(name) ? `${path}.${named(name)}` : `${path}['${named(name)}']`;
      if (is !== undefined && name !== was[0]) found(`${inner} (name)`, was[0], name);
      if (is === undefined) found(inner, was[1].text, undefined);
      else trees(was[1], is[1], inner, level, found);
    }
  } else if (before.kind === 'array' && after.kind === 'array') {
    for (const [i, [was, is]] of aligned(before.items, after.items, () => false).entries()) {
      if (is === undefined) found(`${path}[${i}]`, was.text, undefined);
      else trees(was, is, `${path}[${i}]`, level, found);
    }
  } else found(path, before.text, after.text);
}

/** JSON in a text, plain or as base64. */
function nested(text: string): JsonTree | undefined {
  const plain = jsonTree(text);
  if (plain !== undefined || !/^[A-Za-z0-9+/_-]{8,}={0,2}$/.test(text)) return plain;
  return jsonTree(Buffer.from(text, 'base64').toString('utf8'));
}

/** The items of two lists that belong together. Of lists of one length, each to its own place. */
function aligned<T>(before: readonly T[], after: readonly T[], same: (a: T, b: T) => boolean): [T, T?][] {
  if (before.length === after.length) return before.map((item, i) => [item, after[i]]);
  let next = 0;
  return before.map((item) => {
    const candidate = after[next];
    if (candidate === undefined || !(same(item, candidate) || item === candidate)) return [item];
    next++;
    return [item, candidate];
  });
}

function textOf(bytes: Uint8Array, type: ContentType): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const plain = type.codings.length === 0 ? undefined : decodeBody(buffer, type.codings, decodeLimits);
  return (plain === undefined || typeof plain === 'string' ? buffer : plain.bytes).toString('utf8');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function cutAt(text: string, separator: string): [before: string, after: string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function named(name: string): string {
  return name.length > longestName ? `${name.slice(0, longestName)}…` : name;
}

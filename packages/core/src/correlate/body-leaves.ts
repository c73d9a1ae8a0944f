import { isUtf8 } from 'node:buffer';
import { parseJsonText, printJsonText, withoutPrototypes } from '../hook/json-text.ts';
import { spreadEnds } from '../hook/patch-body.ts';
import { decodeBody } from '../mask/body/content-coding.ts';
import { contentType } from '../mask/body/content-type.ts';
import { bodyBytes, type Content, type Message } from '../model/exchange.ts';
import type { HeaderList } from '../model/headers.ts';
import { viewMessage } from '../protobuf/message-view.ts';
import { rewriteMessage } from '../protobuf/rewrite-message.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { readHtml } from './html-leaves.ts';
import { jsonLimits, visitJson } from './json-leaves.ts';
import { isWanted, type LeafBudget, type Visit } from './leaf.ts';
import { readEvents, readLines } from './record-leaves.ts';
import { visitPairs } from './url-leaves.ts';

/** Larger bodies are not looked into, before and after their content coding. */
const maxBody = 4 * 1024 * 1024;
const maxMessages = 1_000;
const codingLimits = { bodyBytes: maxBody, decodedRatio: 200 };
const viewOptions = { maxValues: 100_000 };

/** The type of the messages of a side, and what tells it. */
export interface MessageKind {
  readonly registry: SchemaRegistry;
  readonly type: string;
}

/**
 * The values in the content of a request: `body.$.id` of JSON, `form.csrf` of a form, `message.$.order.id` of messages. Gives
 * back the same content where the visit changed nothing.
 */
export function visitContent<C extends Content>(
  content: C,
  headers: HeaderList,
  kind: MessageKind | undefined,
  visit: Visit,
  budget: LeafBudget,
): C {
  if (!mayHold(budget)) return content;
  if (content.messages.length > 0) {
    const messages = visitMessages(content.messages, kind, visit, budget);
    return messages === content.messages ? content : { ...content, messages };
  }
  // Coded bodies of requests are rare, and a client's own.
  if (!isThere(content.state) || content.chunks.length === 0 || contentType(headers).codings.length > 0)
    return content;
  const text = textOf(bodyBytes(content));
  if (text === undefined) return content;
  const written = visitBody(text, contentType(headers).kind, visit, budget);
  if (written === text) return content;
  const data = Buffer.from(written);
  const lengths = content.chunks.map((chunk) => chunk.data.length);
  const ends = spreadEnds(lengths, data.length);
  const chunks = content.chunks.map((chunk, i) => ({
    ...chunk,
    data: data.subarray(ends[i - 1] ?? 0, ends[i]),
  }));
  return { ...content, chunks, state: 'masked' };
}

/**
 * Shows the values in the content of an answer: of HTML, those of hidden fields and of `meta`, `html.csrf_token`; of lines of JSON and of
 * server-sent events, those of each.
 */
export function readContent(
  content: Content,
  headers: HeaderList,
  kind: MessageKind | undefined,
  visit: Visit,
  budget: LeafBudget,
): void {
  if (!mayHold(budget)) return;
  if (content.messages.length > 0) {
    visitMessages(content.messages, kind, visit, budget);
    return;
  }
  if (!isThere(content.state) || content.chunks.length === 0) return;
  const type = contentType(headers);
  const body = bodyBytes(content);
  const coded =
    body.length > maxBody
      ? 'size'
      : decodeBody(Buffer.from(body.buffer, body.byteOffset, body.length), type.codings, codingLimits);
  // A masked body may stand without its coding.
  const text = textOf(typeof coded === 'string' ? body : coded.bytes);
  if (text === undefined) return;
  if (/^text\/html$|^application\/xhtml\+xml$/.test(type.mediaType)) readHtml(text, visit, budget);
  else if (type.kind === 'json-lines') readLines(text, /[\r\n]+/, visit, budget);
  else if (type.kind === 'json-seq') readLines(text, '\u001e', visit, budget);
  else if (type.kind === 'event-stream') readEvents(text, visit, budget);
  else visitBody(text, type.kind, visit, budget);
}

/** Whether anything in content is looked at. */
function mayHold(budget: LeafBudget): boolean {
  return ['body', 'event', 'form', 'html', 'message'].some((place) => isWanted(budget, place));
}

function visitBody(text: string, kind: string, visit: Visit, budget: LeafBudget): string {
  if (kind === 'form') return visitPairs(text, { place: 'form', pointer: 'form' }, visit, budget);
  if (kind !== 'json' && !/^\s*[[{]/.test(text)) return text;
  const value = parseJsonText(text, jsonLimits);
  if (value === undefined) return text;
  let changed = false;
  const watched: Visit = (leaf) => {
    const given = visit(leaf);
    if (given !== undefined && given !== leaf.text) changed = true;
    return given;
  };
  const visited = visitJson(
    withoutPrototypes(value),
    { place: 'body.$', pointer: 'body.$' },
    watched,
    budget,
  );
  return changed ? printJsonText(visited) : text;
}

function visitMessages(
  messages: readonly Message[],
  kind: MessageKind | undefined,
  visit: Visit,
  budget: LeafBudget,
): readonly Message[] {
  if (kind === undefined) return messages;
  let written: Message[] | undefined;
  for (const [i, message] of messages.slice(0, maxMessages).entries()) {
    if (budget.left <= 0) break;
    const data = isThere(message.state) ? visitMessage(message.data, i, kind, visit, budget) : message.data;
    if (data === message.data) continue;
    written ??= [...messages];
    written[i] = { ...message, data, state: 'masked' };
  }
  return written ?? messages;
}

function visitMessage(
  data: Uint8Array,
  index: number,
  { registry, type }: MessageKind,
  visit: Visit,
  budget: LeafBudget,
): Uint8Array {
  if (data.length > maxBody) return data;
  const view = viewMessage(registry, type, data, viewOptions);
  if ('problem' in view) return data;
  let changed = false;
  const watched: Visit = (leaf) => {
    const given = visit(leaf);
    if (given !== undefined && given !== leaf.text) changed = true;
    return given;
  };
  const visited = visitJson(
    view.value,
    { place: 'message.$', pointer: `message[${index}].$` },
    watched,
    budget,
  );
  if (!changed) return data;
  const rewritten = rewriteMessage(registry, type, data, visited, viewOptions);
  return 'bytes' in rewritten ? rewritten.bytes : data;
}

function isThere(state: string): boolean {
  return state === 'kept' || state === 'masked';
}

function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.length > maxBody || !isUtf8(bytes)) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

import {
  bodyBytes,
  type Content,
  type Exchange,
  type HeaderList,
  headerEntries,
  isEventStream,
  type Message,
  operationOf,
  type Response,
  SchemaRegistry,
  type ServerSentEvent,
  type Side,
  serverSentEvents,
} from '@gardenhose/core';
import { exchangeJson } from './exchange-row.ts';
import { fieldLines, fieldsDocument, fieldsReader, type ReadFields } from './message-fields.ts';
import { showBytes, showCount, showDuration } from './output.ts';
import { printable, printableLines } from './printable.ts';

const maxBodyCharacters = 64 * 1024;
const maxListed = 200;
const hexWidth = 16;
const maxHexLines = 64;

/**
 * One exchange as text: both heads as on the wire, bodies, messages and the time of each piece.
 *
 * @param schemas - by which messages of calls are shown as fields
 */
export function exchangeText(exchange: Exchange, schemas: SchemaRegistry = new SchemaRegistry()): string {
  const { request, response } = exchange;
  const read = fieldsReader(exchange, schemas);
  const lines = [
    `exchange ${exchange.id}  ${exchange.direction} ${exchange.protocol}  ${printable(operationOf(exchange), 200)}`,
    `lane ${printable(exchange.lane, 100)}${exchange.parent === undefined ? '' : `, caused by ${exchange.parent}`}` +
      `${exchange.peer === undefined ? '' : `, peer ${printable(exchange.peer, 100)}`}` +
      `, started at ${showDuration(exchange.startAt)}, took ${showDuration(exchange.endAt - exchange.startAt)}`,
  ];
  if (exchange.partial.length > 0) lines.push(`partial: ${exchange.partial.join(', ')}`);
  for (const mark of exchange.marks)
    lines.push(`mark ${printable(mark.name, 100)} = ${printable(mark.value, 200)}`);
  for (const { side, part, rule, count } of exchange.audit) {
    lines.push(`masked ${side} ${part}: ${printable(rule, 100)}${count === 1 ? '' : ` x${count}`}`);
  }
  if (exchange.unknownHeaders.length > 0)
    lines.push(`headers that no mask rule knows: ${printable(exchange.unknownHeaders.join(', '), 1000)}`);
  lines.push(
    '',
    `> ${printable(request.method, 100)} ${printable(request.target, 8000)} HTTP/${printable(request.version, 10)}`,
  );
  lines.push(...headerLines('>', request.headers), ...contentLines('>', request, exchange.startAt, read));
  for (const head of exchange.informational) {
    lines.push('', `< HTTP/${printable(head.version, 10)} ${head.status} ${printable(head.reason, 200)}`);
    lines.push(...headerLines('<', head.headers));
  }
  if (response !== undefined) {
    lines.push(
      '',
      `< HTTP/${printable(response.version, 10)} ${response.status} ${printable(response.reason, 200)}` +
        `   (after ${showDuration(response.at - exchange.startAt)})`,
    );
    const events = eventsOf(response);
    lines.push(...headerLines('<', response.headers));
    lines.push(...contentLines('<', response, exchange.startAt, read, events));
  }
  if (exchange.abort !== undefined) {
    const { at, by, code } = exchange.abort;
    lines.push('', `aborted by ${by} after ${showDuration(at - exchange.startAt)}: ${printable(code, 100)}`);
  }
  return lines.join('\n');
}

/**
 * One exchange with its bodies, for JSON: as text where they are UTF-8, else as base64.
 *
 * @param schemas - by which messages of calls are shown as fields too
 */
export function exchangeDocument(
  exchange: Exchange,
  schemas: SchemaRegistry = new SchemaRegistry(),
): Record<string, unknown> {
  const { request, response } = exchange;
  const read = fieldsReader(exchange, schemas);
  return {
    ...exchangeJson(exchange),
    peer: exchange.peer,
    sampleRate: exchange.sampleRate,
    request: {
      scheme: request.scheme,
      authority: request.authority,
      version: request.version,
      headers: pairs(request.headers),
      ...contentDocument('request', request, exchange.startAt, read),
    },
    informational: exchange.informational.map(({ status, reason, headers }) => ({
      status,
      reason,
      headers: pairs(headers),
    })),
    response: response && {
      status: response.status,
      reason: response.reason,
      version: response.version,
      afterMs: (response.at - exchange.startAt) / 1e6,
      headers: pairs(response.headers),
      ...contentDocument('response', response, exchange.startAt, read),
      ...eventsDocument(response, exchange.startAt),
    },
    audit: exchange.audit,
    unknownHeaders: exchange.unknownHeaders,
  };
}

function headerLines(side: string, headers: HeaderList): string[] {
  return [...headerEntries(headers)].map(
    ([name, value]) => `${side} ${printable(name, 200)}: ${printable(value, 4000)}`,
  );
}

/** The server-sent events of an answer, if it is made of them. */
function eventsOf({ headers, ...content }: Response): ServerSentEvent[] | undefined {
  return isEventStream(headers) && content.chunks.length > 0 ? serverSentEvents(content) : undefined;
}

function contentLines(
  side: '>' | '<',
  content: Content,
  startAt: number,
  read: ReadFields,
  events?: readonly ServerSentEvent[],
): string[] {
  const lines: string[] = [];
  if (content.size > 0 || content.state !== 'kept') {
    const { chunks, messages } = content;
    const parts = events === undefined ? '' : ` of ${showCount(events.length, 'event')}`;
    const pieces = parts + (chunks.length > 1 ? ` in ${showCount(chunks.length, 'chunk')}` : '');
    const whole = content.complete ? '' : ', not seen to its end';
    // Each message says what became of it.
    const what =
      messages.length > 0
        ? ` in ${showCount(messages.length, 'message')}`
        : `${pieces}, ${printable(content.state, 100)}`;
    lines.push(side, `${side} [${showBytes(content.size)}${what}${whole}]`);
  }
  for (const event of events?.slice(0, maxListed) ?? []) lines.push(...eventLines(side, event, startAt));
  if (events !== undefined && events.length > maxListed) {
    lines.push(`${side} [${events.length - maxListed} more events]`);
  }
  if (events === undefined) lines.push(...bodyLines(side, bodyBytes(content)));
  if (content.chunks.length > 1 && events === undefined) {
    const shown = content.chunks
      .slice(0, maxListed)
      .map((chunk) => `${showDuration(chunk.at - startAt)} +${chunk.size}`);
    const more = content.chunks.length > maxListed ? ` and ${content.chunks.length - maxListed} more` : '';
    lines.push(`${side} [chunks at ${shown.join(', ')}${more}]`);
  }
  for (const message of content.messages.slice(0, maxListed))
    lines.push(...messageLines(side, message, startAt, read));
  if (content.messages.length > maxListed) {
    lines.push(`${side} [${content.messages.length - maxListed} more messages]`);
  }
  lines.push(...headerLines(`${side} trailer`, content.trailers));
  return lines;
}

function eventLines(side: string, { at, text, finished }: ServerSentEvent, startAt: number): string[] {
  const head = `${side} [event at ${showDuration(at - startAt)}${finished ? '' : ', not finished'}]`;
  return [head, ...bodyLines(side, Buffer.from(text.replace(/[\r\n]+$/, '').replace(/\r\n?/g, '\n')))];
}

function messageLines(side: '>' | '<', message: Message, startAt: number, read: ReadFields): string[] {
  const fields = read(side === '>' ? 'request' : 'response', message);
  const kind = fields === undefined ? `message of kind ${message.kind}` : printable(fields.type, 200);
  const what = `${kind} at ${showDuration(message.at - startAt)}`;
  const head = `${side} [${what}, ${showBytes(message.size)}, ${printable(message.state, 100)}]`;
  const shown = fields === undefined ? [] : fieldLines(fields).map((line) => `${side} ${line}`);
  return [head, ...shown, ...(fields?.view === undefined ? bodyLines(side, message.data) : [])];
}

function bodyLines(side: string, bytes: Uint8Array): string[] {
  if (bytes.length === 0) return [];
  const text = asText(bytes);
  if (text === undefined) return hexLines(side, bytes);
  const shown = printableLines(text.slice(0, maxBodyCharacters)).split('\n');
  const cut =
    text.length > maxBodyCharacters ? [`${side} [${text.length - maxBodyCharacters} more characters]`] : [];
  return [...shown.map((line) => `${side} ${line}`), ...cut];
}

function hexLines(side: string, bytes: Uint8Array): string[] {
  const lines: string[] = [];
  const end = Math.min(bytes.length, hexWidth * maxHexLines);
  for (let at = 0; at < end; at += hexWidth) {
    const row = bytes.subarray(at, Math.min(end, at + hexWidth));
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = Array.from(row, (byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
    ).join('');
    lines.push(`${side} ${at.toString(16).padStart(6, '0')}  ${hex.padEnd(hexWidth * 3)} ${text}`);
  }
  return end < bytes.length ? [...lines, `${side} [${bytes.length - end} more bytes]`] : lines;
}

function eventsDocument(response: Response, startAt: number): { readonly events?: readonly object[] } {
  const events = eventsOf(response);
  if (events === undefined) return {};
  return {
    events: events.map(({ at, event, id, data, finished }) => ({
      atMs: (at - startAt) / 1e6,
      event,
      id,
      data,
      finished,
    })),
  };
}

function contentDocument(
  side: Side,
  content: Content,
  startAt: number,
  read: ReadFields,
): Record<string, unknown> {
  return {
    size: content.size,
    state: content.state,
    complete: content.complete,
    chunks: content.chunks.map((chunk) => ({ atMs: (chunk.at - startAt) / 1e6, size: chunk.size })),
    body: bytesDocument(bodyBytes(content)),
    messages: content.messages.map((message) => {
      const fields = read(side, message);
      return {
        atMs: (message.at - startAt) / 1e6,
        kind: message.kind,
        size: message.size,
        state: message.state,
        ...(fields === undefined ? {} : fieldsDocument(fields)),
        body: bytesDocument(message.data),
      };
    }),
    trailers: pairs(content.trailers),
  };
}

function bytesDocument(
  bytes: Uint8Array,
): { readonly text: string } | { readonly base64: string } | undefined {
  if (bytes.length === 0) return undefined;
  const text = asText(bytes);
  return text === undefined ? { base64: Buffer.from(bytes).toString('base64') } : { text };
}

const pairs = (headers: HeaderList) => [...headerEntries(headers)];

/** The bytes as text, if they are UTF-8 and hold no NUL. */
function asText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

import type { Chunk, Content } from './exchange.ts';
import { type HeaderList, headerValue } from './headers.ts';

/** One event of a body of `text/event-stream` (HTML, "Server-sent events"). */
export interface ServerSentEvent {
  /** When the last byte of it passed, in nanoseconds since the capture's anchor. */
  readonly at: number;
  /** Its lines with their ends; the empty line behind them is left out. */
  readonly text: string;
  /** The value of its last `event` line. */
  readonly event?: string | undefined;
  /** The value of its last `id` line. */
  readonly id?: string | undefined;
  /** The values of its `data` lines, with line ends between them; undefined where it has none, as a comment. */
  readonly data?: string | undefined;
  /** Whether the empty line that ends it passed. Clients do not heed one that is not finished. */
  readonly finished: boolean;
}

/** Whether a body is a stream of events that can be read: it is one by its type, and not compressed. */
export function isEventStream(headers: HeaderList): boolean {
  const type = headerValue(headers, 'content-type') ?? '';
  const coding = headerValue(headers, 'content-encoding') ?? 'identity';
  return /^\s*text\/event-stream\s*(?:;|$)/i.test(type) && /^\s*(?:identity)?\s*$/i.test(coding);
}

const [lineFeed, carriageReturn] = [0x0a, 0x0d];

/**
 * The server-sent events of a body, each with its time: those are the same body in its pieces, so nothing else is recorded of them.
 * Empty lines between events, and nothing else, are left out.
 *
 * @param limit - Most events to read. Default 50,000
 */
export function serverSentEvents({ chunks }: Pick<Content, 'chunks'>, limit = 50_000): ServerSentEvent[] {
  const bytes =
    chunks.length === 1
      ? (chunks[0]?.data ?? new Uint8Array())
      : Buffer.concat(chunks.map(({ data }) => data));
  const times = new Times(chunks);
  const events: ServerSentEvent[] = [];
  // A byte order mark is no part of the first line.
  let begin = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let line = begin;
  for (let at = begin; at < bytes.length && events.length < limit; at += 1) {
    const byte = bytes[at];
    if (byte !== lineFeed && byte !== carriageReturn) continue;
    const isEmpty = at === line;
    if (byte === carriageReturn && bytes[at + 1] === lineFeed) at += 1;
    if (isEmpty) {
      if (line > begin) events.push(eventOf(bytes.subarray(begin, line), times.of(at), true));
      begin = at + 1;
    }
    line = at + 1;
  }
  if (begin < bytes.length && events.length < limit) {
    events.push(eventOf(bytes.subarray(begin), times.of(bytes.length - 1), false));
  }
  return events;
}

function eventOf(bytes: Uint8Array, at: number, finished: boolean): ServerSentEvent {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  let event: string | undefined;
  let id: string | undefined;
  const data: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else if (name === 'event') event = value;
    else if (name === 'id') id = value;
  }
  return { at, text, event, id, data: data.length === 0 ? undefined : data.join('\n'), finished };
}

/** The times of bytes, which are asked for in their order. */
class Times {
  readonly #chunks: readonly Chunk[];
  #index = 0;
  #end: number;

  constructor(chunks: readonly Chunk[]) {
    this.#chunks = chunks;
    this.#end = chunks[0]?.data.length ?? 0;
  }

  of(place: number): number {
    while (place >= this.#end && this.#index + 1 < this.#chunks.length) {
      this.#index += 1;
      this.#end += this.#chunks[this.#index]?.data.length ?? 0;
    }
    return this.#chunks[this.#index]?.at ?? 0;
  }
}

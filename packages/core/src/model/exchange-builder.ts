import type {
  AbortEvent,
  AuditEntry,
  BodyEvent,
  ChunkEvent,
  ContentState,
  EndEvent,
  ExchangeEvent,
  ExchangeId,
  ExchangeStart,
  HeadersEvent,
  MessageEvent,
  ResumeEvent,
  Side,
  StartEvent,
} from './event.ts';
import type {
  Chunk,
  Content,
  Exchange,
  Mark,
  Message,
  PartialReason,
  Response,
  ResponseHead,
} from './exchange.ts';
import type { HeaderList } from './headers.ts';

// What an event costs in memory besides its bytes and characters: objects, array slots, map entries. An estimate from
// above, so that a flood of empty events is bounded as well.
const eventCost = 128;
const listItemCost = 16;

const noBytes: Uint8Array = new Uint8Array(0);

/** A piece of a body, still open to bytes that come later. */
interface DraftChunk {
  readonly at: number;
  readonly size: number;
  data: Uint8Array;
}

/** What one side has said so far. */
class ContentBuilder {
  readonly chunks: DraftChunk[] = [];
  readonly messages: Message[] = [];
  trailers: HeaderList | undefined;
  end: EndEvent | undefined;
  /** Bytes of content held. */
  kept = 0;
  /** Set when the assembler's own limit cut the content. */
  cut = false;
  /** Bytes that passed, as far as events told. */
  passed = 0;
  /** Index of the first chunk whose bytes have not come. */
  pending = 0;
  /** The index that the next message must have; not known where the beginning is missing. */
  nextIndex: number | undefined;

  build(): Content {
    return {
      chunks: this.chunks satisfies readonly Chunk[],
      messages: this.messages,
      trailers: this.trailers ?? [],
      size: this.end?.size ?? this.passed,
      state: this.state(),
      complete: this.end?.complete ?? false,
      endAt: this.end?.at,
    };
  }

  private state(): ContentState {
    const told = this.end?.state ?? 'kept';
    return this.cut && !told.startsWith('dropped') ? 'truncated' : told;
  }
}

/** What is known of an exchange whose start was not seen. */
export const unknownStart: ExchangeStart & { readonly sampleRate: number } = {
  direction: 'inbound',
  protocol: 'http',
  lane: '',
  scheme: 'http',
  version: '',
  method: '',
  target: '',
  headers: [],
  sampleRate: 1,
};

/** Field by field: an object that is spread and then added to costs V8 several microseconds and kilobytes. */
function answered(head: ResponseHead, content: Content): Response {
  return {
    at: head.at,
    status: head.status,
    reason: head.reason,
    version: head.version,
    headers: head.headers,
    chunks: content.chunks,
    messages: content.messages,
    trailers: content.trailers,
    size: content.size,
    state: content.state,
    complete: content.complete,
    endAt: content.endAt,
  };
}

/** Puts the events of one exchange together. Says of each event what it cost, or that it made no sense. */
export class ExchangeBuilder {
  readonly id: ExchangeId;
  /** Estimated bytes of memory held. */
  cost: number;
  /** Set once no more events are taken. */
  done = false;
  /** Neighbours in the assembler's list, which is in order of start. */
  older: ExchangeBuilder | undefined;
  newer: ExchangeBuilder | undefined;
  /** Losses that the assembler had seen when this one began. */
  lossesBefore = 0;

  readonly #start: StartEvent | ResumeEvent | undefined;
  readonly #firstSeq: number;
  readonly #firstAt: number;
  readonly #maxBodyBytes: number;
  readonly #request = new ContentBuilder();
  readonly #response = new ContentBuilder();
  readonly #informational: ResponseHead[] = [];
  readonly #marks: Mark[] = [];
  readonly #audit: AuditEntry[] = [];
  readonly #unknownHeaders: string[] = [];
  readonly #partial = new Set<PartialReason>();
  #head: ResponseHead | undefined;
  #trailersAt: number | undefined;
  #abort: AbortEvent | undefined;
  #operation: string | undefined;
  #lastAt: number;

  constructor(first: ExchangeEvent, maxBodyBytes: number) {
    this.id = first.exchange;
    this.#maxBodyBytes = maxBodyBytes;
    this.#lastAt = first.at;
    const start = first.type === 'start' || first.type === 'resume' ? first : undefined;
    this.#start = start;
    this.#firstSeq = first.type === 'resume' ? first.startSeq : first.seq;
    this.#firstAt = first.type === 'resume' ? first.startAt : first.at;
    this.#operation = start?.operation;
    if (first.type !== 'start') this.#partial.add('no-start');
    this.cost = 8 * eventCost + (start === undefined ? 0 : headersCost(start.headers) + start.target.length);
  }

  /** When it began, or the first that was seen of it. */
  get startAt(): number {
    return this.#firstAt;
  }

  /** Takes the next event; false when it contradicts what came before and was left out. */
  take(event: ExchangeEvent): boolean {
    const before = this.cost;
    const taken = this.#take(event);
    if (taken) {
      this.#lastAt = event.at;
      if (this.cost === before) this.cost += eventCost;
    }
    return taken;
  }

  /** Notes why the exchange is not whole. */
  lacks(reason: PartialReason): void {
    this.#partial.add(reason);
  }

  build(): Exchange {
    const start = this.#start ?? unknownStart;
    const head = this.#head ?? this.#trailersOnly(start);
    const request = this.#request.build();
    const response = this.#response.build();
    if (
      this.#start?.type === 'start' &&
      head === undefined &&
      (response.chunks.length > 0 || response.messages.length > 0)
    ) {
      this.#partial.add('events-lost');
    }
    return {
      id: this.id,
      lane: start.lane,
      parent: this.#start?.parent,
      direction: start.direction,
      protocol: start.protocol,
      operation: this.#operation,
      peer: this.#start?.peer,
      sampleRate: start.sampleRate,
      seq: this.#firstSeq,
      startAt: this.#firstAt,
      endAt: this.#lastAt,
      request: {
        method: start.method,
        target: start.target,
        scheme: start.scheme,
        authority: this.#start?.authority,
        version: start.version,
        headers: start.headers,
        chunks: request.chunks,
        messages: request.messages,
        trailers: request.trailers,
        size: request.size,
        state: request.state,
        complete: request.complete,
        endAt: request.endAt,
      },
      informational: this.#informational,
      response: head === undefined ? undefined : answered(head, response),
      abort: this.#abort && { at: this.#abort.at, by: this.#abort.by, code: this.#abort.code },
      marks: this.#marks,
      audit: this.#audit,
      unknownHeaders: this.#unknownHeaders,
      partial: [...this.#partial],
    };
  }

  #take(event: ExchangeEvent): boolean {
    switch (event.type) {
      case 'start':
        return false;
      case 'resume':
        return true;
      case 'headers':
        return this.#takeHead(event);
      case 'chunk':
        return this.#takeChunk(event);
      case 'body':
        return this.#takeBody(event);
      case 'message':
        return this.#takeMessage(event);
      case 'trailers': {
        const side = this.#side(event.side);
        if (side.trailers !== undefined || side.end !== undefined) return false;
        side.trailers = event.headers;
        if (event.side === 'response') this.#trailersAt = event.at;
        this.cost += headersCost(event.headers);
        return true;
      }
      case 'end': {
        const side = this.#side(event.side);
        if (side.end !== undefined) return false;
        side.end = event;
        const isWhole = event.state === 'kept' || event.state === 'masked';
        if (isWhole && side.pending < side.chunks.length) this.#partial.add('events-lost');
        // Where the start is missing, the request may have ended before what was read begins.
        this.done =
          this.#response.end !== undefined &&
          (this.#request.end !== undefined || this.#start?.type !== 'start');
        return true;
      }
      case 'abort':
        this.#abort = event;
        if (event.by === 'recorder') this.#partial.add('no-end');
        this.done = true;
        return true;
      case 'mark':
        if (event.name === 'operation') this.#operation = event.value;
        else if (event.name === 'undecoded') this.#undecoded(event.value);
        this.#marks.push({ name: event.name, value: event.value });
        this.cost += eventCost + event.name.length + event.value.length;
        return true;
      case 'audit':
        for (const entry of event.entries) this.#audit.push(entry);
        for (const name of event.unknownHeaders) {
          this.#unknownHeaders.push(name);
          this.cost += eventCost + name.length;
        }
        this.cost += eventCost * (1 + event.entries.length);
        return true;
    }
  }

  /** A gRPC call may be answered by trailers alone, in the place of a head: they are the head of an empty answer. */
  #trailersOnly({ protocol, version }: ExchangeStart): ResponseHead | undefined {
    const at = this.#trailersAt;
    const { messages } = this.#response;
    if (protocol !== 'grpc' || at === undefined || messages.length > 0) return undefined;
    return { at, status: 200, reason: '', version, headers: [] };
  }

  #takeHead(event: HeadersEvent): boolean {
    const { at, status, reason, version, headers } = event;
    // 101 is below 200, but it is the answer: what follows is no longer HTTP.
    const final = status >= 200 || status === 101;
    if (this.#head !== undefined || this.#response.end !== undefined) return false;
    const head: ResponseHead = { at, status, reason, version, headers };
    if (final) this.#head = head;
    else this.#informational.push(head);
    this.cost += headersCost(headers) + reason.length;
    return true;
  }

  #takeChunk(event: ChunkEvent): boolean {
    const side = this.#side(event.side);
    if (side.end !== undefined) return false;
    const withData = event.data !== undefined;
    const data = this.#keep(side, event.data);
    side.chunks.push({ at: event.at, size: event.size, data });
    side.passed += event.size;
    if (withData && side.pending === side.chunks.length - 1) side.pending = side.chunks.length;
    this.cost += eventCost + data.length;
    return true;
  }

  #takeBody(event: BodyEvent): boolean {
    const side = this.#side(event.side);
    const from = side.pending;
    const waiting = side.chunks.length - from;
    const kept = this.#keep(side, event.data);
    this.cost += eventCost + kept.length;
    const covered = event.ends.length;
    if (covered <= waiting && endsFit(event.ends, event.data.length)) {
      side.pending = from + covered;
      let offset = 0;
      for (let i = 0; i < covered; i++) {
        const end = event.ends[i] ?? offset;
        const chunk = side.chunks[from + i];
        if (chunk !== undefined && end > offset) chunk.data = kept.subarray(offset, end);
        offset = end;
      }
      return true;
    }
    // Chunks are missing, or the file is wrong: the bytes are kept, when each passed is not known.
    this.#partial.add('events-lost');
    const first = side.chunks[from];
    if (first === undefined) side.chunks.push({ at: event.at, size: event.data.length, data: kept });
    else first.data = kept;
    side.pending = side.chunks.length;
    return true;
  }

  #takeMessage(event: MessageEvent): boolean {
    const side = this.#side(event.side);
    if (side.end !== undefined) return false;
    const fits = event.data === undefined || side.kept + event.data.length <= this.#maxBodyBytes;
    const data = fits ? this.#keep(side, event.data) : noBytes;
    if (!fits) side.cut = true;
    const expected = side.nextIndex ?? (this.#start?.type === 'start' ? 0 : event.index);
    if (event.index !== expected) this.#partial.add('events-lost');
    side.nextIndex = event.index + 1;
    side.messages.push({
      at: event.at,
      seq: event.seq,
      kind: event.kind,
      size: event.size,
      state: fits ? event.state : 'dropped:assembler-limit',
      data,
    });
    side.passed += event.size;
    this.cost += eventCost + data.length;
    return true;
  }

  /** A tap could not read the message before the mark, and recorded it as an empty one. That is none that was kept. */
  #undecoded(value: string): void {
    const { messages } = this.#side(value.startsWith('response') ? 'response' : 'request');
    const last = messages.at(-1);
    if (last?.size === 0 && last.state === 'kept')
      messages.splice(-1, 1, { ...last, state: 'dropped:undecoded' });
  }

  /** As much of the bytes as the body may still hold, not pinning a much larger buffer. */
  #keep(side: ContentBuilder, data: Uint8Array | undefined): Uint8Array {
    if (data === undefined || data.length === 0) return noBytes;
    const room = this.#maxBodyBytes - side.kept;
    if (data.length > room) side.cut = true;
    const kept = data.length > room ? data.subarray(0, room) : data;
    side.kept += kept.length;
    return kept.buffer.byteLength > 2 * kept.length ? new Uint8Array(kept) : kept;
  }

  #side(side: Side): ContentBuilder {
    return side === 'request' ? this.#request : this.#response;
  }
}

function endsFit(ends: readonly number[], length: number): boolean {
  let last = 0;
  for (const end of ends) {
    if (!(end >= last && end <= length)) return false;
    last = end;
  }
  return last === length;
}

function headersCost(headers: HeaderList): number {
  let cost = eventCost;
  for (const text of headers) cost += listItemCost + text.length;
  return cost;
}

import type { AbortEvent, AuditEntry, ContentState, Direction, ExchangeId, Protocol } from './event.ts';
import type { HeaderList } from './headers.ts';

/** A piece of a body and when it passed. */
export interface Chunk {
  readonly at: number;
  /** Bytes that passed on the wire. Masked data may be longer or shorter. */
  readonly size: number;
  readonly data: Uint8Array;
}

export interface Message {
  readonly at: number;
  readonly seq: number;
  readonly kind: number;
  readonly size: number;
  readonly state: ContentState;
  readonly data: Uint8Array;
}

/** All that one side said after its head. */
export interface Content {
  readonly chunks: readonly Chunk[];
  readonly messages: readonly Message[];
  readonly trailers: HeaderList;
  /** Bytes that passed in all. */
  readonly size: number;
  readonly state: ContentState;
  /** Whether the side was seen to its end. */
  readonly complete: boolean;
  /** When the side ended, if it did. */
  readonly endAt?: number | undefined;
}

export interface Request extends Content {
  readonly method: string;
  readonly target: string;
  readonly scheme: 'http' | 'https';
  readonly authority?: string | undefined;
  readonly version: string;
  readonly headers: HeaderList;
}

export interface ResponseHead {
  readonly at: number;
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly headers: HeaderList;
}

export interface Response extends Content, ResponseHead {}

/** A name/value note on an exchange: tenant, error, shadow. */
export interface Mark {
  readonly name: string;
  readonly value: string;
}

/** Why an exchange is not whole. */
export type PartialReason =
  /** Its start is not in what was read. */
  | 'no-start'
  /** What was read stops before it ended, or its recording did: an abort by the recorder. */
  | 'no-end'
  /** Events between are missing, as a gap says. */
  | 'events-lost'
  /** It was given up to keep memory within the assembler's limits. */
  | 'evicted';

/** One request and how it ended. */
export interface Exchange {
  readonly id: ExchangeId;
  readonly lane: string;
  readonly parent?: ExchangeId | undefined;
  readonly direction: Direction;
  readonly protocol: Protocol;
  readonly operation?: string | undefined;
  readonly peer?: string | undefined;
  readonly sampleRate: number;
  /** Sequence number of the start. */
  readonly seq: number;
  /** Nanoseconds since the capture's anchor. */
  readonly startAt: number;
  /** When its last event was seen. */
  readonly endAt: number;
  readonly request: Request;
  /** Heads with a status below 200, in order. */
  readonly informational: readonly ResponseHead[];
  /** Absent when the exchange ended without a response head. */
  readonly response?: Response | undefined;
  readonly abort?: Pick<AbortEvent, 'at' | 'by' | 'code'> | undefined;
  readonly marks: readonly Mark[];
  readonly audit: readonly AuditEntry[];
  /** Names of headers that no mask rule knew, as its audit tells. */
  readonly unknownHeaders: readonly string[];
  /** Empty when the exchange is whole. */
  readonly partial: readonly PartialReason[];
}

/** What a side holds that says nothing. */
export const emptyContent: Content = {
  chunks: [],
  messages: [],
  trailers: [],
  size: 0,
  state: 'kept',
  complete: true,
};

/** `GET /` at time 0, without headers, content and answer: what an exchange begins with that is made, not recorded. */
export const emptyExchange: Exchange = {
  id: 1,
  lane: '1',
  direction: 'inbound',
  protocol: 'http',
  sampleRate: 1,
  seq: 1,
  startAt: 0,
  endAt: 0,
  request: {
    ...emptyContent,
    method: 'GET',
    target: '/',
    scheme: 'http',
    version: '1.1',
    headers: [],
  },
  informational: [],
  marks: [],
  audit: [],
  unknownHeaders: [],
  partial: [],
};

/** The bytes of a body in one piece. */
export function bodyBytes(content: Content): Uint8Array {
  const [first] = content.chunks;
  if (first === undefined) return new Uint8Array(0);
  return content.chunks.length === 1 ? first.data : Buffer.concat(content.chunks.map((chunk) => chunk.data));
}

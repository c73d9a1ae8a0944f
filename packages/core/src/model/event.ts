import type { HeaderList } from './headers.ts';

/** Identifies an exchange within its capture. Counts from 1. */
export type ExchangeId = number;

/** Which way bytes flow: from the client to the server, or back. */
export type Side = 'request' | 'response';

/** Whether the recorded service was asked (inbound) or asked another (outbound). */
export type Direction = 'inbound' | 'outbound';

/** Server-sent events are `http`: they are a body. A WebSocket is one exchange from its handshake to its close. */
export type Protocol = 'http' | 'grpc' | 'websocket';

/**
 * What became of a body or message on its way into the capture. `kept` byte for byte; `masked`, some values replaced;
 * `truncated`, only the beginning was kept; `dropped`, with the reason: no byte was kept.
 */
export type ContentState = 'kept' | 'masked' | 'truncated' | `dropped:${string}`;

/** Place of an event in its capture. */
export interface Stamp {
  /**
   * Position in the order in which the taps saw the events of the whole capture. Rises by one per event; numbers that
   * are missing are declared by a {@link GapEvent}. Events made while recording (`body`, `audit`, `resume`, a
   * pipeline's own `gap` and a `schema` that is repeated) take no number: they repeat that of the event they follow.
   */
  readonly seq: number;
  /** Monotonic nanoseconds since the capture's anchor. */
  readonly at: number;
}

/** What is known of an exchange when it begins: where it belongs, and the head of its request. */
export interface ExchangeStart {
  readonly direction: Direction;
  readonly protocol: Protocol;
  /** Exchanges of one lane keep their order. One client connection by default. */
  readonly lane: string;
  /** The inbound exchange that caused this outbound one. */
  readonly parent?: ExchangeId | undefined;
  /** Route template or gRPC method, where it is known so early; a mark named `operation` may tell it later. */
  readonly operation?: string | undefined;
  /** Address of the other end. */
  readonly peer?: string | undefined;
  readonly scheme: 'http' | 'https';
  /** As the protocol writes it: `1.1`, `2`. */
  readonly version: string;
  readonly method: string;
  /** The request target, as sent: path and query, absolute form, or `*`. */
  readonly target: string;
  /** Host and port asked for, where the protocol carries them apart from the headers (HTTP/2). */
  readonly authority?: string | undefined;
  readonly headers: HeaderList;
}

/** An exchange begins: the head of the request has arrived (inbound) or was sent (outbound). */
export interface StartEvent extends Stamp, ExchangeStart {
  readonly type: 'start';
  readonly exchange: ExchangeId;
  /** Share of such exchanges that is recorded, over 0 up to 1: counts can be re-weighted by it. */
  readonly sampleRate: number;
}

/** A response head: informational ones (status below 200) may come before the final one. */
export interface HeadersEvent extends Stamp {
  readonly type: 'headers';
  readonly exchange: ExchangeId;
  readonly status: number;
  /** The status text as sent; empty where the protocol has none. */
  readonly reason: string;
  readonly version: string;
  readonly headers: HeaderList;
}

/**
 * A piece of a body passed. A tap's chunk carries its bytes. In a masked capture the bytes come later, in a
 * {@link BodyEvent}, because a secret can stand across two chunks; time and size stay here.
 */
export interface ChunkEvent extends Stamp {
  readonly type: 'chunk';
  readonly exchange: ExchangeId;
  readonly side: Side;
  /** Bytes that passed, whether or not they are kept. */
  readonly size: number;
  readonly data?: Uint8Array | undefined;
}

/** The masked content of chunks of one side: of the oldest that no `body` of that side has covered yet. */
export interface BodyEvent extends Stamp {
  readonly type: 'body';
  readonly exchange: ExchangeId;
  readonly side: Side;
  readonly data: Uint8Array;
  /** For each of those chunks, in order, where its share of `data` ends. Never falls; the last is `data.length`. */
  readonly ends: readonly number[];
}

/** One whole WebSocket or gRPC message. It is masked as a unit, so its bytes stand here. */
export interface MessageEvent extends Stamp {
  readonly type: 'message';
  readonly exchange: ExchangeId;
  readonly side: Side;
  /** Counts from 0 in each direction. */
  readonly index: number;
  /** The WebSocket opcode, or the gRPC compressed flag. */
  readonly kind: number;
  /** Bytes that passed, whether or not they are kept. */
  readonly size: number;
  readonly state: ContentState;
  /** Absent when dropped. */
  readonly data?: Uint8Array | undefined;
}

export interface TrailersEvent extends Stamp {
  readonly type: 'trailers';
  readonly exchange: ExchangeId;
  readonly side: Side;
  readonly headers: HeaderList;
}

/** One side has said all it will say. Each side of an exchange ends once, by this or by an {@link AbortEvent}. */
export interface EndEvent extends Stamp {
  readonly type: 'end';
  readonly exchange: ExchangeId;
  readonly side: Side;
  /** Body bytes that passed in all, kept or not. */
  readonly size: number;
  readonly state: ContentState;
  /** False when the tap could not see the whole: a request body that the application never read. */
  readonly complete: boolean;
}

/** The exchange ended before both sides had. Nothing of it follows. */
export interface AbortEvent extends Stamp {
  readonly type: 'abort';
  readonly exchange: ExchangeId;
  /** Who broke it off; `recorder` when the exchange may have gone on but its recording did not. */
  readonly by: 'client' | 'server' | 'recorder' | 'unknown';
  /** The platform's or protocol's code: `ECONNRESET`, `RST_STREAM 8`, `buffer-full`. */
  readonly code: string;
}

/** A note on an exchange. */
export interface MarkEvent extends Stamp {
  readonly type: 'mark';
  readonly exchange: ExchangeId;
  readonly name: string;
  readonly value: string;
}

/** How often a mask rule acted on a part of an exchange. Holds no value, no length and no raw path. */
export interface AuditEntry {
  readonly rule: string;
  readonly part: 'target' | 'header' | 'trailer' | 'body' | 'message' | 'address' | 'status';
  readonly side: Side;
  readonly count: number;
}

/** What masking did to an exchange. Written before its last `end` or `abort`. */
export interface AuditEvent extends Stamp {
  readonly type: 'audit';
  readonly exchange: ExchangeId;
  readonly entries: readonly AuditEntry[];
  /** Names of headers that no rule knows. */
  readonly unknownHeaders: readonly string[];
}

/** The start of an exchange again, in a file that begins while the exchange is under way (rotation). */
export interface ResumeEvent extends Stamp, ExchangeStart {
  readonly type: 'resume';
  readonly exchange: ExchangeId;
  readonly sampleRate: number;
  readonly startSeq: number;
  readonly startAt: number;
}

export const gapReasons = [
  'buffer-full',
  'sink-slow',
  'sink-failed',
  'rate-limit',
  'hook',
  'damage',
  'worker-failed',
  'mask',
] as const;
export type GapReason = (typeof gapReasons)[number];

/** Something is missing here, and how much. `at` is when it was declared. */
export interface GapEvent extends Stamp {
  readonly type: 'gap';
  readonly reason: GapReason;
  readonly fromAt: number;
  readonly toAt: number;
  /** Whole exchanges that were not recorded. */
  readonly exchanges: number;
  /** Events of recorded exchanges that are missing: sequence numbers `fromSeq` up to but without `fromSeq + events`. */
  readonly events: number;
  readonly fromSeq: number;
  /** The one exchange concerned, if it is one. */
  readonly exchange?: ExchangeId | undefined;
}

/** A change to the recording while it ran: pause, resume, a new ratio. */
export interface ControlEvent extends Stamp {
  readonly type: 'control';
  readonly name: string;
  readonly value: string;
}

/** What the wall clock said at this moment: tells a stepped clock from a passing minute. */
export interface ClockEvent extends Stamp {
  readonly type: 'clock';
  readonly wallMs: number;
}

/**
 * What is known of the messages of some protocol: written once, before the first exchange whose messages it describes, and again
 * at the beginning of each further file of the recording.
 */
export interface SchemaEvent extends Stamp {
  readonly type: 'schema';
  readonly format: SchemaFormat;
  /** For `protobuf` a serialised `google.protobuf.FileDescriptorSet`, with the files that others import. */
  readonly data: Uint8Array;
}

export const schemaFormats = ['protobuf'] as const;
export type SchemaFormat = (typeof schemaFormats)[number];

/** Events that belong to an exchange. */
export type ExchangeEvent =
  | StartEvent
  | HeadersEvent
  | ChunkEvent
  | BodyEvent
  | MessageEvent
  | TrailersEvent
  | EndEvent
  | AbortEvent
  | MarkEvent
  | AuditEvent
  | ResumeEvent;

/** What a capture is a log of. */
export type CaptureEvent = ExchangeEvent | GapEvent | ControlEvent | ClockEvent | SchemaEvent;

import type { ErrorCode } from '../errors.ts';
import type { Protocol } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';
import type { HeaderList } from '../model/headers.ts';
import type { PinnedAddresses } from './pinned-addresses.ts';

/** Bytes to put on a lane's connection, and when. */
export interface ShipmentPart {
  /** Nanoseconds after the start of the exchange. */
  readonly offsetNs: number;
  readonly bytes: Uint8Array;
  /** What it is where bytes alone do not tell: a whole message, or the end of the request. Default bytes. */
  readonly kind?: PartKind | undefined;
  /**
   * Messages of the answer that must have come before it is sent, since they had when it was recorded. Default none. The time that
   * this takes is blocked, not lag.
   */
  readonly afterMessages?: number | undefined;
}

export const partKinds = ['bytes', 'message', 'end'] as const;
export type PartKind = (typeof partKinds)[number];

/** The head of a request, for a sender whose library writes heads itself. */
export interface ShipmentHead {
  /** Absent to send that of the target. */
  readonly authority?: string | undefined;
  readonly headers: HeaderList;
}

/** An exchange made ready to send: all work that can be done ahead of its moment is done. May cross threads. */
export interface Shipment {
  readonly exchange: number;
  readonly lane: string;
  readonly protocol: Protocol;
  /** Nanoseconds since the capture's anchor. */
  readonly startAt: number;
  readonly endAt: number;
  /**
   * For HTTP the head and each body chunk at its own time: the first part stands at offset 0. With a `head` apart, the
   * messages and the end of the request; of a WebSocket each message with its opcode before it.
   */
  readonly parts: readonly ShipmentPart[];
  /** What the sender needs to ask and to read the answer: for HTTP the method, for gRPC the path of the method, for a WebSocket the target. */
  readonly method: string;
  /** Absent where it is among the parts. */
  readonly head?: ShipmentHead | undefined;
  /** How long the client was ready to wait, from the start: the sender tells the target, and gives up then. Absent for ever. */
  readonly deadlineNs?: number | undefined;
  /**
   * When the recorded client broke the exchange off, after its start: the engine then calls {@link LaneSender.abandon}.
   * Absent when it waited for the end.
   */
  readonly abandonNs?: number | undefined;
  /** Must not be put behind an unanswered exchange on one connection: it was not recorded so. */
  readonly alone?: boolean | undefined;
}

/** Why an exchange cannot be sent. */
export interface Unsendable {
  readonly skip: string;
}

/** How sending failed: a code of `GardenhoseError` and a sentence. */
export interface AnswerError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What came back, as it came. All times are the engine's: nanoseconds since the run's time zero. */
export interface Answer {
  readonly exchange: number;
  /** When the first byte of the request was given to the kernel; absent when none was. */
  readonly sentAt?: number | undefined;
  /** When the first byte of the response came; absent when none did. */
  readonly firstByteAt?: number | undefined;
  readonly endAt: number;
  readonly informational: readonly AnswerHead[];
  readonly head?: AnswerHead | undefined;
  readonly chunks: readonly AnswerChunk[];
  readonly trailers: readonly string[];
  /** Each of `chunks` is a whole message, of its `kind`. */
  readonly inMessages?: boolean | undefined;
  /** When each part was handed over, as far as it came; where the sender knows. */
  readonly partsSentAt?: readonly number[] | undefined;
  /** How long each of those was held back past its time by {@link ShipmentPart.afterMessages}; absent when none was. */
  readonly partsBlockedNs?: readonly number[] | undefined;
  /** How many parts were sent without the messages that they should have come after, when those did not come in time. */
  readonly partsUnawaited?: number | undefined;
  /**
   * How late each later piece of a body left, by its place in the plan from the moment at which the first left; where there were any, and the
   * sender tells no {@link partsSentAt}.
   */
  readonly laterLagsNs?: readonly number[] | undefined;
  /** Body bytes that came, kept or not. */
  readonly size: number;
  /** Whether bytes beyond the sender's limit were left out of `chunks`. */
  readonly truncated: boolean;
  /** The exchange was broken off by this side, at the moment the recorded client did. */
  readonly abandoned?: boolean | undefined;
  /** It was ended by its own deadline. */
  readonly deadlineExceeded?: boolean | undefined;
  /** It was sent twice: the target had closed the connection before it looked at the first. */
  readonly resent?: boolean | undefined;
  readonly error?: AnswerError | undefined;
}

export interface AnswerChunk {
  readonly at: number;
  readonly data: Uint8Array;
  /** Of a message: as in a capture. Default 0. */
  readonly kind?: number | undefined;
}

export interface AnswerHead {
  readonly at: number;
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly headers: readonly string[];
}

/** The engine's time, for senders: read it, and be called at a point in it. */
export interface RunTimer {
  /** Nanoseconds since the run's time zero; below 0 before it. */
  nowNs(): number;
  /** Calls `run` once, as near to `atNs` as the engine can; returns the undo. */
  at(atNs: number, run: () => void): () => void;
}

/** Sends the shipments of one lane, over as many connections as the lane needs. */
export interface LaneSender {
  /**
   * Connects for an exchange of this protocol, if the lane is not connected. Resolves to what went wrong, if something did;
   * never rejects.
   */
  warm(protocol: Protocol): Promise<AnswerError | undefined>;
  /** Starts to send now; later parts at their offsets. Resolves when the answer is whole or has failed; never rejects. */
  send(shipment: Shipment, overlapsPrevious: boolean): Promise<Answer>;
  /**
   * Ends an exchange that is under way: its answer resolves at once with what came so far. Its connection is closed, where
   * the protocol has no other way to say so.
   * With the given error; without one, the answer says that it was abandoned.
   */
  abandon(exchange: number, error?: AnswerError): void;
  close(): void;
}

/** How a worker makes its own sender: the URL of a module whose named export `openSender` takes `options`. */
export interface SenderSource {
  readonly url: string;
  /** Can be cloned. */
  readonly options: unknown;
  /**
   * Mebibytes of the worker's young generation. A large one is collected seldom, which is good where nearly all of it is garbage
   * by then; where much of it survives, each collection takes as long as a small one would take in many parts. Default 64.
   */
  readonly youngGenerationMb?: number | undefined;
}

/** What a sender module exports. */
export interface SenderModule {
  openSender(options: unknown): Sender | Promise<Sender>;
}

/** What a sender must keep to for a run. */
export interface SenderMeasures {
  /** Where the names of targets lead: it connects there and nowhere else. */
  readonly addresses: PinnedAddresses;
  /** Hosts that a target in this process may connect to, besides loopback. */
  readonly egress: 'allow' | readonly string[];
}

/** The piece of an adapter that sends exchanges to a target. */
export interface Sender {
  /** Where it sends: an origin, or `in-process` for a target that no network leads to. */
  readonly target: string;
  /** All origins that it sends to, where they are more than `target`. */
  readonly targets?: readonly string[] | undefined;
  /** Lets the engine run in a worker. A sender without it is run in the thread it was made in. */
  readonly source?: SenderSource | undefined;
  /**
   * Makes an exchange ready: pure, and the same on any thread. `recorded` is the exchange before hooks saw it, where there
   * are hooks: what the sender sets by itself, such as the host, it leaves alone where a hook has set it. What stands in `Host`
   * or `:authority` in the end is what `authority` makes of it, where that is given.
   */
  prepare(
    exchange: Exchange,
    recorded?: Exchange,
    authority?: (authority: string) => string,
  ): Shipment | Unsendable;
  /**
   * Called once for a run, before anything is prepared for it, with what its guard found and asks for. Returns what undoes it, for
   * the end of the run.
   */
  secure?(measures: SenderMeasures): () => void;
  /** Opens a lane. */
  openLane(lane: string, timer: RunTimer): LaneSender;
  /** Runs the sender's own code warm, without a byte to the target, so that the first exchange is not late. */
  rehearse?(timer: RunTimer): Promise<void>;
  close(): Promise<void>;
}

export function isUnsendable(prepared: Shipment | Unsendable): prepared is Unsendable {
  return 'skip' in prepared;
}

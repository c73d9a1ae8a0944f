import type { ErrorCode } from '../errors.ts';
import type { Exchange } from '../model/exchange.ts';

/** Bytes to put on a lane's connection, and when. */
export interface ShipmentPart {
  /** Nanoseconds after the start of the exchange, as recorded. */
  readonly offsetNs: number;
  readonly bytes: Uint8Array;
}

/** An exchange made ready to send: all work that can be done ahead of its moment is done. May cross threads. */
export interface Shipment {
  readonly exchange: number;
  readonly lane: string;
  /** Nanoseconds since the capture's anchor. */
  readonly startAt: number;
  readonly endAt: number;
  /** The head, and each body chunk or message at its own time. The first part stands at offset 0. */
  readonly parts: readonly ShipmentPart[];
  /** What the sender needs to read the answer: for HTTP the method, which tells whether a body follows. */
  readonly method: string;
}

/** Why an exchange cannot be sent. */
export interface Unsendable {
  readonly skip: string;
}

/** What came back, as it came. `at` and all times are nanoseconds of the engine's clock, since the run's time zero. */
export interface Answer {
  readonly exchange: number;
  /** When the first byte of the request was given to the kernel. */
  readonly sentAt: number;
  /** When the first byte of the response head came; absent when none did. */
  readonly firstByteAt?: number | undefined;
  readonly endAt: number;
  readonly informational: readonly AnswerHead[];
  readonly head?: AnswerHead | undefined;
  readonly chunks: readonly { readonly at: number; readonly data: Uint8Array }[];
  readonly trailers: readonly string[];
  /** How it failed: a code of `GardenhoseError` and a sentence. */
  readonly error?: { readonly code: ErrorCode; readonly message: string } | undefined;
}

export interface AnswerHead {
  readonly at: number;
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly headers: readonly string[];
}

/** Sends the shipments of one lane, over as many connections as the lane needs. */
export interface LaneSender {
  /** Starts to send now; later parts at their offsets. Resolves when the answer is whole or has failed; never rejects. */
  send(shipment: Shipment, overlapsPrevious: boolean): Promise<Answer>;
  close(): void;
}

/** The piece of an adapter that sends exchanges to a target. */
export interface Sender {
  /** Makes an exchange ready: pure, and the same on any thread. */
  prepare(exchange: Exchange): Shipment | Unsendable;
  /** Opens a lane, connected and warm, before it is needed. */
  openLane(lane: string): LaneSender;
  close(): Promise<void>;
}

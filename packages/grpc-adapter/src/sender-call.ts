import type { Answer, AnswerError, RunTimer, Shipment, ShipmentPart } from '@gardenhose/core';
import type { GrpcCall, GrpcChannel, GrpcLibrary, GrpcMetadata, GrpcStatus } from './library.ts';
import { localFailure, metadataList, statusTrailers } from './to-answer.ts';

export interface CallLimits {
  /** Bytes kept of the messages of one answer. */
  readonly maxBodyBytes: number;
  /** Bytes of one message; grpc-js ends a call with a larger one. */
  readonly maxMessageBytes: number;
  /** Bytes kept of all answers that are under way: one for all calls of a sender. */
  readonly room: { bytes: number };
}

/** What it costs to keep a message besides its bytes: a stream of empty ones shall not fill the memory either. */
const messageCost = 128;
/** `grpc.writeFlags.NO_COMPRESS` of old versions, which newer ones do not export. */
const noCompress = 2;

/** One call under way: sends its parts at their times, and takes what comes. */
export class SentCall {
  readonly answered: Promise<Answer>;
  readonly #shipment: Shipment;
  readonly #library: GrpcLibrary;
  readonly #timer: RunTimer;
  readonly #target: string;
  readonly #limits: CallLimits;
  #call: GrpcCall | undefined;
  #begunAt = 0;
  #sentAt: number | undefined;
  #deadlineMs: number = Number.POSITIVE_INFINITY;
  #nextPart = 0;
  readonly #partsSentAt: number[] = [];
  #writing = false;
  #undoPart: (() => void) | undefined;
  #headAt: number | undefined;
  #headers: readonly string[] = [];
  readonly #messages: { at: number; data: Uint8Array }[] = [];
  #kept = 0;
  #size = 0;
  #truncated = false;
  #settled = false;
  #resolve: (answer: Answer) => void = () => {};

  constructor(shipment: Shipment, library: GrpcLibrary, timer: RunTimer, target: string, limits: CallLimits) {
    this.#shipment = shipment;
    this.#library = library;
    this.#timer = timer;
    this.#target = target;
    this.#limits = limits;
    this.answered = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Starts now; the parts follow at their offsets from here. */
  start(channel: GrpcChannel, metadata: GrpcMetadata): void {
    const { method, deadlineNs, head } = this.#shipment;
    this.#begunAt = this.#timer.nowNs();
    if (deadlineNs !== undefined) this.#deadlineMs = Date.now() + deadlineNs / 1e6;
    try {
      const call = channel.createCall(method, this.#deadlineMs, head?.authority, null, undefined);
      this.#call = call;
      call.start(metadata, {
        onReceiveMetadata: (headers) => {
          this.#headAt = this.#timer.nowNs();
          this.#headers = metadataList(headers);
        },
        onReceiveMessage: (message: Buffer) => {
          this.#take(message);
          // Never paused: a target that waits for room to send would be slower than it is.
          call.startRead();
        },
        onReceiveStatus: (status) => this.#ended(status),
      });
      this.#sentAt = this.#begunAt;
      call.startRead();
      this.#send();
    } catch (error) {
      // Such as a channel that was closed, or metadata that only the library knows to be wrong.
      const kind = error instanceof Error ? error.name : typeof error;
      this.#settle({
        error: { code: 'request-invalid', message: `grpc-js did not take the call (${kind})` },
      });
    }
  }

  /** Ends it with what came so far: with the error that is given, or as its client did. */
  abandon(error?: AnswerError): void {
    if (this.#settled) return;
    this.#settle(error === undefined ? { abandoned: true } : { error });
    this.#call?.cancelWithStatus(this.#library.status.CANCELLED, 'Cancelled by the replay');
  }

  /**
   * Sends what is due, in order. grpc-js holds one message at a time, and compresses out of order: the next waits until the one
   * before it is written.
   */
  #send(): void {
    this.#undoPart = undefined;
    const { parts } = this.#shipment;
    for (let part = parts[this.#nextPart]; part !== undefined; part = parts[this.#nextPart]) {
      // An end is kept behind the message that is being written by grpc-js itself.
      if (this.#settled || (this.#writing && part.kind !== 'end')) return;
      const now = this.#timer.nowNs();
      const dueAt = this.#begunAt + part.offsetNs;
      if (dueAt > now) {
        // Written by then or not, it is looked at again at its time.
        this.#undoPart = this.#timer.at(dueAt, () => this.#send());
        return;
      }
      this.#nextPart++;
      this.#partsSentAt.push(now);
      if (part.kind === 'end') this.#call?.halfClose();
      else this.#write(part);
    }
  }

  #write({ bytes, kind }: ShipmentPart): void {
    this.#writing = true;
    const flags = kind === 'compressed' ? 0 : noCompress;
    const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const callback = () => {
      this.#writing = false;
      // With a timer set, the next is not due.
      if (this.#undoPart === undefined) this.#send();
    };
    this.#call?.sendMessageWithContext({ flags, callback }, message);
  }

  #take(message: Buffer): void {
    this.#size += message.length;
    const cost = message.length + messageCost;
    const { maxBodyBytes, room } = this.#limits;
    // What is kept is a beginning: nothing is kept behind what was left out.
    this.#truncated ||= this.#kept + cost > maxBodyBytes || cost > room.bytes;
    if (this.#truncated) return;
    this.#kept += cost;
    room.bytes -= cost;
    this.#messages.push({ at: this.#timer.nowNs(), data: message });
  }

  #ended(status: GrpcStatus): void {
    if (this.#settled) return;
    if (
      status.code === this.#library.status.DEADLINE_EXCEEDED &&
      status.details.startsWith('Deadline exceeded') &&
      Date.now() >= this.#deadlineMs - 1
    ) {
      this.#settle({ deadlineExceeded: true });
      return;
    }
    const error = localFailure(status, this.#target, this.#limits.maxMessageBytes);
    if (error === undefined) this.#settle({ trailers: statusTrailers(status) });
    else {
      if (error.code === 'target-unreachable') this.#sentAt = undefined;
      this.#settle({ error });
    }
  }

  #settle(how: Partial<Pick<Answer, 'error' | 'abandoned' | 'deadlineExceeded' | 'trailers'>>): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#undoPart?.();
    this.#limits.room.bytes += this.#kept;
    const endAt = this.#timer.nowNs();
    // Trailers that came alone stand in the place of a head.
    const headAt = this.#headAt ?? (how.trailers === undefined ? undefined : endAt);
    this.#resolve({
      exchange: this.#shipment.exchange,
      sentAt: this.#sentAt,
      firstByteAt: headAt,
      endAt,
      informational: [],
      head:
        headAt === undefined
          ? undefined
          : { at: headAt, status: 200, reason: '', version: '2', headers: this.#headers },
      chunks: this.#messages,
      trailers: how.trailers ?? [],
      inMessages: true,
      partsSentAt: this.#partsSentAt,
      size: this.#size,
      truncated: this.#truncated,
      abandoned: how.abandoned,
      deadlineExceeded: how.deadlineExceeded,
      error: how.error,
    });
  }
}

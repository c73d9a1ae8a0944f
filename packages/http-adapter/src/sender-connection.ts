import type { Duplex } from 'node:stream';
import {
  type Answer,
  type AnswerError,
  type AnswerHead,
  type RunTimer,
  type Shipment,
  systemClock,
} from '@gardenhose/core';
import { AnswerChunks } from './answer-chunks.ts';
import { ResponseFault, type ResponseLimits, ResponseParser } from './response-parser.ts';

/** A way to the target. */
export interface Line {
  readonly stream: Duplex;
  /** The event that says that it is connected; absent when it is from the start. */
  readonly readyOn?: 'connect' | 'secureConnect' | undefined;
  /** It hands data to the function that it was dialled with, in memory that is used again, and emits none. Default false. */
  readonly lendsData?: boolean | undefined;
}

export interface ConnectionOptions {
  /** The target in messages. */
  readonly target: string;
  /** `onData` takes what comes where the line can hand it over without an event and a buffer for each read. */
  readonly dial: (onData?: (data: Buffer) => void) => Line;
  readonly limits: ResponseLimits;
  /** Bytes kept of one answer's body. */
  readonly maxBodyBytes: number;
  /** Bytes kept of all answers that are under way: one for all connections of a sender. */
  readonly room: { bytes: number };
  readonly connectTimeoutMs: number;
  /** The target is in this process: no socket is held open when it does not close its end. Default false. */
  readonly local?: boolean | undefined;
}

/** A target that answers all that is under way with bodies without end shall not fill the memory. */
export const maxBytesUnderWay: number = 256 * 1024 * 1024;

/** An exchange on its way over a connection. */
export class Delivery {
  readonly shipment: Shipment;
  readonly answered: Promise<Answer>;
  sentAt: number | undefined;
  /** When it began on the present connection: its parts are due from here. */
  begunAt = 0;
  nextPart = 0;
  /** How late each part after the first left. */
  laterLags: number[] = [];
  firstByteAt: number | undefined;
  readonly informational: AnswerHead[] = [];
  head: AnswerHead | undefined;
  readonly chunks: AnswerChunks = new AnswerChunks();
  kept = 0;
  /** Where the room for what is kept was taken from. */
  room: { bytes: number } | undefined;
  size = 0;
  trailers: readonly string[] = [];
  resent = false;
  #resolve: (answer: Answer) => void = () => {};

  constructor(shipment: Shipment) {
    this.shipment = shipment;
    this.answered = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  settle(endAt: number, how: { readonly error?: AnswerError; readonly abandoned?: boolean } = {}): void {
    if (this.room !== undefined) this.room.bytes += this.kept;
    const { sentAt, firstByteAt, informational, head, chunks, trailers, size, resent } = this;
    this.#resolve({
      exchange: this.shipment.exchange,
      sentAt,
      firstByteAt,
      endAt,
      informational,
      head,
      chunks: chunks.list,
      trailers,
      size,
      truncated: this.kept < size,
      laterLagsNs: this.laterLags.length === 0 ? undefined : this.laterLags,
      resent: resent || undefined,
      ...how,
    });
  }
}

/** RFC 9110 section 9.2.2: sending these twice does what sending them once does. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** One connection to the target: writes deliveries one after the other, and reads their answers in the same order. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #timer: RunTimer;
  readonly #stream: Duplex;
  readonly #parser: ResponseParser;
  /** What is read is in memory that is used again. */
  readonly #lent: boolean;
  /** Those that are not answered, in order. */
  readonly #queue: Delivery[] = [];
  /** How many of them are written to their end. */
  #written = 0;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #answered = 0;
  /** The target said that it answers no more on this connection. */
  #lastAnswer = false;
  #problem: AnswerError | undefined;
  #undoPart: (() => void) | undefined;
  readonly #undoTimeout: () => void;
  #onReady: ((problem: AnswerError | undefined) => void)[] = [];
  /** Takes back deliveries that the target provably did not look at. */
  readonly #takeBack: (deliveries: readonly Delivery[]) => void;

  constructor(
    options: ConnectionOptions,
    timer: RunTimer,
    takeBack: (deliveries: readonly Delivery[]) => void,
  ) {
    this.#options = options;
    this.#timer = timer;
    this.#takeBack = takeBack;
    this.#parser = new ResponseParser(options.limits, {
      informational: (head) => this.#queue[0]?.informational.push(head),
      head: (head) => {
        const delivery = this.#queue[0];
        if (delivery !== undefined) delivery.head = head;
      },
      body: (data, at) => this.#body(data, at),
      trailers: (headers) => {
        const delivery = this.#queue[0];
        if (delivery !== undefined) delivery.trailers = headers;
      },
    });
    const onData = (data: Buffer) => this.#data(data);
    const { stream, readyOn, lendsData = false } = options.dial(onData);
    this.#stream = stream;
    this.#lent = lendsData;
    if (!lendsData) stream.on('data', onData);
    stream.on('end', () => this.#ended());
    stream.on('error', (error: NodeJS.ErrnoException) => this.#failed(error));
    stream.on('close', () => this.#closed());
    if (readyOn === undefined) {
      this.#state = 'open';
      this.#undoTimeout = () => {};
    } else {
      stream.once(readyOn, () => this.#opened());
      this.#undoTimeout = systemClock.after(options.connectTimeoutMs, () => {
        this.#problem ??= {
          code: 'target-unreachable',
          message: `${options.target} took longer than ${options.connectTimeoutMs} ms to connect`,
        };
        stream.destroy();
      });
    }
  }

  /** Whether something can still be sent on it. */
  get usable(): boolean {
    return this.#state !== 'closed' && !this.#lastAnswer;
  }

  get idle(): boolean {
    return this.#queue.length === 0;
  }

  ready(): Promise<AnswerError | undefined> {
    if (this.#state === 'open') return Promise.resolve(undefined);
    if (this.#state === 'closed') return Promise.resolve(this.#problem);
    return new Promise((resolve) => this.#onReady.push(resolve));
  }

  send(delivery: Delivery): void {
    delivery.nextPart = 0;
    delivery.laterLags = [];
    this.#queue.push(delivery);
    if (this.#state === 'open') this.#write();
  }

  /** Ends a delivery with what came so far, and the connection with it. False when it is not on this connection. */
  abandon(exchange: number, error: AnswerError | undefined): boolean {
    const place = this.#queue.findIndex(({ shipment }) => shipment.exchange === exchange);
    const [delivery] = place < 0 ? [] : this.#queue.splice(place, 1);
    if (delivery === undefined) return false;
    if (place < this.#written) this.#written--;
    delivery.settle(this.#timer.nowNs(), error === undefined ? { abandoned: true } : { error });
    this.#problem ??= {
      code: 'connection-closed',
      message: 'Its connection was closed because another exchange on it was given up',
    };
    this.#stream.destroy();
    this.#closed();
    return true;
  }

  close(): void {
    this.#problem ??= { code: 'replay-aborted', message: 'The replay was ended before the answer came' };
    this.#stream.destroy();
    this.#closed();
  }

  #opened(): void {
    if (this.#state !== 'connecting') return;
    this.#undoTimeout();
    this.#state = 'open';
    for (const resolve of this.#onReady.splice(0)) resolve(undefined);
    this.#write();
  }

  /** Writes what is due, in order: a delivery begins when the one before it is written to its end. */
  #write(): void {
    this.#undoPart?.();
    this.#undoPart = undefined;
    for (
      let delivery = this.#queue[this.#written];
      delivery !== undefined;
      delivery = this.#queue[this.#written]
    ) {
      if (this.#state !== 'open') return;
      const { parts } = delivery.shipment;
      for (let part = parts[delivery.nextPart]; part !== undefined; part = parts[delivery.nextPart]) {
        if (delivery.nextPart === 0) {
          delivery.begunAt = this.#timer.nowNs();
          delivery.sentAt ??= delivery.begunAt;
        } else {
          const dueAt = delivery.begunAt + part.offsetNs;
          const lateNs = this.#timer.nowNs() - dueAt;
          if (lateNs < 0) {
            this.#undoPart = this.#timer.at(dueAt, () => this.#write());
            return;
          }
          if (part.offsetNs > 0) delivery.laterLags.push(lateNs);
        }
        delivery.nextPart++;
        this.#stream.write(part.bytes);
      }
      this.#written++;
    }
  }

  #data(data: Buffer): void {
    const at = this.#timer.nowNs();
    try {
      for (let from = 0; from < data.length; ) {
        const delivery = this.#queue[0];
        if (delivery?.sentAt === undefined || this.#lastAnswer) {
          // Some servers tell an idle client that they close; no exchange is concerned. None is given to it any more either.
          this.#stream.destroy();
          this.#closed();
          return;
        }
        if (this.#parser.done) this.#parser.expect(delivery.shipment.method);
        delivery.firstByteAt ??= at;
        from = this.#parser.execute(data, from, at);
        if (this.#parser.done) this.#finished(delivery, at);
      }
    } catch (error) {
      if (!(error instanceof ResponseFault)) throw error;
      this.#problem ??= {
        code: error.code,
        message: `What ${this.#options.target} answered is not valid HTTP/1.1: ${error.message}`,
      };
      if (error.code === 'response-limit') {
        this.#problem = {
          code: error.code,
          message: `The answer of ${this.#options.target} is over a limit: ${error.message}`,
        };
      }
      this.#stream.destroy();
      this.#closed();
    }
  }

  #body(data: Uint8Array, at: number): void {
    const delivery = this.#queue[0];
    if (delivery === undefined || data.length === 0) return;
    delivery.size += data.length;
    const { maxBodyBytes, room: shared } = this.#options;
    const room = Math.min(maxBodyBytes - delivery.kept, shared.bytes);
    // What is kept is a beginning: nothing is added behind what was left out.
    if (room <= 0 || delivery.size - data.length > delivery.kept) return;
    const kept = data.length <= room ? data : data.subarray(0, room);
    delivery.kept += kept.length;
    shared.bytes -= kept.length;
    delivery.room = shared;
    delivery.chunks.add(at, this.#lent ? Buffer.from(kept) : kept);
  }

  #finished(delivery: Delivery, at: number): void {
    this.#queue.shift();
    const whole = this.#written > 0;
    if (whole) this.#written--;
    this.#answered++;
    // An answer that came before its request was written to its end leaves the connection in an unknown state.
    if (!this.#parser.keepAlive || !whole) this.#lastAnswer = true;
    delivery.settle(at);
    if (this.#lastAnswer) {
      // A socket is not left to the target to close. In this process, the server ends as it would on an end from afar.
      if (this.#options.local === true && whole && !this.#parser.upgraded) this.#stream.end();
      else this.#stream.destroy();
      this.#closed();
    }
  }

  #ended(): void {
    const delivery = this.#queue[0];
    if (delivery !== undefined && !this.#parser.done && this.#parser.finish()) {
      this.#finished(delivery, this.#timer.nowNs());
    }
    this.#stream.destroy();
    this.#closed();
  }

  #failed(error: NodeJS.ErrnoException): void {
    const { target } = this.#options;
    const code = error.code ?? error.name;
    this.#problem ??=
      this.#state === 'connecting'
        ? { code: 'target-unreachable', message: unreachable(target, code) }
        : { code: 'connection-closed', message: `${target} broke the connection (${code})` };
  }

  /** Settles what was not answered, once. */
  #closed(): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#undoTimeout();
    this.#undoPart?.();
    this.#problem ??= wasOpen
      ? {
          code: 'connection-closed',
          message: `${this.#options.target} closed the connection before its answer was whole`,
        }
      : {
          code: 'target-unreachable',
          message: `${this.#options.target} closed the connection before it was made`,
        };
    const problem = this.#problem;
    for (const resolve of this.#onReady.splice(0)) resolve(problem);
    const endAt = this.#timer.nowNs();
    const back: Delivery[] = [];
    for (const [place, delivery] of this.#queue.splice(0).entries()) {
      if (problem.code !== 'replay-aborted' && this.#wasIgnored(delivery, place, wasOpen))
        back.push(delivery);
      else delivery.settle(endAt, { error: problem });
    }
    if (back.length > 0) this.#takeBack(back);
  }

  /** Whether the target cannot have acted on it, or it does not matter if it did. */
  #wasIgnored(delivery: Delivery, place: number, wasOpen: boolean): boolean {
    if (delivery.sentAt === undefined) return wasOpen;
    if (delivery.firstByteAt !== undefined) return false;
    // RFC 9112 section 9.6: nothing behind the answer that says close is processed. One was answered, so this ends.
    if (this.#lastAnswer) return true;
    // The target closed an idle connection as the request went out.
    return (
      !delivery.resent &&
      place === 0 &&
      this.#answered > 0 &&
      this.#problem?.code === 'connection-closed' &&
      idempotent.has(delivery.shipment.method)
    );
  }
}

/** Why there is no connection, and what to do. */
export function unreachable(target: string, code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `Nothing listens at ${target} (ECONNREFUSED); start the target or correct the port`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host of ${target} is not known (${code})`;
    default:
      return `${target} cannot be connected (${code})`;
  }
}

import type { Duplex } from 'node:stream';
import { type Answer, type AnswerError, type RunTimer, type Shipment, systemClock } from '@gardenhose/core';
import { unreachable } from '../sender-connection.ts';
import { SentSocket, type SocketOptions } from './sent-socket.ts';

interface UnderWay {
  readonly exchange: number;
  readonly connection: DialedConnection;
  socket: SentSocket | undefined;
  /** Set when it was ended before it had a connection. */
  ended: Pick<Answer, 'error' | 'abandoned'> | undefined;
}

/** The WebSockets of a lane: each has a connection of its own. */
export class SocketLane {
  readonly #options: SocketOptions;
  readonly #timer: RunTimer;
  readonly #underWay = new Set<UnderWay>();
  /** Connected ahead, for the next one. */
  #spare: DialedConnection | undefined;

  constructor(options: SocketOptions, timer: RunTimer) {
    this.#options = options;
    this.#timer = timer;
  }

  warm(): Promise<AnswerError | undefined> {
    if (this.#spare?.state === 'closed') this.#spare = undefined;
    this.#spare ??= new DialedConnection(this.#options);
    return this.#spare.ready;
  }

  async send(shipment: Shipment): Promise<Answer> {
    const spare = this.#spare;
    this.#spare = undefined;
    const connection =
      spare === undefined || spare.state === 'closed' ? new DialedConnection(this.#options) : spare;
    const entry: UnderWay = { exchange: shipment.exchange, connection, socket: undefined, ended: undefined };
    this.#underWay.add(entry);
    try {
      // No promise is waited for where there is a connection: it would be sent late.
      const error = connection.state === 'open' ? undefined : await connection.ready;
      if (entry.ended !== undefined) return this.#unsent(shipment, entry.ended);
      if (error !== undefined) return this.#unsent(shipment, { error });
      entry.socket = new SentSocket(shipment, this.#options, this.#timer, connection.hand());
      entry.socket.begin();
      return await entry.socket.answered;
    } finally {
      this.#underWay.delete(entry);
    }
  }

  /** False when it is not one of this lane. */
  abandon(exchange: number, error: AnswerError | undefined): boolean {
    for (const entry of this.#underWay) {
      if (entry.exchange !== exchange) continue;
      this.#end(entry, error);
      return true;
    }
    return false;
  }

  close(): void {
    this.#spare?.close();
    const error = { code: 'replay-aborted', message: 'The replay was ended before the answer came' } as const;
    for (const entry of this.#underWay) this.#end(entry, error);
  }

  #end(entry: UnderWay, error: AnswerError | undefined): void {
    if (entry.socket !== undefined) {
      entry.socket.abandon(error);
      return;
    }
    entry.ended ??= error === undefined ? { abandoned: true } : { error };
    entry.connection.close();
  }

  #unsent({ exchange }: Shipment, how: Pick<Answer, 'error' | 'abandoned'>): Answer {
    const endAt = this.#timer.nowNs();
    return {
      exchange,
      endAt,
      informational: [],
      chunks: [],
      trailers: [],
      size: 0,
      truncated: false,
      ...how,
    };
  }
}

/** A connection to the target that nothing was sent on. */
class DialedConnection {
  state: 'connecting' | 'open' | 'closed' = 'connecting';
  /** Resolves to what went wrong, if something did. */
  readonly ready: Promise<AnswerError | undefined>;
  readonly #stream: Duplex;
  readonly #forget: () => void;

  constructor({ target, dial, connectTimeoutMs }: SocketOptions) {
    const { stream, readyOn } = dial();
    this.#stream = stream;
    let settle: (problem: AnswerError | undefined) => void = () => {};
    this.ready = new Promise((resolve) => {
      settle = resolve;
    });
    const closed = (message: string): void => {
      undo();
      this.state = 'closed';
      settle({ code: 'target-unreachable', message });
      stream.destroy();
    };
    const opened = (): void => {
      undo();
      if (this.state === 'connecting') this.state = 'open';
      settle(undefined);
    };
    const failed = (error: NodeJS.ErrnoException): void =>
      closed(unreachable(target, error.code ?? error.name));
    const gone = (): void => closed(`${target} closed the connection before it was made`);
    const undo = systemClock.after(connectTimeoutMs, () =>
      closed(`${target} took longer than ${connectTimeoutMs} ms to connect`),
    );
    stream.on('error', failed);
    stream.on('close', gone);
    this.#forget = () => {
      stream.off('error', failed);
      stream.off('close', gone);
    };
    if (readyOn === undefined) opened();
    else stream.once(readyOn, opened);
  }

  /** Hands the stream over: its events are the taker's from here on. */
  hand(): Duplex {
    this.#forget();
    return this.#stream;
  }

  close(): void {
    this.#stream.destroy();
  }
}

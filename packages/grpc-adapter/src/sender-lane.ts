import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { Answer, AnswerError, LaneSender, RunTimer, Shipment } from '@gardenhose/core';
import { type CallFacts, type CallOwner, SentCall } from './sender-call.ts';
import type { Connection } from './sender-connection.ts';

/** One lane: its calls go side by side over one connection, as they did when they were recorded. */
export class GrpcLane implements LaneSender, CallOwner {
  readonly #facts: CallFacts;
  readonly #timer: RunTimer;
  readonly #connection: Connection;
  readonly #release: () => void;
  /** In no order. Not a map: its tables would keep calls alive that are long over. */
  readonly #calls: { readonly exchange: number; readonly call: SentCall }[] = [];
  #closed = false;

  /** @param release - Called when the lane closes and needs its connection no longer. */
  constructor(facts: CallFacts, timer: RunTimer, connection: Connection, release: () => void) {
    this.#facts = facts;
    this.#timer = timer;
    this.#connection = connection;
    this.#release = release;
  }

  warm(): Promise<AnswerError | undefined> {
    return this.#connection.connect();
  }

  async send(shipment: Shipment): Promise<Answer> {
    const call = new SentCall(shipment, this.#facts, this, this.#timer);
    const entry = { exchange: shipment.exchange, call };
    if (this.#closed) call.abandon(ended);
    else {
      this.#calls.push(entry);
      this.#connection.give(call);
    }
    const answer = await call.answered;
    this.#connection.withdraw(call);
    const place = this.#calls.indexOf(entry);
    const last = place < 0 ? undefined : this.#calls.pop();
    if (last !== undefined && last !== entry) this.#calls[place] = last;
    return answer;
  }

  abandon(exchange: number, error?: AnswerError): void {
    this.#calls.find((entry) => entry.exchange === exchange)?.call.abandon(error);
  }

  released(session: ClientHttp2Session): void {
    this.#connection.released(session);
  }

  unseen(session: ClientHttp2Session, stream: ClientHttp2Stream): boolean {
    return this.#connection.unseen(session, stream);
  }

  again(call: SentCall, session: ClientHttp2Session): void {
    this.#connection.giveAfter(session, call);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { call } of [...this.#calls]) call.abandon(ended);
    this.#release();
  }
}

const ended: AnswerError = {
  code: 'replay-aborted',
  message: 'The replay was ended before the answer came',
};

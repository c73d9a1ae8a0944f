import type { Answer, AnswerError, LaneSender, RunTimer, Shipment } from '@gardenhose/core';
import type { GrpcLibrary, GrpcMetadata } from './library.ts';
import { type CallLimits, SentCall } from './sender-call.ts';
import type { Channels, Coding } from './sender-channel.ts';

/** What all lanes of a sender share. */
export interface LaneFacts {
  readonly library: GrpcLibrary;
  /** The target in messages. */
  readonly target: string;
  readonly limits: CallLimits;
}

/** One lane: its calls go side by side over one channel, as there was one connection when they were recorded. */
export class GrpcLane implements LaneSender {
  readonly #facts: LaneFacts;
  readonly #timer: RunTimer;
  readonly #channels: Channels;
  readonly #release: () => void;
  readonly #calls = new Map<number, SentCall>();
  #warmed: Promise<AnswerError | undefined> | undefined;
  #closed = false;

  /** @param release - Called when the lane closes and needs its channels no longer. */
  constructor(facts: LaneFacts, timer: RunTimer, channels: Channels, release: () => void) {
    this.#facts = facts;
    this.#timer = timer;
    this.#channels = channels;
    this.#release = release;
  }

  warm(): Promise<AnswerError | undefined> {
    this.#warmed = this.#channels.connect();
    return this.#warmed;
  }

  async send(shipment: Shipment): Promise<Answer> {
    const { library, target, limits } = this.#facts;
    const call = new SentCall(shipment, library, this.#timer, target, limits);
    if (this.#closed) call.abandon(ended);
    else {
      const { metadata, coding } = readMetadata(library, shipment);
      this.#calls.set(shipment.exchange, call);
      call.start(this.#channels.get(coding), metadata);
    }
    const answer = await call.answered;
    this.#calls.delete(shipment.exchange);
    // A call is not told why there is no connection.
    const why = answer.error?.code === 'target-unreachable' ? await this.#warmed : undefined;
    return why === undefined ? answer : { ...answer, error: why };
  }

  abandon(exchange: number, error?: AnswerError): void {
    this.#calls.get(exchange)?.abandon(error);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of this.#calls.values()) call.abandon(ended);
    this.#release();
  }
}

const ended: AnswerError = {
  code: 'replay-aborted',
  message: 'The replay was ended before the answer came',
};

/** The metadata of a call, and the coding of its messages, which grpc-js writes itself. */
function readMetadata(
  library: GrpcLibrary,
  { head }: Shipment,
): { readonly metadata: GrpcMetadata; readonly coding: Coding } {
  const metadata = new library.Metadata();
  const headers = head?.headers ?? [];
  let coding: Coding = 'identity';
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    if (name === 'grpc-encoding') coding = value === 'deflate' ? 'deflate' : 'gzip';
    else metadata.add(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  }
  return { metadata, coding };
}

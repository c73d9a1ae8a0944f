import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import type { Answer, AnswerError, RunTimer, Shipment, ShipmentPart } from '@gardenhose/core';
import { AnswerMessages, type MessageLimits } from './answer-messages.ts';
import { type CallTarget, requestHeaders } from './call-head.ts';
import type { StreamUser } from './sender-connection.ts';
import { noStatus, notGrpc, statusTrailers, withoutPseudo } from './to-answer.ts';

/** What all calls of a sender share. */
export interface CallFacts extends CallTarget {
  /** The target in messages. */
  readonly target: string;
  readonly limits: MessageLimits;
  /** How long a part waits for messages of the answer that it should come after. */
  readonly maxMessageWaitNs: number;
}

/** Whom a call tells what becomes of its stream. */
export interface CallOwner {
  /** Its stream is closed. */
  released(session: ClientHttp2Session): void;
  /** Whether the target has said that it did not look at this stream. */
  unseen(session: ClientHttp2Session, stream: ClientHttp2Stream): boolean;
  /** The target did not look at the call: it goes once more, over a connection after this one. */
  again(call: SentCall, session: ClientHttp2Session): void;
}

/** RFC 9113 section 7. */
const noError = 0;
const refusedStream = 7;
const cancel = 8;
/** RFC 9113 section 6.2. */
const endStreamFlag = 1;

/** One call under way: sends its parts at their times, and takes what comes. */
export class SentCall implements StreamUser {
  readonly answered: Promise<Answer>;
  readonly #shipment: Shipment;
  readonly #facts: CallFacts;
  readonly #owner: CallOwner;
  readonly #timer: RunTimer;
  readonly #messages: AnswerMessages;
  #stream: ClientHttp2Stream | undefined;
  #begunAt = 0;
  #sentAt: number | undefined;
  #resent = false;
  #nextPart = 0;
  #partsSentAt: number[] = [];
  #writing = false;
  #undoPart: (() => void) | undefined;
  /** How many messages must have come for the next part; 0 when it waits for none. */
  #awaited = 0;
  #blockedUntil = Number.NEGATIVE_INFINITY;
  #blockedNs: number[] | undefined;
  #unawaited = 0;
  #undoDeadline: (() => void) | undefined;
  #undoCancel: (() => void) | undefined;
  #headAt: number | undefined;
  #head: readonly string[] = [];
  #trailers: string[] | undefined;
  #settled = false;
  #resolve: (answer: Answer) => void = () => {};

  constructor(shipment: Shipment, facts: CallFacts, owner: CallOwner, timer: RunTimer) {
    this.#shipment = shipment;
    this.#facts = facts;
    this.#owner = owner;
    this.#timer = timer;
    this.#messages = new AnswerMessages(facts.limits, timer);
    this.answered = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get waits(): boolean {
    return !this.#settled;
  }

  /** Starts now; the parts follow at their offsets from here. */
  begin(session: ClientHttp2Session): boolean {
    const { deadlineNs } = this.#shipment;
    this.#begunAt = this.#timer.nowNs();
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(requestHeaders(this.#shipment, this.#facts), { endStream: false });
    } catch (error) {
      // Such as headers that only the library knows to be wrong.
      const kind = error instanceof Error ? error.name : typeof error;
      this.#settle({ error: { code: 'request-invalid', message: `HTTP/2 did not take the call (${kind})` } });
      return false;
    }
    this.#stream = stream;
    this.#sentAt = this.#begunAt;
    this.#nextPart = 0;
    this.#partsSentAt = [];
    this.#blockedNs = undefined;
    this.#writing = false;
    this.#listen(stream, session);
    if (deadlineNs !== undefined) {
      this.#undoDeadline = this.#timer.at(this.#begunAt + deadlineNs, () =>
        this.#giveUp({ deadlineExceeded: true }),
      );
    }
    this.#send();
    return true;
  }

  refuse(error: AnswerError): void {
    this.#settle({ error });
  }

  /** Ends it with what came so far: with the error that is given, or as its client did. */
  abandon(error?: AnswerError): void {
    if (error !== undefined) {
      this.#giveUp({ error });
      return;
    }
    // As far from its begin as its parts are: a call that began late would be cancelled before what it had sent by then.
    const at = this.#begunAt + (this.#shipment.abandonNs ?? 0);
    if (this.#settled || this.#undoCancel !== undefined) return;
    if (this.#stream !== undefined && at > this.#timer.nowNs()) {
      this.#undoCancel = this.#timer.at(at, () => this.#cancel());
    } else this.#cancel();
  }

  /** What is due goes first. */
  #cancel(): void {
    this.#undoPart?.();
    this.#send();
    this.#giveUp({ abandoned: true });
  }

  #listen(stream: ClientHttp2Stream, session: ClientHttp2Session): void {
    // Let go at the end: Node keeps a stream, and all that its listeners hold, until its old generation is collected.
    const link: { call: SentCall | undefined } = { call: this };
    stream.on('response', (headers: IncomingHttpHeaders, flags: number, raw: readonly string[]) => {
      const { call } = link;
      if (call === undefined) return;
      call.#answerBegan(headers, (flags & endStreamFlag) !== 0, withoutPseudo(raw));
      if (call.#trailers !== undefined) call.#ended(stream, session);
    });
    stream.on('data', (bytes: Buffer) => {
      if (link.call !== undefined) link.call.#take(bytes);
    });
    stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw: readonly string[]) => {
      const { call } = link;
      if (call === undefined) return;
      call.#trailers = statusTrailers(raw, false);
      // What came before them may still have to be read.
      if (stream.readableLength === 0) call.#ended(stream, session);
    });
    stream.on('end', () => {
      if (link.call !== undefined) link.call.#ended(stream, session);
    });
    // The close tells more of it.
    stream.on('error', ignored);
    stream.on('close', () => {
      const { call } = link;
      link.call = undefined;
      if (call === undefined) return;
      call.#ended(stream, session);
      call.#owner.released(session);
    });
  }

  #answerBegan(headers: IncomingHttpHeaders, alone: boolean, fields: readonly string[]): void {
    if (this.#settled) return;
    this.#headAt = this.#timer.nowNs();
    if (alone && headers['grpc-status'] !== undefined) {
      this.#trailers = statusTrailers(fields, true);
      return;
    }
    this.#head = fields;
    const error = notGrpc(headers[':status'], headers['content-type'], this.#facts.target);
    if (error !== undefined) this.#giveUp({ error });
  }

  /**
   * Sends what is due, in order. The next message waits until the one before it is written, so that a target that does not read
   * is seen in the times and not in the memory.
   */
  #send(): void {
    this.#undoPart = undefined;
    const { parts } = this.#shipment;
    const stream = this.#stream;
    if (stream === undefined) return;
    for (let part = parts[this.#nextPart]; part !== undefined; part = parts[this.#nextPart]) {
      // An end is kept behind the message that is being written by the stream itself.
      if (this.#settled || (this.#writing && part.kind !== 'end')) return;
      const now = this.#timer.nowNs();
      const dueAt = this.#begunAt + part.offsetNs;
      if (dueAt > now) {
        // Written by then or not, it is looked at again at its time.
        this.#undoPart = this.#timer.at(dueAt, () => this.#send());
        return;
      }
      if (this.#mustWait(part, dueAt, now)) return;
      this.#sent(dueAt, now);
      if (part.kind === 'end') {
        stream.end();
        continue;
      }
      const next = parts[this.#nextPart];
      if (next === undefined) stream.write(part.bytes);
      else if (next.kind === 'end' && this.#begunAt + next.offsetNs <= now && !this.#lacks(next)) {
        // As they came, in one.
        this.#sent(this.#begunAt + next.offsetNs, now);
        stream.end(part.bytes);
      } else {
        this.#writing = true;
        stream.write(part.bytes, this.#written);
      }
    }
  }

  #lacks({ afterMessages = 0 }: ShipmentPart): boolean {
    return this.#messages.count < afterMessages;
  }

  /** Whether a part that is due still has to wait for the answer. */
  #mustWait(part: ShipmentPart, dueAt: number, now: number): boolean {
    const waited = this.#awaited > 0;
    if (!this.#lacks(part)) {
      if (waited) this.#blockedUntil = now;
      this.#awaited = 0;
      return false;
    }
    const until = dueAt + this.#facts.maxMessageWaitNs;
    if (now >= until) {
      // What a target does not say now it may never say: the rest of the conversation is worth more than its order.
      this.#unawaited++;
      this.#blockedUntil = now;
      this.#awaited = 0;
      return false;
    }
    this.#awaited = part.afterMessages ?? 0;
    this.#undoPart = this.#timer.at(until, () => this.#send());
    return true;
  }

  #sent(dueAt: number, now: number): void {
    const place = this.#nextPart++;
    this.#partsSentAt.push(now);
    // Also of those behind one that waited.
    if (this.#blockedUntil <= dueAt) return;
    this.#blockedNs ??= [];
    while (this.#blockedNs.length < place) this.#blockedNs.push(0);
    this.#blockedNs.push(this.#blockedUntil - dueAt);
  }

  readonly #written = (): void => {
    this.#writing = false;
    // With a timer set, the next is not due.
    if (this.#undoPart === undefined) this.#send();
  };

  #take(bytes: Buffer): void {
    if (this.#settled) return;
    const error = this.#messages.push(bytes, this.#facts.target);
    if (error !== undefined) this.#giveUp({ error });
    else if (this.#awaited > 0 && this.#messages.count >= this.#awaited) {
      this.#undoPart?.();
      this.#send();
    }
  }

  /** The stream has told all that it will. */
  #ended(stream: ClientHttp2Stream, session: ClientHttp2Session): void {
    if (this.#settled || stream !== this.#stream) return;
    const trailers = this.#trailers;
    const { rstCode } = stream;
    // Neither was processed, whatever becomes of the connection (RFC 9113 sections 6.8 and 8.7).
    const unseen = rstCode === refusedStream || this.#owner.unseen(session, stream);
    if (trailers === undefined && unseen && this.#headAt === undefined && !this.#resent) {
      this.#resent = true;
      this.#forgetTimers();
      this.#stream = undefined;
      this.#owner.again(this, session);
      return;
    }
    if (trailers !== undefined) this.#settle({ trailers });
    else {
      const lost = session.destroyed ? lostBy(stream) : undefined;
      const headSeen = this.#headAt !== undefined;
      this.#settle({ error: noStatus({ rstCode, lost, headSeen }, this.#facts.target) });
    }
    // The answer may be over before the request is.
    if (!stream.writableEnded && !stream.closed) stream.close(noError);
  }

  #giveUp(how: Ending): void {
    if (this.#settled) return;
    this.#settle(how);
    this.#stream?.close(cancel);
  }

  #forgetTimers(): void {
    this.#undoPart?.();
    this.#undoPart = undefined;
    this.#undoDeadline?.();
    this.#undoDeadline = undefined;
    this.#undoCancel?.();
    this.#undoCancel = undefined;
  }

  #settle(how: Ending): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#forgetTimers();
    const endAt = this.#timer.nowNs();
    // Trailers that came alone stand in the place of a head.
    const headAt = this.#headAt;
    const messages = this.#messages.finish(this.#head, this.#facts.target);
    const answer: Answer = {
      exchange: this.#shipment.exchange,
      sentAt: this.#sentAt,
      firstByteAt: headAt,
      endAt,
      informational: [],
      head:
        headAt === undefined
          ? undefined
          : { at: headAt, status: 200, reason: '', version: '2', headers: this.#head },
      chunks: messages.chunks,
      trailers: how.trailers ?? [],
      inMessages: true,
      partsSentAt: this.#partsSentAt,
      partsBlockedNs: this.#blockedNs,
      partsUnawaited: this.#unawaited || undefined,
      size: messages.size,
      truncated: messages.truncated,
      abandoned: how.abandoned,
      deadlineExceeded: how.deadlineExceeded,
      resent: this.#resent || undefined,
      error: how.error,
    };
    if (messages.whole === undefined) this.#resolve(answer);
    else void messages.whole.then((made) => this.#resolve({ ...answer, ...made }));
  }
}

const ignored = (): void => {};

type Ending = Partial<Pick<Answer, 'error' | 'abandoned' | 'deadlineExceeded' | 'trailers'>>;

/** What Node says of a lost connection, as far as it says nothing of what was sent. */
function lostBy(stream: ClientHttp2Stream): string {
  const { errored } = stream;
  if (errored === null || !('code' in errored) || typeof errored.code !== 'string') return '';
  return /^E[A-Z]{4,}$/.test(errored.code) ? errored.code : '';
}

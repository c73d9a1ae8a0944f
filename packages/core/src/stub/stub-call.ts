import type { Clock } from '../clock.ts';
import type { ExchangeStart } from '../model/event.ts';
import type { Candidate, Candidates } from './candidates.ts';
import type { LiveRequest } from './live-request.ts';
import { StubPlayer } from './player.ts';
import { beginsAlike, isFree, type RecordedCall } from './recorded-calls.ts';
import type { Fit, RequestDifference } from './request-match.ts';
import type { StubStep } from './script.ts';
import type { MissReason } from './summary.ts';

/** Who writes what a stub answers: an adapter, for one request. */
export interface StubAnswer {
  /** Writes a part of the answer. The last is an `end` or a `break`. */
  step(step: StubStep): void;
  /** Ends the answer, where something of it was written or nothing: there is no recording of the request, as `detail` says. */
  miss(detail: string): void;
}

/** A request that a stub is being asked. Tell it what comes, in order; none of these throws. */
export interface StubRequest {
  /** A whole message, decompressed. */
  message(data: Uint8Array, kind: number): void;
  /** A piece of the body. */
  chunk(data: Uint8Array): void;
  /** The request is whole. */
  end(): void;
  /** The client went away. To be called too when the connection has closed, whatever the reason; later calls do nothing. */
  closed(): void;
}

/** What a call is to its stub. */
export interface CallHost {
  readonly candidates: Candidates;
  readonly clock: Clock;
  /** Why no request is answered any more, if so. */
  refusal(): string | undefined;
  /** Says that a request has no recording; gives the sentence for the client. */
  missed(live: LiveRequest, reason: MissReason, difference?: RequestDifference, of?: RecordedCall): string;
  over(call: FinishedCall, of: StubCall): void;
}

/** How a call went. */
export interface FinishedCall {
  /** As it was masked. */
  readonly start: ExchangeStart;
  readonly served: RecordedCall | undefined;
  readonly reused: boolean;
  readonly approximate: readonly string[];
  readonly missDetail: string | undefined;
  readonly maxLagNs: number;
}

const otherwise = 'only like the recorded request: it goes on otherwise';

/** One request: finds its recording as its parts come, and plays that. */
export class StubCall implements StubRequest {
  readonly #host: CallHost;
  readonly #live: LiveRequest;
  readonly #answer: StubAnswer;
  readonly #player: StubPlayer;
  #possible: readonly Candidate[] | undefined;
  #chosen: Candidate | undefined;
  readonly #approximate = new Set<string>();
  #over = false;

  constructor(host: CallHost, live: LiveRequest, answer: StubAnswer) {
    this.#host = host;
    this.#live = live;
    this.#answer = answer;
    this.#player = new StubPlayer(host.clock, (step) => this.#step(step));
  }

  /** To be called once, before anything else. */
  begin(): void {
    const refusal = this.#host.refusal();
    if (refusal !== undefined) this.#miss('closed');
    else if (this.#host.candidates.mayAnswerNow(this.#live)) this.#choose();
  }

  message(data: Uint8Array, kind: number): void {
    if (this.#over || this.#live.ended || this.#isBeyond()) return;
    this.#live.message(data, kind);
    this.#player.arrived();
    if (this.#chosen !== undefined) this.#verify(this.#host.candidates.newest(this.#chosen.call, this.#live));
    else {
      const { candidates } = this.#host;
      const narrowed =
        this.#live.messages.length > 1 ? candidates.narrowed(this.#possible ?? [], this.#live) : [];
      this.#possible = narrowed.some(({ call }) => isFree(call)) ? narrowed : undefined;
      this.#choose();
    }
  }

  chunk(data: Uint8Array): void {
    if (!this.#over && !this.#live.ended) this.#live.chunk(data);
  }

  end(): void {
    if (this.#over || this.#live.ended) return;
    this.#live.end();
    this.#player.ended();
    this.#possible = undefined;
    if (this.#chosen === undefined) this.#choose();
    else this.#verify(this.#host.candidates.fit(this.#chosen.call, this.#live));
  }

  closed(): void {
    if (this.#over) return;
    if (this.#chosen === undefined) {
      // It was made, so its recording is used up, where it had come so far that it is known.
      const found = this.#host.candidates.best(this.#live, this.#possible);
      const isKnown = (call: RecordedCall): boolean =>
        this.#live.ended ||
        this.#live.messages.length > 0 ||
        (call.exchange.protocol === 'grpc' && call.exchange.request.messages.length === 0);
      if (typeof found !== 'string' && isKnown(found.call)) this.#hold(found);
    }
    this.#finish(undefined);
  }

  /** Picks the recording, once the first that it can be has something to say. */
  #choose(): void {
    const { candidates } = this.#host;
    this.#possible ??= candidates.fitting(this.#live);
    const found = candidates.best(this.#live, this.#possible);
    if (typeof found === 'string') {
      this.#miss(found);
      return;
    }
    const [first] = found.call.steps;
    const { length } = found.call.exchange.request.messages;
    if (first === undefined || !this.#player.reaches(first, length)) return;
    this.#hold(found);
    this.#player.play(found.call.steps, length);
  }

  #verify(fit: Fit): void {
    const chosen = this.#chosen;
    if (chosen === undefined) return;
    const better = this.#host.candidates.rechosen(this.#live, chosen.call, fit, (other) =>
      beginsAlike(chosen.call, other, this.#player.sent),
    );
    if (better === undefined) {
      this.#miss('diverged', fit.difference, chosen.call);
      return;
    }
    if (better !== chosen.call) {
      chosen.call.held--;
      this.#hold({ call: better, fit: this.#host.candidates.fit(better, this.#live), reused: false });
      this.#player.play(better.steps, better.exchange.request.messages.length);
      return;
    }
    if (fit.difference !== undefined && this.#approximate.size === 0) this.#approximate.add(otherwise);
    if (fit.approximate !== undefined) this.#approximate.add(fit.approximate);
    this.#player.resume();
  }

  /** Whether no recording has messages to compare with, though the client goes on: a live stream may be without end. */
  #isBeyond(): boolean {
    const { length } = this.#live.messages;
    const request = this.#chosen?.call.exchange.request;
    if (request === undefined) return length > this.#host.candidates.mostMessages(this.#live);
    // One more than there should be says that it goes on otherwise.
    return request.complete ? length > request.messages.length : length >= request.messages.length;
  }

  #hold(candidate: Candidate): void {
    this.#chosen = candidate;
    candidate.call.held++;
    const { approximate } = candidate.fit;
    if (approximate !== undefined) this.#approximate.add(approximate);
  }

  #step(step: StubStep): void {
    if (step.kind === 'break' && step.by === 'client') {
      this.#approximate.add('the recording ends where its client went away');
    }
    this.#answer.step(step);
    if (step.kind === 'end' || step.kind === 'break') this.#finish(undefined);
  }

  #miss(reason: MissReason, difference?: RequestDifference, of?: RecordedCall): void {
    const detail = this.#host.missed(this.#live, reason, difference, of);
    this.#player.stop();
    this.#answer.miss(detail);
    this.#finish(detail);
  }

  #finish(missDetail: string | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#player.stop();
    this.#live.close();
    const chosen = this.#chosen;
    if (chosen !== undefined) {
      chosen.call.held--;
      // One that was told nothing of it can have another.
      if (missDetail === undefined || this.#player.sent > 0) chosen.call.uses++;
    }
    const finished: FinishedCall = {
      start: this.#live.start,
      served: missDetail === undefined ? chosen?.call : undefined,
      reused: chosen?.reused === true,
      approximate: [...this.#approximate],
      missDetail,
      maxLagNs: this.#player.maxLagNs,
    };
    this.#host.over(finished, this);
  }
}

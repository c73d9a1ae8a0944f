import type { LiveRequest } from './live-request.ts';
import type { ResolvedStubOptions } from './options.ts';
import { isFree, type RecordedCall, type RecordedCalls } from './recorded-calls.ts';
import { type Fit, joined, type RequestMatcher } from './request-match.ts';

/** A recording that a live request may be, as far as it has come. */
export interface Candidate {
  readonly call: RecordedCall;
  readonly fit: Fit;
  /** Served before. */
  readonly reused: boolean;
}

/** Why there is none. */
export type NoCandidate = 'unknown' | 'different' | 'exhausted' | 'out-of-order';

/** Recordings that are compared by their fields: a bound on the time that one request takes. */
const mostCompared = 1_000;
/** Recordings that fit, after which no more are looked for: when more of the request has come, all are asked again. */
const enough = 16;
const leastScore = 0.8;
/** So few are compared without looking them up. */
const fewCalls = 8;

/** Finds what a live request may be, and which of those it is. */
export class Candidates {
  readonly #recorded: RecordedCalls;
  readonly #matcher: RequestMatcher;
  readonly #options: Pick<ResolvedStubOptions, 'match' | 'onExhausted'>;

  constructor(
    recorded: RecordedCalls,
    matcher: RequestMatcher,
    options: Pick<ResolvedStubOptions, 'match' | 'onExhausted'>,
  ) {
    this.#recorded = recorded;
    this.#matcher = matcher;
    this.#options = options;
  }

  /** How all that has come of a request fits a recording. */
  fit({ exchange }: RecordedCall, live: LiveRequest): Fit {
    let fit = this.#matcher.head(exchange, live);
    if (exchange.protocol !== 'grpc') {
      return live.ended ? joined(fit, this.#matcher.body(exchange, live)) : fit;
    }
    for (const index of live.messages.keys()) fit = joined(fit, this.#matcher.message(exchange, index, live));
    return joined(fit, this.#matcher.length(exchange, live));
  }

  /** The same for the newest message alone. */
  newest({ exchange }: RecordedCall, live: LiveRequest): Fit {
    return joined(
      this.#matcher.message(exchange, live.messages.length - 1, live),
      this.#matcher.length(exchange, live),
    );
  }

  /** What the request is, if it ended here. `among` are those that it was found to fit before. */
  best(live: LiveRequest, among?: readonly Candidate[]): Candidate | NoCandidate {
    const { protocol } = live.start;
    const calls = this.#recorded.of(protocol, live.start);
    if (calls.length === 0) return 'unknown';
    if (this.#options.match === 'strict') return this.#nextInOrder(live);
    const fitting = among ?? this.fitting(live);
    const unused = first(fitting.filter(({ call }) => isFree(call)));
    if (unused !== undefined) return unused;
    return this.#again(fitting) ?? (fitting.length > 0 ? 'exhausted' : 'different');
  }

  /** The most messages that a recording of what is asked has. */
  mostMessages({ start }: LiveRequest): number {
    return this.#recorded.mostMessages(start.protocol, start);
  }

  /** Whether a request of which only the head has come may have to be answered already, or refused. */
  mayAnswerNow({ start }: LiveRequest): boolean {
    if (this.#options.match === 'strict') return true;
    const calls = this.#recorded.of(start.protocol, start);
    return calls.length === 0 || calls.some(({ steps }) => steps[0]?.after === 0);
  }

  /**
   * What a request is whose answer has begun, and of which more has come since: the same, another that began alike, or undefined
   * for neither.
   */
  rechosen(
    live: LiveRequest,
    chosen: RecordedCall,
    fit: Fit,
    beginsAlike: (other: RecordedCall) => boolean,
  ): RecordedCall | undefined {
    const lenient = this.#options.match === 'lenient';
    // Which one it is most like, the first message tells.
    if (lenient ? live.messages.length !== 1 || live.ended : fit.difference === undefined) return chosen;
    if (this.#options.match === 'strict') return undefined;
    const others = this.fitting(live).filter(
      ({ call }) => call === chosen || (isFree(call) && beginsAlike(call)),
    );
    return first(others)?.call;
  }

  /** All that the request may be, those that are equal byte for byte where one of these is unused. */
  fitting(live: LiveRequest): readonly Candidate[] {
    const calls = this.#recorded.of(live.start.protocol, live.start);
    const equal = this.#mayBeEqual(calls, live).filter(({ exchange }) => this.#matcher.equal(exchange, live));
    if (equal.some(isFree)) {
      return equal.map((call) => ({ call, fit: { count: 0, same: true }, reused: false }));
    }
    if (this.#options.match === 'lenient') return this.#alike(calls, live);
    const found: Candidate[] = [];
    let unused = 0;
    for (const call of unusedFirst(calls)) {
      // Those that were served count only where no unused one fits.
      if (isFree(call) ? unused >= enough : unused > 0) break;
      const fit = this.fit(call, live);
      if (fit.difference !== undefined) continue;
      found.push({ call, fit, reused: false });
      if (isFree(call)) unused++;
    }
    return found.sort((a, b) => a.call.index - b.call.index);
  }

  /** Those that still fit after one more message. */
  narrowed(candidates: readonly Candidate[], live: LiveRequest): readonly Candidate[] {
    return candidates.flatMap(({ call, fit, reused }) => {
      const newest = this.newest(call, live);
      return newest.difference === undefined ? [{ call, fit: joined(fit, newest), reused }] : [];
    });
  }

  #mayBeEqual(calls: readonly RecordedCall[], { start, messages }: LiveRequest): readonly RecordedCall[] {
    const [first] = messages;
    if (first === undefined || calls.length < fewCalls) return calls;
    return this.#recorded.beginningWith(start.protocol, start, first.data);
  }

  #nextInOrder(live: LiveRequest): Candidate | NoCandidate {
    const call = this.#recorded.next();
    if (call === undefined) return 'exhausted';
    const fit = this.#isAsked(call, live) ? this.fit(call, live) : undefined;
    return fit === undefined || fit.difference !== undefined ? 'out-of-order' : { call, fit, reused: false };
  }

  #isAsked(call: RecordedCall, { start }: LiveRequest): boolean {
    return this.#recorded.of(start.protocol, start).includes(call);
  }

  #again(fitting: readonly Candidate[]): Candidate | undefined {
    const { onExhausted } = this.#options;
    if (onExhausted === 'fail' || fitting.length === 0) return undefined;
    const served = ({ call }: Candidate) => call.uses + call.held;
    const chosen =
      onExhausted === 'last'
        ? fitting.at(-1)
        : fitting.reduce((least, one) => (served(one) < served(least) ? one : least));
    return chosen && { ...chosen, reused: true };
  }

  #alike(calls: readonly RecordedCall[], live: LiveRequest): Candidate[] {
    const scored: { readonly candidate: Candidate; readonly score: number }[] = [];
    const early = live.messages.length === 0 && !live.ended;
    for (const call of unusedFirst(calls)) {
      const fit = this.fit(call, live);
      const equal = fit.difference === undefined;
      const score = early || equal ? 2 : this.#matcher.score(call.exchange, live);
      if (score < leastScore) continue;
      const approximate = equal
        ? fit.approximate
        : `only like the recorded request: ${Math.floor(score * 100)} % of the fields are the same`;
      scored.push({ candidate: { call, fit: { count: 0, approximate, same: false }, reused: false }, score });
    }
    return scored.sort((a, b) => b.score - a.score).map(({ candidate }) => candidate);
  }
}

/** As many as are compared by fields: unused ones first, and then those that were served where there is room for them. */
export function unusedFirst(calls: readonly RecordedCall[]): readonly RecordedCall[] {
  const unused = calls.filter(isFree).slice(0, mostCompared);
  const used = calls.filter((call) => !isFree(call));
  return [...unused, ...used.slice(-Math.max(1, mostCompared - unused.length))];
}

/** The first, but one that is equal in all before those that are not. */
function first(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.find(({ fit }) => fit.same === true) ?? candidates[0];
}

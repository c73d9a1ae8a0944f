import type { CaptureEvent, ExchangeId, StartEvent } from '../model/event.ts';
import { headerValue } from '../model/headers.ts';

/**
 * One exchange as both of its ends recorded it: asked by one service, served by another. All times in nanoseconds on one scale that both
 * recordings were put on by their own clocks.
 */
export interface PairedExchange {
  /** The recording that asked, and the one that was asked, from 0. */
  readonly client: number;
  readonly server: number;
  /** When the request was sent. */
  readonly at: number;
  /**
   * By how much the clock of the server may be ahead of the client's: what was sent cannot have come before, and no answer before it was given
   * (RFC 5905, section 8).
   */
  readonly low: number;
  readonly high: number;
}

/** What tells that two recordings hold the same exchange, best first. */
const evidence = ['traceparent', 'x-request-id', 'x-correlation-id'] as const;
export type PairEvidence = (typeof evidence)[number];

/** Exchanges whose other end was not met yet, and those under way, that are remembered. */
const maxWaiting = 131_072;
const maxUnderWay = 65_536;
/** Stamps are taken a little before or after what they stand for. */
const stampErrorNs = 1e6;

interface End {
  readonly recording: number;
  readonly outbound: boolean;
  readonly key: string;
  readonly startAt: number;
}

/** Finds exchanges that two recordings have both, in events that were merged by the clocks of the recordings. Bounded memory. */
export class PairFinder {
  readonly #count: number;
  readonly #underWay = new Map<ExchangeId, End>();
  /** By what they are known by; undefined for what several exchanges have. */
  readonly #waiting = new Map<string, (End & { readonly answerAt: number }) | undefined>();
  readonly #found: (pair: PairedExchange) => void;

  /** @param count - How many recordings were merged */
  constructor(count: number, found: (pair: PairedExchange) => void) {
    this.#count = count;
    this.#found = found;
  }

  event(event: CaptureEvent): void {
    if (event.type === 'start') this.#start(event);
    else if (event.type === 'headers' && event.status >= 200) this.#answer(event.exchange, event.at);
    else if (event.type === 'abort') this.#underWay.delete(event.exchange);
  }

  #start(event: StartEvent): void {
    const key = keyOf(event);
    if (key === undefined || this.#underWay.size >= maxUnderWay) return;
    const recording = (event.exchange - 1) % this.#count;
    const outbound = event.direction === 'outbound';
    this.#underWay.set(event.exchange, { recording, outbound, key, startAt: event.at });
  }

  #answer(exchange: ExchangeId, answerAt: number): void {
    const end = this.#underWay.get(exchange);
    if (end === undefined) return;
    this.#underWay.delete(exchange);
    const own = `${end.outbound ? '>' : '<'}${end.key}`;
    const others = `${end.outbound ? '<' : '>'}${end.key}`;
    const other = this.#waiting.get(others);
    // A key that one side has twice tells nothing.
    if (this.#waiting.has(own)) this.#waiting.set(own, undefined);
    else if (other !== undefined && other.recording !== end.recording) {
      this.#waiting.set(others, undefined);
      this.#pair(end.outbound ? { ...end, answerAt } : other, end.outbound ? other : { ...end, answerAt });
    } else {
      this.#waiting.set(own, { ...end, answerAt });
      if (this.#waiting.size > maxWaiting) this.#waiting.delete(this.#waiting.keys().next().value ?? '');
    }
  }

  #pair(client: End & { readonly answerAt: number }, server: End & { readonly answerAt: number }): void {
    const high = server.startAt - client.startAt;
    const low = server.answerAt - client.answerAt;
    // The server took longer than the client waited: it was another exchange.
    if (low > high + stampErrorNs) return;
    this.#found({
      ...{ client: client.recording, server: server.recording, at: client.startAt },
      ...{ low: Math.min(low, high), high: Math.max(low, high) },
    });
  }
}

/** What an exchange is known by at both of its ends. What is passed on from call to call needs the request too. */
function keyOf({ headers, method, target }: StartEvent): string | undefined {
  for (const name of evidence) {
    const value = headerValue(headers, name);
    if (value === undefined || value.length < 8 || value.length > 256) continue;
    return name === 'traceparent' ? `${name} ${value}` : `${name} ${value} ${method} ${target}`;
  }
  return undefined;
}

/** How far ahead one clock is of another: `skewNs` at time 0 of the scale, and `driftPpm` more for each million of its units. */
export interface SkewEstimate {
  readonly skewNs: number;
  readonly driftPpm: number;
  /** How far off that may be, either way. */
  readonly errorNs: number;
  /** Pairs that were looked at, and those that agree with the estimate. */
  readonly pairs: number;
  readonly agree: number;
}

/** Clocks of machines drift by less; what looks like more is a clock that was set. */
const maxDriftPpm = 500;
const mostWindows = 16;
/** Shorter recordings show no drift. */
const leastDriftSpanNs = 60e9;

interface Window {
  readonly at: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Estimates how far ahead a server's clock is of its client's, from exchanges that both recorded. Each says between which two values that lies;
 * those that most of them allow are kept (Marzullo's algorithm, as NTP uses it), so wrong pairs do no harm while they are
 * fewer. Undefined without pairs, and when less than half of them agree.
 */
export function estimateSkew(pairs: readonly PairedExchange[]): SkewEstimate | undefined {
  if (pairs.length === 0) return undefined;
  const from = pairs.reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY);
  const to = pairs.reduce((most, { at }) => Math.max(most, at), 0);
  const all = agreement(pairs);
  if (all.count * 2 > pairs.length && (all.count === pairs.length || to - from < leastDriftSpanNs)) {
    return constant(all, pairs.length, all.count);
  }
  const drifting = to - from < leastDriftSpanNs ? undefined : line(windowsOf(pairs, from, to));
  if (drifting !== undefined) {
    const { skewNs, driftPpm, errorNs } = drifting;
    const agree = pairs.filter(({ at, low, high }) => {
      const skew = skewNs + (driftPpm * at) / 1e6;
      return skew >= low - errorNs && skew <= high + errorNs;
    }).length;
    if (agree * 2 > pairs.length) return { ...drifting, pairs: pairs.length, agree };
  }
  return all.count * 2 > pairs.length ? constant(all, pairs.length, all.count) : undefined;
}

function constant({ low, high }: Pick<Window, 'low' | 'high'>, pairs: number, agree: number): SkewEstimate {
  return { skewNs: (low + high) / 2, driftPpm: 0, errorNs: (high - low) / 2, pairs, agree };
}

/** The values that most of these allow, and how many do. */
function agreement(ranges: readonly Pick<Window, 'low' | 'high'>[]): {
  readonly low: number;
  readonly high: number;
  readonly count: number;
} {
  const edges = ranges
    .flatMap(({ low, high }) => [
      { at: low, step: 1 },
      { at: high, step: -1 },
    ])
    .sort((a, b) => a.at - b.at || b.step - a.step);
  let count = 0;
  let best = { low: 0, high: 0, count: 0 };
  for (const [i, { at, step }] of edges.entries()) {
    count += step;
    if (count > best.count) best = { low: at, high: edges[i + 1]?.at ?? at, count };
  }
  return best;
}

/** Of each part of the time the pair that was least on its way, which says most (the clock filter of RFC 5905, section 10). */
function windowsOf(pairs: readonly PairedExchange[], from: number, to: number): Window[] {
  const best: (PairedExchange | undefined)[] = [];
  for (const pair of pairs) {
    const place = Math.min(mostWindows - 1, Math.floor(((pair.at - from) / (to - from)) * mostWindows));
    const other = best[place];
    if (other === undefined || pair.high - pair.low < other.high - other.low) best[place] = pair;
  }
  return best.filter((pair) => pair !== undefined);
}

/** The line through what windows allow, by the medians of slopes and heights (Theil and Sen), which a few wrong ones do not move. */
function line(windows: readonly Window[]): Omit<SkewEstimate, 'pairs' | 'agree'> | undefined {
  if (windows.length < 3) return undefined;
  const points = windows.map(({ at, low, high }) => ({ at, skew: (low + high) / 2 }));
  const slope = median(
    points.flatMap((a, i) => points.slice(i + 1).map((b) => (b.skew - a.skew) / (b.at - a.at))),
  );
  if (!(Math.abs(slope) * 1e6 <= maxDriftPpm)) return undefined;
  const skewNs = median(points.map(({ at, skew }) => skew - slope * at));
  const errors = windows
    .map(({ at, low, high }) => ({
      most: Math.max(high - skewNs - slope * at, skewNs + slope * at - low),
      width: high - low,
    }))
    .filter(({ most, width }) => most <= 2 * width);
  if (errors.length * 2 <= windows.length) return undefined;
  return { skewNs, driftPpm: slope * 1e6, errorNs: Math.max(...errors.map(({ most }) => most)) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import type { ExchangeId, ExchangeStart } from '../model/event.ts';
import { headerValue } from '../model/headers.ts';
import type { OutcomeSampling } from './outcome.ts';

/** Decides, as an exchange starts, whether it is recorded. Runs on the request path: be quick, never throw. */
export interface Sampler {
  /** In words, for the capture's header: `ratio 0.1`. */
  readonly description: string;
  /** The share of exchanges like this one that is recorded, over 0 up to 1; 0 when this one is not. */
  sample(start: ExchangeStart, exchange: ExchangeId): number;
  /** For a sampler that goes by how exchanges end as well, such as {@link sampleBy} with outcomes makes. */
  readonly byOutcome?: OutcomeSampling | undefined;
}

/** Records everything; the default. */
export const always: Sampler = { description: 'always', sample: () => 1 };

/** Records nothing. */
export const never: Sampler = { description: 'never', sample: () => 0 };

/**
 * By what a share is chosen. `exchange`: the exchange's id. `trace`: the trace of the request, as its `traceparent` tells it
 * (W3C Trace Context): then every service of a trace that samples by this ratio records it, or none. `header:NAME`: the value of this
 * header, such as a request id. An exchange without a trace, or without the header, is chosen by the inbound exchange that caused
 * it, where that is known, and else by its own id.
 */
export type SampleKey = 'exchange' | 'trace' | `header:${string}`;

export interface SampleRatioOptions {
  /** Default `exchange`. */
  readonly by?: SampleKey | undefined;
}

/**
 * Records a fixed share of exchanges, chosen by a key of each: the same keys are chosen by every sampler of this ratio, and those
 * of a lower ratio are among those of a higher one.
 *
 * @param ratio - From 0 (none) to 1 (all)
 * @throws {@link GardenhoseError} `invalid-option` outside 0..1, or for a key that is none
 *
 * @example
 * createRecorder({ service: 'orders', sink, sampler: sampleRatio(0.1, { by: 'trace' }) });
 */
export function sampleRatio(ratio: number, { by = 'exchange' }: SampleRatioOptions = {}): Sampler {
  if (typeof ratio !== 'number' || !(ratio >= 0 && ratio <= 1)) invalid('ratio', `from 0 to 1, got ${ratio}`);
  const limit = ratio * 2 ** 32;
  if (by === 'exchange') {
    return {
      description: `ratio ${ratio}`,
      sample: (_, exchange) => (hash32(exchange) < limit ? ratio : 0),
    };
  }
  const key = keyOf(by);
  return {
    description: `ratio ${ratio} by ${by}`,
    sample(start, exchange) {
      const value = key(start);
      const hash = value === undefined ? hash32(start.parent ?? exchange) : textHash32(value);
      return hash < limit ? ratio : 0;
    },
  };
}

function keyOf(by: SampleKey): (start: ExchangeStart) => string | undefined {
  if (!isSampleKey(by)) invalid('by', `'exchange', 'trace' or 'header:NAME', got '${String(by)}'`);
  if (by === 'trace') return ({ headers }) => traceId(headerValue(headers, 'traceparent'));
  const name = by.slice('header:'.length);
  return ({ headers }) => headerValue(headers, name) || undefined;
}

export function isSampleKey(by: unknown): by is SampleKey {
  return typeof by === 'string' && /^(?:exchange|trace|header:[!#$%&'*+.^_`|~\w-]{1,128})$/.test(by);
}

/** Version, trace id, parent id and flags (W3C Trace Context, section 3.2). */
const traceparent = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-/;
const noTrace = '0'.repeat(32);

function traceId(header: string | undefined): string | undefined {
  const id = header === undefined ? undefined : traceparent.exec(header)?.[1];
  return id === noTrace ? undefined : id;
}

/**
 * Records at most so many exchanges a second, the first ones of each second. The rate stamped on an exchange is the share
 * that was recorded in the second before, since that of its own second is not known yet.
 *
 * @throws {@link GardenhoseError} `invalid-option` unless `perSecond` is over 0
 */
export function rateLimited(perSecond: number, clock: Clock = systemClock): Sampler {
  if (typeof perSecond !== 'number' || !(perSecond > 0)) invalid('perSecond', `over 0, got ${perSecond}`);
  let second = -1;
  let offered = 0;
  let share = 1;
  return {
    description: `at most ${perSecond} a second`,
    sample() {
      const now = Math.floor(clock.nowNs() / 1e9);
      if (now !== second) {
        share = now === second + 1 && offered > perSecond ? perSecond / offered : 1;
        second = now;
        offered = 0;
      }
      return ++offered <= perSecond ? share : 0;
    },
  };
}

/** Spreads whole numbers over 32 bits (the finalizer of MurmurHash3, both halves of the number mixed in). */
function hash32(id: number): number {
  let hash = (id | 0) ^ Math.imul(Math.floor(id / 2 ** 32), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The same for a text (FNV-1a, then the finalizer). */
function textHash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash32(hash >>> 0);
}

function invalid(name: string, problem: string): never {
  throw new GardenhoseError('invalid-option', `${name} must be ${problem}`, { subject: name });
}

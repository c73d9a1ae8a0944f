import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import { matchesGlob, splitTarget } from '../hook/path-pattern.ts';
import type { ExchangeId, ExchangeStart } from '../model/event.ts';

/** Decides, as an exchange starts, whether it is recorded. Runs on the request path: be quick, never throw. */
export interface Sampler {
  /** In words, for the capture's header: `ratio 0.1`. */
  readonly description: string;
  /** The share of exchanges like this one that is recorded, over 0 up to 1; 0 when this one is not. */
  sample(start: ExchangeStart, exchange: ExchangeId): number;
}

/** Records everything; the default. */
export const always: Sampler = { description: 'always', sample: () => 1 };

/** Records nothing. */
export const never: Sampler = { description: 'never', sample: () => 0 };

/**
 * Records a fixed share of exchanges, chosen by id: the same ids are chosen by every sampler of this ratio, and those of
 * a lower ratio are among those of a higher one.
 *
 * @param ratio - From 0 (none) to 1 (all)
 * @throws {@link GardenhoseError} `invalid-option` outside 0..1
 */
export function sampleRatio(ratio: number): Sampler {
  if (!(ratio >= 0 && ratio <= 1)) invalid('ratio', `from 0 to 1, got ${ratio}`);
  const limit = ratio * 2 ** 32;
  return {
    description: `ratio ${ratio}`,
    sample: (_, exchange) => (hash32(exchange) < limit ? ratio : 0),
  };
}

/**
 * Records at most so many exchanges a second, the first ones of each second. The rate stamped on an exchange is the share
 * that was recorded in the second before, since that of its own second is not known yet.
 *
 * @throws {@link GardenhoseError} `invalid-option` unless `perSecond` is over 0
 */
export function rateLimited(perSecond: number, clock: Clock = systemClock): Sampler {
  if (!(perSecond > 0)) invalid('perSecond', `over 0, got ${perSecond}`);
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

/** Which exchanges a sampler of {@link sampleBy} is for. */
export interface SampledPath {
  /** Any when absent. */
  readonly method?: string;
  /** The path without its query; `*` stands for anything within a segment, `**` for anything. */
  readonly path: string;
  readonly sampler: Sampler;
}

/**
 * Asks the sampler of the first rule that fits the exchange.
 *
 * @param otherwise - For exchanges that no rule fits. Default {@link always}
 *
 * @example
 * sampleBy([{ path: '/health', sampler: never }, { method: 'GET', path: '/static/**', sampler: sampleRatio(0.01) }]);
 */
export function sampleBy(rules: readonly SampledPath[], otherwise: Sampler = always): Sampler {
  const compiled = rules.map(({ method, path, sampler }) => ({ method, fits: matcherOf(path), sampler }));
  const words = rules.map(({ method = '*', path, sampler }) => `${method} ${path}: ${sampler.description}`);
  return {
    description: [...words, `otherwise: ${otherwise.description}`].join('; '),
    sample(start, exchange) {
      const { path } = splitTarget(start.target);
      for (const { method, fits, sampler } of compiled) {
        if ((method === undefined || method === start.method) && fits(path)) {
          return sampler.sample(start, exchange);
        }
      }
      return otherwise.sample(start, exchange);
    },
  };
}

/** Compares what stands before the first star first: most paths differ there, and every request is asked. */
function matcherOf(pattern: string): (path: string) => boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return (path) => path === pattern;
  const prefix = pattern.slice(0, star);
  const rest = pattern.slice(star);
  if (rest === '**') return (path) => path.startsWith(prefix);
  return (path) => path.startsWith(prefix) && matchesGlob(rest, path.slice(star));
}

/** Spreads whole numbers over 32 bits (the finalizer of MurmurHash3, both halves of the number mixed in). */
function hash32(id: number): number {
  let hash = (id | 0) ^ Math.imul(Math.floor(id / 2 ** 32), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function invalid(name: string, problem: string): never {
  throw new GardenhoseError('invalid-option', `${name} must be ${problem}`, { subject: name });
}

import { GardenhoseError } from '../errors.ts';
import { whereProblem } from '../hook/check-rules.ts';
import { matchesGlob, splitTarget } from '../hook/path-pattern.ts';
import type { Where } from '../hook/rule.ts';
import type { ExchangeStart } from '../model/event.ts';
import { headerValues } from '../model/headers.ts';
import { onlyOptions } from '../model/option-names.ts';
import { wholeOption } from '../model/option-values.ts';
import { checkOutcome, type OutcomeSampling, outcomeWords, type SampledOutcome } from './outcome.ts';
import { always, type Sampler } from './sampler.ts';

/** Which exchanges a sampler of {@link sampleBy} is for. What is absent fits all. */
export interface SamplerRule {
  /** What is known of an exchange as it starts. */
  readonly where?:
    | Pick<Where, 'direction' | 'protocol' | 'method' | 'path' | 'operation' | 'header'>
    | undefined;
  /** How it ends. */
  readonly outcome?: SampledOutcome | undefined;
  readonly sampler: Sampler;
}

/** How long exchanges are held in memory where it counts how they end. */
export interface SampleByOptions {
  /** Bytes of raw events held in the worker, about. Default 33,554,432 (32 MiB). */
  readonly maxHeldBytes?: number | undefined;
  /** Milliseconds that an exchange is waited for. Default 10,000. */
  readonly maxHeldMs?: number | undefined;
}

const mostRules = 1000;

/**
 * Asks the sampler of the first rule that fits the exchange. Where a rule has an outcome, the exchanges that it may be for are held
 * in memory until it is known how they end, and so is what came after them. What takes longer than `maxHeldMs`, or finds no
 * room, is sampled as if it had none of the outcomes.
 *
 * @param otherwise - For exchanges that no rule fits. Default {@link always}
 * @throws {@link GardenhoseError} `invalid-option`
 *
 * @example
 * // One in a hundred, but all that fail or take long; nothing of the health checks.
 * sampleBy(
 *   [
 *     { where: { path: '/health' }, sampler: never },
 *     { outcome: { error: true }, sampler: always },
 *     { outcome: { slowerThanMs: 500 }, sampler: always },
 *   ],
 *   sampleRatio(0.01),
 * );
 */
export function sampleBy(
  rules: readonly SamplerRule[],
  otherwise: Sampler = always,
  options: SampleByOptions = {},
): Sampler {
  const compiled = rules.map(compile);
  if (compiled.length > mostRules) invalid('rules', `must be at most ${mostRules}, got ${compiled.length}`);
  noOutcomes(otherwise);
  const words = compiled.map(({ words: when, sampler }) => `${when}: ${sampler.description}`);
  const byStart = compiled.filter(({ outcome }) => outcome === undefined);
  const sample: Sampler['sample'] = (start, exchange) => {
    const rule = firstFor(byStart, start);
    return (rule?.sampler ?? otherwise).sample(start, exchange);
  };
  return {
    description: [...words, `otherwise: ${otherwise.description}`].join('; '),
    sample,
    byOutcome: outcomeSampling(compiled, otherwise, options),
  };
}

interface Compiled {
  readonly fits: (start: ExchangeStart, path: string) => boolean;
  readonly outcome: SampledOutcome | undefined;
  readonly sampler: Sampler;
  readonly words: string;
}

function firstFor(rules: readonly Compiled[], start: ExchangeStart): Compiled | undefined {
  const { path } = splitTarget(start.target);
  for (const rule of rules) if (rule.fits(start, path)) return rule;
  return undefined;
}

function outcomeSampling(
  rules: readonly Compiled[],
  otherwise: Sampler,
  options: SampleByOptions,
): OutcomeSampling | undefined {
  onlyOptions('sampleBy', options, { maxHeldBytes: true, maxHeldMs: true });
  const maxHeldBytes = wholeOption('maxHeldBytes', options.maxHeldBytes, 32 * 1024 * 1024);
  const maxHeldMs = wholeOption('maxHeldMs', options.maxHeldMs, 10_000);
  const outcomes = rules.map(({ outcome }) => outcome).filter((outcome) => outcome !== undefined);
  for (const { slowerThanMs = 0 } of outcomes) {
    if (slowerThanMs >= maxHeldMs) {
      invalid('maxHeldMs', `over the slowerThanMs of every rule, got ${maxHeldMs} and ${slowerThanMs}`);
    }
  }
  if (outcomes.length === 0) return undefined;
  return {
    outcomes,
    maxHeldBytes,
    maxHeldMs,
    decide(start, exchange) {
      const { path } = splitTarget(start.target);
      const shares: number[] = [];
      let decides = false;
      let rate: number | undefined;
      for (const { fits, outcome, sampler } of rules) {
        if (rate !== undefined || !fits(start, path)) {
          if (outcome !== undefined) shares.push(Number.NaN);
        } else if (outcome === undefined) {
          // Rules behind it are never asked.
          if (!decides) return undefined;
          rate = sampler.sample(start, exchange);
        } else {
          decides = true;
          shares.push(sampler.sample(start, exchange));
        }
      }
      if (!decides) return undefined;
      return { otherwise: rate ?? otherwise.sample(start, exchange), shares };
    },
  };
}

function compile(rule: SamplerRule, index: number): Compiled {
  const option = `rules[${index}]`;
  onlyOptions(option, rule, { where: true, outcome: true, sampler: true });
  const { where, outcome, sampler } = rule;
  if (typeof sampler?.sample !== 'function') invalid(`${option}.sampler`, 'a sampler');
  noOutcomes(sampler);
  if (where !== undefined) {
    const problem =
      whereProblem(where) ??
      ('status' in where || 'mark' in where ? 'known as an exchange starts' : undefined);
    if (problem !== undefined) invalid(`${option}.where`, problem);
  }
  if (outcome !== undefined) checkOutcome(`${option}.outcome`, outcome);
  return {
    fits: matcherOf(where),
    outcome,
    sampler,
    words: [...whereWords(where), ...outcomeWords(outcome)].join(' ') || 'all',
  };
}

function noOutcomes({ byOutcome }: Sampler): void {
  if (byOutcome !== undefined)
    invalid('sampler', 'one without outcomes: rules with outcomes stand in the outermost list');
}

function matcherOf(where: SamplerRule['where']): Compiled['fits'] {
  if (where === undefined) return () => true;
  const { direction, protocol, header } = where;
  const methods =
    where.method === undefined
      ? undefined
      : new Set(listOf(where.method).map((method) => method.toUpperCase()));
  const paths = where.path === undefined ? undefined : listOf(where.path).map(globMatcher);
  const operations = where.operation === undefined ? undefined : listOf(where.operation).map(globMatcher);
  return (start, path) =>
    (paths === undefined || paths.some((fits) => fits(path))) &&
    (methods === undefined || methods.has(start.method) || methods.has(start.method.toUpperCase())) &&
    (direction === undefined || direction === start.direction) &&
    (protocol === undefined || protocol === start.protocol) &&
    (operations === undefined || hasOperation(start.operation, operations)) &&
    (header === undefined || hasHeader(start, header));
}

function hasOperation(
  operation: string | undefined,
  operations: readonly ((text: string) => boolean)[],
): boolean {
  return operation !== undefined && operations.some((fits) => fits(operation));
}

function hasHeader(
  { headers }: ExchangeStart,
  { name, equals, matches }: NonNullable<Where['header']>,
): boolean {
  return headerValues(headers, name).some(
    (value) =>
      (equals === undefined || value === equals) && (matches === undefined || matchesGlob(matches, value)),
  );
}

/** Compares what stands before the first star first: most texts differ there, and every request is asked. */
function globMatcher(pattern: string): (text: string) => boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return (text) => text === pattern;
  const prefix = pattern.slice(0, star);
  const rest = pattern.slice(star);
  if (rest === '**') return (text) => text.startsWith(prefix);
  return (text) => text.startsWith(prefix) && matchesGlob(rest, text.slice(star));
}

/** In words, for the capture's header. The value of a header is not among them: it may be a secret. */
function whereWords(where: SamplerRule['where']): string[] {
  if (where === undefined) return [];
  const { direction, protocol, method, path, operation, header } = where;
  const words = [direction, protocol, method, path, operation].flatMap((value) =>
    value === undefined ? [] : listOf(value).join('|'),
  );
  return header === undefined ? words : [...words, `header ${header.name}`];
}

function listOf<T extends string | number>(value: T | readonly T[]): readonly T[] {
  return typeof value === 'object' ? value : [value];
}

function invalid(name: string, expected: string): never {
  throw new GardenhoseError('invalid-option', `${name} must be ${expected}`, { subject: name });
}

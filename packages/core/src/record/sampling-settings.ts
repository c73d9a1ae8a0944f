import { GardenhoseError } from '../errors.ts';
import { brokenJson } from '../mask/policy/broken-json.ts';
import { onlyOptions } from '../model/option-names.ts';
import { type SamplerRule, sampleBy } from './sample-rules.ts';
import { always, rateLimited, type SampleKey, type Sampler, sampleRatio } from './sampler.ts';

/** Sampling as it is set by flags and variables. */
export interface SamplingSettings {
  /** Share of what no other setting is for. Default 1. */
  readonly ratio?: number | undefined;
  /** What that share is chosen by. Default `exchange`. */
  readonly by?: SampleKey | undefined;
  /** Records all that fails. */
  readonly keepErrors?: boolean | undefined;
  /** Records all that takes longer than this, in milliseconds. */
  readonly keepSlowerThanMs?: number | undefined;
  /** Come before all of that. */
  readonly rules?: readonly SamplerRule[] | undefined;
}

/** Longer than the slowest that is kept, so that it is seen to be slow. */
const heldBeyondMs = 10_000;

/**
 * The sampler of these settings; undefined where they ask for everything.
 *
 * @throws GardenhoseError `invalid-option`
 */
export function samplerOf({
  ratio = 1,
  by,
  keepErrors = false,
  keepSlowerThanMs,
  rules = [],
}: SamplingSettings): Sampler | undefined {
  const otherwise = ratio === 1 ? always : sampleRatio(ratio, { by });
  const all: SamplerRule[] = [...rules];
  if (keepErrors) all.push({ outcome: { error: true }, sampler: always });
  if (keepSlowerThanMs !== undefined)
    all.push({ outcome: { slowerThanMs: keepSlowerThanMs }, sampler: always });
  if (all.length === 0) return ratio === 1 ? undefined : otherwise;
  const slowest = Math.max(0, ...all.map(({ outcome }) => outcome?.slowerThanMs ?? 0));
  return sampleBy(all, otherwise, { maxHeldMs: Math.ceil(slowest) + heldBeyondMs });
}

/** A rule as data: what it is for, and one of `ratio` and `perSecond`. */
export interface SamplingRule extends Omit<SamplerRule, 'sampler'> {
  readonly ratio?: number;
  /** What the ratio chooses by. */
  readonly by?: SampleKey;
  readonly perSecond?: number;
}

/**
 * Rules from the text of a JSON file: a list of `{ "where", "outcome", "ratio" }` or `{ …, "perSecond" }`. What `where` and
 * `outcome` say is checked where a sampler is made of them.
 *
 * @param subject - Name of the file, for the message
 * @throws GardenhoseError `invalid-option`
 */
export function parseSampleRules(json: string, subject: string): readonly SamplerRule[] {
  const problem = brokenJson(json);
  if (problem !== undefined) throw wrong(subject, `is not JSON, ${problem}`);
  return sampleRulesOf(JSON.parse(json), subject);
}

/**
 * The same of what such a text says.
 *
 * @throws GardenhoseError `invalid-option`
 */
export function sampleRulesOf(rules: unknown, subject: string): readonly SamplerRule[] {
  if (!Array.isArray(rules)) throw wrong(subject, 'is no list');
  return rules.map((rule: unknown, index) => ruleOf(rule, subject, index));
}

function ruleOf(rule: unknown, subject: string, index: number): SamplerRule {
  if (!isRule(rule)) throw wrong(subject, `has no rule at ${index}: no object`);
  onlyOptions(`rule ${index} of ${subject}`, rule, {
    where: true,
    outcome: true,
    ratio: true,
    by: true,
    perSecond: true,
  });
  const { where, outcome, ratio, by, perSecond } = rule;
  if ((ratio === undefined) === (perSecond === undefined))
    throw wrong(subject, `has in rule ${index} not one of ratio and perSecond`);
  return { where, outcome, sampler: perSecond === undefined ? ratioOf(ratio, by) : rateLimited(perSecond) };
}

function ratioOf(ratio = 1, by?: SampleKey): Sampler {
  return ratio === 1 ? always : sampleRatio(ratio, { by });
}

function isRule(value: unknown): value is SamplingRule {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(subject: string, found: string): GardenhoseError {
  return new GardenhoseError(
    'invalid-option',
    `${subject} ${found}; expected a list such as [{ "where": { "path": "/health" }, "ratio": 0 }]`,
    { subject },
  );
}

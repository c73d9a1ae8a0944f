import { createMasker, defaultRuleIds } from '@gardenhose/core';
// The scanner by itself is no public export: what is compared here is techniques of masking JSON.
import { resolvePolicy } from '../packages/core/dist/mask/policy/resolve-policy.js';
import { anyExchange } from '../packages/core/dist/mask/rules/rule-context.js';
import { PolicyRules } from '../packages/core/dist/mask/rules/rules.js';
import { Scope } from '../packages/core/dist/mask/rules/scope.js';
import { TextMasker } from '../packages/core/dist/mask/text/text-masker.js';
import { Replacer } from '../packages/core/dist/mask/value/replace.js';
import { Tokens } from '../packages/core/dist/mask/value/tokens.js';
import { documentOf, maskBody, typicalExchange } from './support/masked-traffic.js';

export const name = 'mask-throughput';
export const description = 'Masking JSON against parse, walk and stringify; worst inputs; a whole exchange';

/** @typedef {{ name: string, value: number, unit: string, target?: number, ok?: boolean }} Measure */

const key = { base64: Buffer.alloc(32, 7).toString('base64') };
const namesOnly = defaultRuleIds.filter(
  (id) => id.startsWith('default/detect/') || id === 'default/graphql-literal',
);
const tokens = new Tokens(key, 10_000);

/**
 * Masks a JSON document with the scanner alone.
 * @param {import('@gardenhose/core').Policy} policy
 * @returns {(data: Buffer) => Buffer}
 */
function scannerOf(policy) {
  const resolved = resolvePolicy(policy);
  const scope = new Scope(new PolicyRules(resolved).select(anyExchange));
  const scanner = new TextMasker(scope, new Replacer(tokens), resolved.limits).scanner(0);
  return (data) => {
    if (scanner.scan(data, 0, data.length, 0) !== '') throw new Error('the document was not accepted');
    return scanner.edits.count === 0 ? data : scanner.edits.applyToBytes(data);
  };
}

/** Names in the documents that the policy masks, and the types of their tokens. */
const sensitive = new Map([
  ['firstName', 'name'],
  ['lastName', 'name'],
  ['email', 'email'],
  ['phone', 'phone'],
  ['street', 'address'],
  ['zip', 'address'],
]);

/**
 * The same masking as a walk over the parsed document.
 * @param {unknown} value
 * @returns {unknown}
 */
function walk(value) {
  if (Array.isArray(value)) return value.map(walk);
  if (typeof value !== 'object' || value === null) return value;
  /** @type {Record<string, unknown>} */
  const out = {};
  for (const [member, inner] of Object.entries(value)) {
    const type = sensitive.get(member);
    out[member] = type !== undefined && typeof inner === 'string' ? tokens.token(type, inner) : walk(inner);
  }
  return out;
}

/**
 * The least microseconds per call over several samples, taken in turns so that a busy machine slows all alike.
 * @param {Record<string, () => unknown>} contenders
 * @param {number} budgetMs
 * @returns {(contender: string) => number}
 */
function bestOf(contenders, budgetMs) {
  const runs = Object.entries(contenders).map(([label, run]) => ({
    label,
    run,
    count: repeats(run),
    best: Infinity,
  }));
  const until = performance.now() + budgetMs;
  while (performance.now() < until) {
    for (const each of runs) {
      const start = performance.now();
      for (let i = 0; i < each.count; i++) each.run();
      each.best = Math.min(each.best, ((performance.now() - start) * 1000) / each.count);
    }
  }
  return (contender) => runs.find(({ label }) => label === contender)?.best ?? Number.NaN;
}

/**
 * How often to call for a sample of about 4 ms. Found with code that is warm: the first calls, which compile, would leave
 * samples of a few calls, too few for the compiler to come back to them.
 * @param {() => unknown} run
 */
function repeats(run) {
  const warm = performance.now() + 150;
  while (performance.now() < warm) run();
  for (let count = 1; ; count *= 2) {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    if (performance.now() - start >= 4 || count >= 1 << 16) return count;
  }
}

/**
 * Inputs made to be slow for one detector each: its own beginnings, over and over.
 * @type {Record<string, string[]>}
 */
const adversarial = {
  email: ['a@a', '@a.b1', 'a@1.'],
  card: ['4242 ', '424242424242424', '4242-4242 4242 424 '],
  iban: ['DE12 ', 'GB82WEST1234 '],
  jwt: ['.eyJhbGciOi.eyJ', '-eyJ', 'eyJhbGciOiJ9.eyJzdWIiOi '],
  bearer: ['Bearer ', 'Bearer abcdefghijklmnop '],
  'api-key': [' sk-ant-', '-sk-ant-', 'ghp_a'],
  'private-key': ['-----BEGIN ', '-----BEGIN RSA PRIVATE KEY', '-'],
  'url-userinfo': ['://a', '://a:'],
  assignment: ['password=', 'a1=', '"password":"', '"a":', "'a' :"],
  ssn: ['123-45-', '123-45-678 '],
  phone: ['+1 2', '+1234567 '],
  ip: ['1.1.1.1.', '::1 '],
};

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  /** @type {Measure[]} */
  const measures = [];
  const budget = quick ? 800 : 3000;
  const byNames = scannerOf({ version: 1, key, disable: namesOnly });
  const byAll = scannerOf({ version: 1, key });
  for (const { label, size } of sizes) {
    const data = documentOf(size);
    const best = bestOf(
      {
        walk: () => Buffer.from(JSON.stringify(walk(JSON.parse(data.toString())))),
        names: () => byNames(data),
        all: () => byAll(data),
      },
      budget,
    );
    /** @param {string} contender */
    const speed = (contender) => Math.round(data.length / best(contender));
    measures.push(
      { name: `parse, walk, stringify, ${label}`, value: speed('walk'), unit: 'MB/s' },
      { name: `scanner, names only, ${label}`, value: speed('names'), unit: 'MB/s' },
      { name: `scanner, all detectors, ${label}`, value: speed('all'), unit: 'MB/s' },
      atLeast(`names only against parse, walk, stringify, ${label}`, best('walk') / best('names'), 2.5),
      atLeast(`all detectors against parse, walk, stringify, ${label}`, best('walk') / best('all'), 1),
    );
  }
  const everything = createMasker({ version: 1, key, limits: { bodyBytes: 8 << 20 } });
  measures.push(...worst(everything, quick), plainText(everything, budget));
  const exchangeUs = bestOf({ exchange: () => typicalExchange(everything) }, budget)('exchange');
  measures.push({ name: 'whole policy, typical exchange', value: round(exchangeUs), unit: 'us' });
  return measures;
}

const sizes = [
  { label: '1 kB', size: 1000 },
  { label: '10 kB', size: 10_000 },
  { label: '1 MB', size: 1_000_000 },
];

/**
 * @param {string} label
 * @param {number} value
 * @param {number} target
 */
function atLeast(label, value, target) {
  return { name: label, value: round(value), unit: 'times', target, ok: value >= target };
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}

/**
 * For each detector, and for names and forms, the slowest of the inputs that were made to be slow for it.
 * @param {import('@gardenhose/core').Masker} masker
 * @param {boolean} quick
 * @returns {Measure[]}
 */
function worst(masker, quick) {
  const bytes = quick ? 1 << 18 : 1 << 20;
  const names = Array.from({ length: Math.floor(bytes / 14) }, (_, i) => `"n${i.toString(36)}":"v"`).join(
    ',',
  );
  const inputs = Object.entries(adversarial).flatMap(([label, pieces]) =>
    pieces.map((piece) => ({
      label,
      text: piece.repeat(Math.ceil(bytes / piece.length)).slice(0, bytes),
      type: 'text/plain',
    })),
  );
  inputs.push(
    { label: 'distinct names', text: `{${names}}`, type: 'application/json' },
    {
      label: 'masked members',
      text: `[${'{"password":"x"},'.repeat(bytes / 17)}0]`,
      type: 'application/json',
    },
    { label: 'form', text: 'a=%41&'.repeat(bytes / 6), type: 'application/x-www-form-urlencoded' },
  );
  /** @type {Map<string, number>} */
  const slowest = new Map();
  for (const { label, text, type } of inputs) {
    const data = Buffer.from(text);
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 8; i++) {
      const start = performance.now();
      maskBody(masker, data, type);
      least = Math.min(least, performance.now() - start);
    }
    const ms = (least * (1 << 20)) / data.length;
    slowest.set(label, Math.max(slowest.get(label) ?? 0, ms));
  }
  return [...slowest].map(([label, ms]) => ({
    name: `worst input for ${label}`,
    value: round(ms),
    unit: 'ms per MB',
    target: 100,
    ok: ms <= 100,
  }));
}

const prose =
  'The Analytical Engine, in its second edition of 1843, weaves algebraic patterns; it (the well-known loom) does not ' +
  'originate anything: it follows.\n';

/**
 * A text without anything to mask, from start to end of the exchange.
 * @param {import('@gardenhose/core').Masker} masker
 * @param {number} budgetMs
 * @returns {Measure}
 */
function plainText(masker, budgetMs) {
  const data = Buffer.from(prose.repeat(Math.ceil(65_536 / prose.length)).slice(0, 65_536));
  const best = bestOf({ text: () => maskBody(masker, data, 'text/plain') }, budgetMs)('text');
  return { name: 'plain text, 64 kB', value: Math.round(data.length / best), unit: 'MB/s' };
}

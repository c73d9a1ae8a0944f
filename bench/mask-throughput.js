import { createMasker, defaultRuleIds } from '@gardenhose/core';
import { Replacer } from '../packages/core/dist/mask/replace.js';
// The scanner by itself is no public export: what is compared here is techniques of masking JSON.
import { resolvePolicy } from '../packages/core/dist/mask/resolve-policy.js';
import { PolicyRules } from '../packages/core/dist/mask/rules.js';
import { Scope } from '../packages/core/dist/mask/scope.js';
import { TextMasker } from '../packages/core/dist/mask/text-masker.js';
import { Tokens } from '../packages/core/dist/mask/tokens.js';

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
  const scope = new Scope(
    new PolicyRules(resolved).select({
      direction: 'inbound',
      protocol: 'http',
      part: 'request',
      method: 'POST',
      host: '',
      path: '/',
      contentType: '',
    }),
  );
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
 * API-like records until there are about this many bytes. The values repeat, as those of a service's users do.
 * @param {number} bytes
 */
function documentOf(bytes) {
  const items = [];
  let size = 0;
  for (let i = 0; size < bytes; i++) {
    const item = {
      id: 100_000 + i,
      uuid: `3f2504e0-4f89-41d3-9a0c-${String(i % 997).padStart(12, '0')}`,
      status: i % 3 === 0 ? 'shipped' : 'pending',
      customer: {
        firstName: `Ada${i % 50}`,
        lastName: 'Lovelace',
        email: `ada${i % 50}@example.com`,
        phone: '+442079460018',
        address: { street: '12 St James Square', city: 'London', zip: 'SW1Y 4JH', country: 'GB' },
      },
      items: [
        {
          sku: 'ENG-0001',
          title: 'Analytical engine, second edition',
          quantity: 1,
          price: 1999.5,
          tags: ['brass', 'steam'],
        },
        {
          sku: 'NOTE-077',
          title: 'Notes on the engine with a longer description of it',
          quantity: 2,
          price: 12.25,
          tags: [],
        },
      ],
      createdAt: '2026-05-01T12:34:56.789Z',
      total: 2024,
      paid: i % 2 === 0,
      note: null,
    };
    items.push(item);
    size += JSON.stringify(item).length + 1;
  }
  return Buffer.from(JSON.stringify({ items, next: null }));
}

let exchange = 0;

/**
 * One body through a masker, with the events around it that it needs.
 * @param {import('@gardenhose/core').Masker} masker
 * @param {Buffer} data
 * @param {string} type
 */
function maskBody(masker, data, type) {
  exchange++;
  const stamp = { seq: exchange, at: exchange, exchange };
  masker.mask({
    type: 'start',
    ...stamp,
    direction: 'inbound',
    protocol: 'http',
    lane: '1',
    scheme: 'http',
    version: '1.1',
    method: 'POST',
    target: '/',
    headers: ['content-type', type],
    sampleRate: 1,
  });
  masker.mask({ type: 'chunk', ...stamp, side: 'request', size: data.length, data });
  const out = masker.mask({
    type: 'end',
    ...stamp,
    side: 'request',
    size: data.length,
    state: 'kept',
    complete: true,
  });
  masker.mask({ type: 'end', ...stamp, side: 'response', size: 0, state: 'kept', complete: true });
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
 * How often to call for a sample of about 4 ms.
 * @param {() => unknown} run
 */
function repeats(run) {
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
    for (let i = 0; i < 4; i++) {
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

const requestBody = documentOf(1600);
const responseBody = documentOf(7500);
const requestHeaders = [
  ...[
    'Host',
    'shop.example',
    'User-Agent',
    'Mozilla/5.0 (X11; Linux x86_64) Firefox/139.0',
    'Accept',
    'application/json',
  ],
  ...[
    'Accept-Language',
    'en-GB,en;q=0.5',
    'Accept-Encoding',
    'gzip, deflate, br',
    'Referer',
    'https://shop.example/cart?step=2',
  ],
  ...[
    'Content-Type',
    'application/json',
    'Content-Length',
    String(requestBody.length),
    'Origin',
    'https://shop.example',
  ],
  ...[
    'Connection',
    'keep-alive',
    'Cookie',
    'sid=0a1b2c3d4e5f; theme=dark; consent=yes',
    'Authorization',
    'Bearer 0a1b2c3d4e5f6a7b',
  ],
  ...[
    'Sec-Fetch-Site',
    'same-origin',
    'X-Forwarded-For',
    '203.0.113.7',
    'X-Request-Id',
    '5ac7-11',
    'Cache-Control',
    'no-cache',
  ],
];
const responseHeaders = [
  ...[
    'Date',
    'Fri, 01 May 2026 12:34:56 GMT',
    'Content-Type',
    'application/json',
    'Content-Length',
    String(responseBody.length),
  ],
  ...[
    'Connection',
    'keep-alive',
    'Cache-Control',
    'no-store',
    'ETag',
    'W/"1f40-abc"',
    'Vary',
    'Origin',
    'Server',
    'nginx',
  ],
  ...[
    'Set-Cookie',
    'sid=0a1b2c3d4e5f; Path=/; HttpOnly; Secure',
    'Strict-Transport-Security',
    'max-age=31536000',
  ],
  ...['X-Content-Type-Options', 'nosniff', 'X-Request-Id', '5ac7-11'],
];

/**
 * 16 and 12 headers, 2 kB in, 8 kB out.
 * @param {import('@gardenhose/core').Masker} masker
 */
function typicalExchange(masker) {
  exchange++;
  const stamp = { seq: exchange, at: exchange, exchange };
  /** @type {{ size: number, state: 'kept', complete: boolean }} */
  const ended = { size: 0, state: 'kept', complete: true };
  masker.mask({
    type: 'start',
    ...stamp,
    direction: 'inbound',
    protocol: 'http',
    lane: '1',
    scheme: 'https',
    version: '1.1',
    method: 'POST',
    target: '/orders/7/items?page=2&email=ada%40example.com',
    headers: requestHeaders,
    peer: '127.0.0.1:51234',
    sampleRate: 1,
  });
  masker.mask({ type: 'chunk', ...stamp, side: 'request', size: requestBody.length, data: requestBody });
  masker.mask({ type: 'end', ...stamp, side: 'request', ...ended });
  masker.mask({
    type: 'headers',
    ...stamp,
    status: 200,
    reason: 'OK',
    version: '1.1',
    headers: responseHeaders,
  });
  masker.mask({ type: 'chunk', ...stamp, side: 'response', size: responseBody.length, data: responseBody });
  masker.mask({ type: 'end', ...stamp, side: 'response', ...ended });
}

import { expect, test } from 'vitest';
import { sampleBy } from '../../src/record/sample-rules.ts';
import { always, never, type Sampler, sampleRatio } from '../../src/record/sampler.ts';
import { aStart } from '../../src/testing/factories.ts';
import { processorMs } from '../mask/linear.ts';

const half: Sampler = { description: 'half', sample: () => 0.5 };

test('the sampler of the first rule that fits is asked', () => {
  const sampler = sampleBy(
    [
      { where: { path: '/health' }, sampler: never },
      { where: { method: 'get', path: ['/static/**', '/img/*'] }, sampler: never },
      { where: { path: '/orders/*/items' }, sampler: half },
      { where: { path: '/a.b(c)' }, sampler: never },
    ],
    always,
  );
  const rate = (method: string, target: string) => sampler.sample(aStart({ method, target }), 1);
  expect(rate('GET', '/health?deep=1')).toBe(0);
  expect(rate('GET', '/healthy')).toBe(1);
  expect(rate('GET', '/static/js/app.js')).toBe(0);
  expect(rate('GET', '/img/a/b')).toBe(1);
  expect(rate('POST', '/static/js/app.js')).toBe(1);
  expect(rate('GET', '/orders/7/items')).toBe(0.5);
  expect(rate('GET', '/orders/7/8/items')).toBe(1);
  expect(rate('GET', '/a.b(c)')).toBe(0);
  expect(rate('GET', '/aXb(c)')).toBe(1);
  expect(sampler.description).toContain('/health: never');
  expect(sampler.byOutcome).toBeUndefined();
});

test('rules go by operation, header, direction and protocol as well, and words tell no header value', () => {
  const sampler = sampleBy(
    [
      { where: { header: { name: 'X-Debug', equals: 'open sesame' } }, sampler: always },
      { where: { header: { name: 'x-tier', matches: 'gold*' } }, sampler: half },
      { where: { operation: 'shop.Orders/*', protocol: 'grpc' }, sampler: half },
      { where: { direction: 'outbound' }, sampler: never },
    ],
    never,
  );
  const rate = (over: Parameters<typeof aStart>[0]) => sampler.sample(aStart(over), 1);
  expect(rate({ headers: ['x-debug', 'open sesame'] })).toBe(1);
  expect(rate({ headers: ['x-debug', 'open'] })).toBe(0);
  expect(rate({ headers: ['x-tier', 'silver', 'X-Tier', 'gold-2'] })).toBe(0.5);
  expect(rate({ operation: 'shop.Orders/Get', protocol: 'grpc' })).toBe(0.5);
  expect(rate({ operation: 'shop.Orders/Get' })).toBe(0);
  expect(rate({})).toBe(0);
  expect(sampler.description).not.toContain('sesame');
});

test('rules by outcome are decided with those before them, and not at all where none can fit', () => {
  const sampler = sampleBy(
    [
      { where: { path: '/health' }, sampler: never },
      { outcome: { error: true }, sampler: always },
      { where: { path: '/api/**' }, outcome: { slowerThanMs: 500 }, sampler: half },
      { where: { path: '/api/static' }, sampler: never },
    ],
    { description: 'tenth', sample: () => 0.1 },
  );
  const decide = (target: string) => sampler.byOutcome?.decide(aStart({ target }), 1);
  expect(decide('/health')).toBeUndefined();
  expect(decide('/')).toEqual({ otherwise: 0.1, shares: [1, Number.NaN] });
  expect(decide('/api/a')).toEqual({ otherwise: 0.1, shares: [1, 0.5] });
  expect(decide('/api/static')).toEqual({ otherwise: 0, shares: [1, 0.5] });
  expect(sampler.sample(aStart({ target: '/' }), 1)).toBe(0.1);
  expect(sampler.description).toBe(
    '/health: never; error: always; /api/** slower than 500 ms: half; /api/static: never; otherwise: tenth',
  );
});

test.each<[string, unknown, unknown?]>([
  ['rules[0] has no option "path"', [{ path: '/health', sampler: never }]],
  ['rules[0].sampler must be a sampler', [{ where: { path: '/' } }]],
  ['rules[0].where must be status: no such', [{ where: { state: 1 }, sampler: never }], 'state'],
  ['rules[0].where must be known as an exchange starts', [{ where: { status: 500 }, sampler: never }]],
  ['rules[0].outcome must be an object with at least one condition', [{ outcome: {}, sampler: never }]],
  ['rules[0].outcome has no option "slow"', [{ outcome: { slow: 1 }, sampler: never }]],
  ['rules[0].outcome.status must be', [{ outcome: { status: '6xx' }, sampler: never }]],
  ['rules[0].outcome.grpcStatus must be', [{ outcome: { grpcStatus: [] }, sampler: never }]],
  ['rules[0].outcome.slowerThanMs must be', [{ outcome: { slowerThanMs: -1 }, sampler: never }]],
  ['rules[0].outcome.error must be true', [{ outcome: { error: false }, sampler: never }]],
  [
    'sampler must be one without outcomes',
    [{ sampler: sampleBy([{ outcome: { error: true }, sampler: always }]) }],
  ],
])('%s: refused', (message, rules, part) => {
  const make: (rules: never) => unknown = sampleBy;
  const expected = part === undefined ? message : `${String(part)}: no such field`;
  expect(() => make(rules as never)).toThrow(expected);
});

test('an exchange is waited for longer than it takes to be slow', () => {
  const rules = [{ outcome: { slowerThanMs: 20_000 }, sampler: always }];
  expect(() => sampleBy(rules)).toThrow(
    'maxHeldMs must be over the slowerThanMs of every rule, got 10000 and 20000',
  );
  expect(sampleBy(rules, sampleRatio(0.1), { maxHeldMs: 30_000 }).byOutcome?.maxHeldMs).toBe(30_000);
});

test('a path full of stars is taken in its stride', () => {
  const sampler = sampleBy([{ where: { path: '/**a**a**a**a**a**a**b' }, sampler: never }]);
  const start = aStart({ target: `/${'a'.repeat(60)}` });
  expect(processorMs(() => sampler.sample(start, 1))).toBeLessThan(1000);
});

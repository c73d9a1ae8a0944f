import { expect, test } from 'vitest';
import { PolicySuggester } from '../../../src/mask/tools/suggest.ts';
import { aChunk, anExchange } from '../../../src/testing/factories.ts';

const json = ['Content-Type', 'application/json'];

function answered(value: unknown, headers: readonly string[] = [], target = '/') {
  const chunk = aChunk(JSON.stringify(value));
  return anExchange({
    request: { target, headers },
    response: { headers: json, chunks: [chunk], size: chunk.size },
  });
}

function suggested(exchanges: readonly ReturnType<typeof answered>[]) {
  const suggester = new PolicySuggester();
  for (const exchange of exchanges) suggester.add(exchange);
  return suggester;
}

const random = (i: number) => `aB3${i}xYz9Q8w7E6r5T4y3U2i${i}`;

test('names are proposed by what their values look like', () => {
  const suggester = suggested(
    Array.from({ length: 10 }, (_, i) =>
      answered(
        {
          shipmentRef: random(i),
          remark: `please ring twice ${i}`,
          extension: `0${i}0 555 0${i}99`,
          employer: `n${i}`,
          quantity: i,
          open: true,
        },
        ['X-Tenant', i < 5 ? 'a' : 'b', 'X-Trace', random(i)],
        `/?sort=up&region=r${i}`,
      ),
    ),
  );
  const found = new Map(suggester.suggestions().map(({ name, rule }) => [name, rule?.mask]));
  expect(Object.fromEntries(found)).toEqual({
    'x-tenant': 'keep',
    'x-trace': undefined,
    shipmentRef: { do: 'token', type: 'secret' },
    remark: 'redact',
    extension: 'token',
    employer: 'token',
    region: 'token',
    quantity: undefined,
    open: undefined,
    sort: undefined,
  });
  expect([...found.keys()].slice(-3).sort()).toEqual(['open', 'quantity', 'sort']);
  expect(suggester.policy(2).rules).toHaveLength(2);
});

test('names in all spellings and places are one; names that rules know, and below them, are none', () => {
  const [name, ...more] = suggested([
    answered({ unitPrice: 7, secret: { inner: 'x' }, users: { email: 'a' } }, [], '/?unit_price=9'),
  ]).suggestions();
  expect(more).toEqual([]);
  expect(name).toMatchObject({ name: 'unit_price', places: ['query', 'json'], count: 2, distinct: 2 });
});

test('names that are values themselves are not told', () => {
  const id = 'b7f9c1de-0000-4000-8000-1234567890ab';
  const suggester = suggested([answered({ byId: { [id]: 1, 'ada@example.com': 2, '12345': 3 } })]);
  expect(suggester.suggestions()).toEqual([]);
});

test('what is proposed is a valid policy that adds to the one that is there', () => {
  const rules = [{ id: 'mine', at: 'key:remark', mask: 'keep' }] as const;
  const suggester = new PolicySuggester({ version: 1, rules });
  for (const i of [1, 2, 3]) suggester.add(answered({ remark: `a b ${i}`, review: `c d ${i}` }));
  const policy = suggester.policy(10);
  expect(policy.rules?.map(({ id }) => id)).toEqual(['mine', 'suggest/key/review']);
  expect(() => new PolicySuggester(policy)).not.toThrow();
  expect(() => new PolicySuggester({ version: 1, extends: 'none' })).toThrow(/masks nothing/);
});

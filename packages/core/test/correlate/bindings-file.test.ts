import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Bindings } from '../../src/correlate/binding.ts';
import { parseBindings, printBindings } from '../../src/correlate/bindings-file.ts';
import { isGardenhoseError } from '../../src/errors.ts';

const some: Bindings = {
  format: 'gardenhose-bindings/1',
  bindings: [
    {
      from: { operation: 'POST /orders', place: 'body.$.id' },
      to: { operation: 'GET /orders/:id', place: 'path[1]' },
      enabled: true,
      evidence: { matched: 4, values: 4, contradicted: 0 },
      confidence: 0.833,
    },
    {
      from: { operation: '*', place: 'set-cookie.sid' },
      to: { operation: '*', place: 'cookie.sid' },
      enabled: false,
    },
  ],
};

test('what is printed is read as the same, one binding to a line', () => {
  const text = printBindings(some);
  expect(parseBindings(text)).toEqual(some);
  expect(text.split('\n').filter((line) => line.includes('"from"'))).toHaveLength(2);
});

test('a binding that a person writes needs its two ends alone', () => {
  const by = {
    from: { operation: 'GET /a', place: 'body.$.n' },
    to: { operation: 'GET /b', place: 'query.n' },
    anyValue: true,
  };
  expect(parseBindings(JSON.stringify({ format: 'gardenhose-bindings/1', bindings: [by] })).bindings).toEqual(
    [by],
  );
});

test('a file that is wrong says where, and shows none of it', () => {
  const from = { operation: 'GET /a', place: 'body.$.n' };
  const to = { operation: 'GET /b', place: 'query.n' };
  const cases: [unknown, RegExp][] = [
    ['{"s3cret', /b\.json: is no JSON: it ends/],
    [[], /expected an object with "format"/],
    [{ format: 'gardenhose-bindings/2', bindings: [] }, /expected "format": "gardenhose-bindings\/1"/],
    [{ format: 'gardenhose-bindings/1', bindings: {} }, /bindings: expected a list/],
    [
      { format: 'gardenhose-bindings/1', bindings: [], binding: 1 },
      /unknown field "binding".*did you mean "bindings"/,
    ],
    [{ format: 'gardenhose-bindings/1', bindings: [{ from }] }, /bindings\[0\]\.to: expected an object/],
    [{ format: 'gardenhose-bindings/1', bindings: [{ from, to, enabeld: true }] }, /did you mean "enabled"/],
    [
      { format: 'gardenhose-bindings/1', bindings: [{ from, to, enabled: 'no' }] },
      /enabled: expected true or false/,
    ],
    [
      { format: 'gardenhose-bindings/1', bindings: [{ from: { ...from, place: 'path[0]' }, to }] },
      /from\.place: expected a place/,
    ],
    [
      { format: 'gardenhose-bindings/1', bindings: [{ from, to: { ...to, place: 'set-cookie.x' } }] },
      /to\.place: expected a place/,
    ],
    [{ format: 'gardenhose-bindings/1', bindings: [{ from, to, confidence: 2 }] }, /confidence/],
    [
      { format: 'gardenhose-bindings/1', bindings: [{ from, to, evidence: { matched: -1 } }] },
      /evidence\.matched/,
    ],
  ];
  for (const [value, message] of cases) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    expect(() => parseBindings(text, 'b.json')).toThrow(message);
    expect(() => parseBindings(text, 'b.json')).not.toThrow(/s3cret/);
  }
});

test('a header that nothing looks at is refused, with what can be bound', () => {
  const answer = { operation: '*', place: 'header.x-token' };
  const request = { operation: '*', place: 'header.x-csrf-token' };
  const tried = (side: 'from' | 'to', place: string) => () => {
    const ends = { from: answer, to: request, [side]: { operation: '*', place } };
    return parseBindings(JSON.stringify({ format: 'gardenhose-bindings/1', bindings: [ends] }));
  };
  const unseen = ['connection', 'host', 'content-length', 'transfer-encoding', 'te', 'proxy-connection'];
  for (const name of [...unseen, 'sec-fetch-site', 'x-shadow-run', ':path'])
    for (const side of ['from', 'to'] as const)
      expect(tried(side, `header.${name}`)).toThrow(
        `bindings[0].${side}.place: header.${name} is not looked at, since it is set by the connection, the program or a clock. Any other header can be bound`,
      );
  expect(tried('to', 'header.X-CSRF-Token')).toThrow(/write header\.x-csrf-token, in lower case/);
  expect(tried('to', 'header.cookie')).toThrow(/write cookie\.NAME/);
  expect(tried('from', 'header.set-cookie')).toThrow(/write set-cookie\.NAME/);
  expect(tried('to', 'header.x-next#query.cursor')).toThrow(/taken whole/);
  expect(tried('from', 'header.x-18f3a2b1c9d')).toThrow(/header\.\*/);
  for (const place of ['header.*', 'header.etag', 'header.location#path[1]', 'header.link#query.cursor'])
    expect(tried('from', place)().bindings).toHaveLength(1);
  for (const place of ['header.*', 'header.authorization', 'header.if-none-match', 'header.x-user'])
    expect(tried('to', place)().bindings).toHaveLength(1);
});

test('no JSON ends in anything but bindings or a refusal', () => {
  const read = (value: unknown) => {
    try {
      parseBindings(JSON.stringify(value));
    } catch (error) {
      expect(isGardenhoseError(error, 'invalid-option')).toBe(true);
    }
  };
  fc.assert(fc.property(fc.jsonValue(), read), { numRuns: 200 });
});

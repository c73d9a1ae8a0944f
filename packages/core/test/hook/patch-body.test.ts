import fc from 'fast-check';
import { expect, test } from 'vitest';
import { patchBody, spreadEnds } from '../../src/hook/patch-body.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) =>
  data === undefined ? undefined : new TextDecoder().decode(data);

test('patchBody() applies a patch and keeps large numbers exact', () => {
  const body = bytes('{"id": 12345678901234567890, "tags": ["a"]}');
  const patch = [{ op: 'add', path: '/tags/-', value: 'b' }] as const;
  expect(text(patchBody(body, patch))).toBe('{"id":12345678901234567890,"tags":["a","b"]}');
});

test('patchBody() applies a patch whole or not at all', () => {
  const patch = [
    { op: 'remove', path: '/a' },
    { op: 'test', path: '/b', value: 3 },
  ] as const;
  expect(text(patchBody(bytes('{"a":1,"b":3}'), patch))).toBe('{"b":3}');
  expect(patchBody(bytes('{"a":1,"b":2}'), patch)).toBeUndefined();
  expect(patchBody(bytes('{"b":3}'), patch)).toBeUndefined();
});

test('patchBody() gives nothing for a body that is not JSON in UTF-8', () => {
  const patch = [{ op: 'remove', path: '/a' }] as const;
  expect(patchBody(bytes('a=1'), patch)).toBeUndefined();
  expect(patchBody(bytes(''), patch)).toBeUndefined();
  expect(patchBody(new Uint8Array([0x22, 0xff, 0x22]), patch)).toBeUndefined();
});

test('patchBody() does not change its patch between bodies', () => {
  const patch = [
    { op: 'add', path: '/list', value: [] as number[] },
    { op: 'add', path: '/list/-', value: 1 },
  ] as const;
  expect(text(patchBody(bytes('{}'), patch))).toBe('{"list":[1]}');
  expect(text(patchBody(bytes('{}'), patch))).toBe('{"list":[1]}');
});

test('patchBody() does not reach what objects inherit', () => {
  expect(patchBody(bytes('{}'), [{ op: 'add', path: '/toString/polluted', value: 1 }])).toBeUndefined();
  expect(patchBody(bytes('{}'), [{ op: 'add', path: '/__proto__/polluted', value: 1 }])).toBeUndefined();
  expect(patchBody(bytes('[]'), [{ op: 'add', path: '/length', value: 9 }])).toBeUndefined();
  expect(Object.hasOwn(Object.prototype.toString, 'polluted')).toBe(false);
});

test('patchBody() refuses a patch that copies a body into itself again and again', () => {
  const patch = Array.from({ length: 60 }, () => ({ op: 'copy', from: '', path: '/a' }) as const);
  expect(patchBody(bytes('{"a":"0123456789","b":"0123456789"}'), patch)).toBeDefined();
  const doubling = Array.from(
    { length: 60 },
    (_, i) => ({ op: 'copy', from: '/a', path: `/a/${i}` }) as const,
  );
  expect(patchBody(bytes(`{"a":{"b":"${'x'.repeat(1000)}"}}`), doubling)).toBeUndefined();
});

test('spreadEnds() never falls, keeps the count and ends at the length', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 1 }), fc.nat(10_000), (shares, length) => {
      const ends = spreadEnds(shares, length);
      expect(ends).toHaveLength(shares.length);
      expect(ends.at(-1)).toBe(length);
      expect(ends.every((end, i) => end >= (ends[i - 1] ?? 0) && end <= length)).toBe(true);
    }),
  );
  expect(spreadEnds([10, 10], 10)).toEqual([5, 10]);
  expect(spreadEnds([], 10)).toEqual([]);
});

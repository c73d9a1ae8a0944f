import { expect, test } from 'vitest';
import { boundaryOf, maskedBoundary, withMaskedBoundary } from '../../../src/mask/head/multipart-boundary.ts';

test('finds the boundary that a type names, quoted or not', () => {
  expect(boundaryOf('multipart/form-data; boundary=----WebKitFormBoundary7MA4')).toBe(
    '----WebKitFormBoundary7MA4',
  );
  expect(boundaryOf('multipart/mixed; charset=utf-8; Boundary="a b;c" ; x=y')).toBe('a b;c');
});

test('finds none where readers would not agree on it', () => {
  for (const value of [
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="a',
    'multipart/form-data; boundary=a b',
    'multipart/form-data; boundary=a; boundary=b',
    "multipart/form-data; boundary*=utf-8''a",
    'multipart/form-data; boundary="a\\"b"',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ]) {
    expect([value, boundaryOf(value)]).toEqual([value, undefined]);
  }
});

test('leaves nothing of a boundary in the type, however it is written', () => {
  const masked = `; boundary=${maskedBoundary(0)}`;
  for (const [value, kept] of [
    ['multipart/form-data; boundary=S3cret', 'multipart/form-data'],
    ['multipart/mixed;BOUNDARY="S3cret;x"; charset=utf-8', 'multipart/mixed; charset=utf-8'],
    ['multipart/form-data; boundary=a; boundary=S3cret', 'multipart/form-data'],
    ["multipart/form-data; boundary*=utf-8''S3cret", 'multipart/form-data'],
    ['multipart/form-data; boundary*0=S3; boundary*1=S3cret', 'multipart/form-data'],
    ['multipart/form-data, boundary=S3cret', 'multipart/form-data,'],
    ['multipart/form-data boundary=S3cret', 'multipart/form-data'],
    ['multipart/form-data; x="a; boundary=S3cret', 'multipart/form-data; x="a;'],
    ['text/plain; boundary=S3cret', 'text/plain'],
  ] as const) {
    expect(withMaskedBoundary(value)).toBe(kept + masked);
  }
  expect(withMaskedBoundary('multipart/form-data')).toBe('multipart/form-data');
});

test('names the boundary that it puts there, and none that is the beginning of another', () => {
  expect(boundaryOf(withMaskedBoundary('multipart/mixed; boundary=x', 1))).toBe(maskedBoundary(1));
  const all = Array.from({ length: 9 }, (_, depth) => maskedBoundary(depth));
  for (const [i, one] of all.entries()) {
    expect(all.some((other, j) => i !== j && other.startsWith(one))).toBe(false);
  }
});

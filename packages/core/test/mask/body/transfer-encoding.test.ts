import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeTransfer } from '../../../src/mask/body/transfer-encoding.ts';

function decoded(text: string, encoding: string) {
  const bytes = Buffer.from(text, 'latin1');
  return decodeTransfer(bytes, 0, bytes.length, encoding);
}

test('gives any bytes back that it encoded', () => {
  for (const encoding of ['base64', 'Quoted-Printable']) {
    const seed = decoded('', encoding);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (given) => {
        const bytes = Buffer.from(given);
        if (seed === undefined || seed === 'plain') throw new Error('not decoded');
        const text = seed.encode(bytes);
        expect(text.split('\r\n').every((line) => encoding === 'base64' || line.length <= 76)).toBe(true);
        expect(/^[\t\r\n\x20-\x7e]*$/.test(text)).toBe(true);
        const again = decoded(text, encoding);
        expect(again).toMatchObject({ bytes });
      }),
    );
  }
});

test('keeps the lines of base64 that came in lines', () => {
  const lines = [`${'QUJD'.repeat(19)}`, 'QUJD'].join('\r\n');
  const read = decoded(lines, 'base64');
  expect(read).toMatchObject({ bytes: Buffer.from('ABC'.repeat(20)) });
  if (typeof read === 'object') expect(read.encode(read.bytes)).toBe(lines);
});

test('takes what needs no decoding as it is, and nothing that it does not know', () => {
  for (const encoding of ['', '7bit', '8BIT', ' binary ']) expect(decoded('x', encoding)).toBe('plain');
  for (const [text, encoding] of [
    ['x', 'x-uuencode'],
    ['x', 'several'],
    ['eB==', 'base64'],
    ['eA=', 'base64'],
    ['e-_A', 'base64'],
    ['=4', 'quoted-printable'],
    ['=\n', 'quoted-printable'],
  ] as const) {
    expect([text, decoded(text, encoding)]).toEqual([text, undefined]);
  }
});

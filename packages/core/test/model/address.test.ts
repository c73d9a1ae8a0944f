import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalHost, hostKind, isAddress } from '../../src/model/address.ts';

test.each([
  ['127.0.0.1', 'loopback'],
  ['[::1]', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['app.LOCALHOST.', 'loopback'],
  ['10.1.2.3', 'private'],
  ['172.16.0.1', 'private'],
  ['172.32.0.1', 'public'],
  ['192.168.255.255', 'private'],
  ['100.64.0.1', 'private'],
  ['100.128.0.1', 'public'],
  ['fdab::1', 'private'],
  ['[::ffff:10.0.0.1]', 'private'],
  ['169.254.1.1', 'link-local'],
  ['169.254.169.254', 'metadata'],
  ['2852039166', 'metadata'],
  ['0xa9.0xfe.0xa9.0xfe', 'metadata'],
  ['0251.0376.0251.0376', 'metadata'],
  ['fd00:0ec2:0:0:0:0:0:254', 'metadata'],
  ['64:ff9b::7f00:1', 'no-host'],
  ['2606:4700::1', 'public'],
  ['8.8.8.8', 'public'],
  ['shop.test', 'name'],
  ['a b', 'name'],
  ['', 'name'],
  ['user@127.0.0.1', 'name'],
  ['127.0.0.1:80', 'name'],
  ['127.0.0.1/x', 'name'],
])('%s is %s', (host, kind) => {
  expect(hostKind(host)).toBe(kind);
});

test('an address keeps its kind in every way to write it', () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (number) => {
      const parts = [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255];
      const dotted = parts.join('.');
      const spellings = [
        `${dotted}.`,
        String(number),
        `0x${number.toString(16)}`,
        parts.map((part) => `0${part.toString(8)}`).join('.'),
        `::ffff:${dotted}`,
        `[0:0:0:0:0:FFFF:${dotted}]`,
      ];
      for (const spelling of spellings) {
        expect(canonicalHost(spelling)).toBe(dotted);
        expect(hostKind(spelling)).toBe(hostKind(dotted));
        expect(isAddress(spelling)).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

test('any text is some kind of host, and none is an address that is not one', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (text) => {
      expect(typeof hostKind(text)).toBe('string');
    }),
    { numRuns: 300 },
  );
});

import { expect, test } from 'vitest';
import { signMarks } from '../../src/shadow/signature.ts';
import { type ShadowTrust, trustMarks } from '../../src/shadow/trust.ts';

const headers = ['x-shadow-traffic', 'true', 'x-shadow-run', 'r1', 'x-shadow-seq', '3'];
const believed = (options: ShadowTrust, peer: string | undefined, more: readonly string[] = []) =>
  trustMarks(options)([...headers, ...more], peer) !== undefined;

test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.9.9.9'])('%s is on this machine', (peer) => {
  expect(believed({}, peer)).toBe(true);
  expect(believed({ trust: 'none' }, peer)).toBe(false);
});

test.each(['10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', '', 'unknown', undefined])(
  '%s is not trusted by default',
  (peer) => expect(believed({}, peer)).toBe(false),
);

test('addresses and ranges are trusted in every spelling', () => {
  const trust = ['10.1.0.0/16', '192.0.2.7', '2001:db8::/33'];
  for (const peer of ['10.1.255.255', '::ffff:10.1.0.1', '192.0.2.7', '2001:db8:7fff::1']) {
    expect(believed({ trust }, peer)).toBe(true);
  }
  for (const peer of ['10.2.0.0', '192.0.2.8', '2001:db8:8000::1', '127.0.0.1', '::1', undefined]) {
    expect(believed({ trust }, peer)).toBe(false);
  }
  expect(believed({ trust: ['0.0.0.0/0'] }, '203.0.113.1')).toBe(true);
  expect(believed({ trust: ['0.0.0.0/0'] }, '2001:db8::1')).toBe(false);
});

test('with a key, only what is signed is believed, wherever it comes from', () => {
  const signKey = 'k'.repeat(16);
  const expires = Math.floor(Date.now() / 1000) + 60;
  const good = signMarks(Buffer.from(signKey), 'r1', 3, expires);
  const old = signMarks(Buffer.from(signKey), 'r1', 3, expires - 120);
  expect(believed({ signKey }, '203.0.113.1', ['x-shadow-signature', good])).toBe(true);
  expect(believed({ signKey }, undefined, ['x-shadow-signature', good])).toBe(true);
  expect(believed({ signKey }, '127.0.0.1')).toBe(false);
  expect(believed({ signKey }, '127.0.0.1', ['x-shadow-signature', old])).toBe(false);
  expect(believed({ signKey, trust: 'loopback' }, '127.0.0.1')).toBe(true);
  const byBaggage = ['baggage', 'shadow=true,shadow.run=r1', 'x-shadow-signature', good];
  expect(trustMarks({ signKey })(byBaggage, '127.0.0.1')).toBeUndefined();
  expect(trustMarks({})(byBaggage, '127.0.0.1')).toMatchObject({ runId: 'r1', seq: undefined });
});

test('what is not marked is no shadow traffic, whoever sends it', () => {
  expect(trustMarks({})(['x-shadow-run', 'r1', 'baggage', 'a=b'], '127.0.0.1')).toBeUndefined();
  expect(trustMarks({})(['x-shadow-traffic', 'false'], '127.0.0.1')).toBeUndefined();
});

test.each([['10.0.0.0/33'], ['shop.test'], ['10.0.0.0/'], ['::1/129'], [''], ['*']])(
  '%s is no range',
  (range) => {
    expect(() => trustMarks({ trust: [range] })).toThrow(/shadow.trust must hold addresses/);
  },
);

test('odd options are refused', () => {
  expect(() => trustMarks({ signKey: 'short' })).toThrow(/shadow.signKey must have at least 16 bytes/);
  expect(() => trustMarks(JSON.parse('{"trust":"everyone"}'))).toThrow(/shadow.trust must be/);
  expect(() => trustMarks(JSON.parse('{"trusted":[]}'))).toThrow(/has no option "trusted"/);
});

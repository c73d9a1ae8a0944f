import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withHostSuffix } from '../../src/replay/host-suffix.ts';

test.each([
  ['shop.test', 'shop.test-shadow'],
  ['shop.test:8080', 'shop.test-shadow:8080'],
  ['localhost:3000', 'localhost-shadow:3000'],
  ['shop.test.:80', 'shop.test-shadow.:80'],
  ['shop.test-shadow:8080', 'shop.test-shadow:8080'],
  ['SHOP.test-SHADOW', 'SHOP.test-SHADOW'],
  ['10.0.0.1', '10.0.0.1'],
  ['10.0.0.1:443', '10.0.0.1:443'],
  ['10.1:443', '10.1:443'],
  ['0x7f.1', '0x7f.1'],
  ['[::1]:443', '[::1]:443'],
  ['[::1]', '[::1]'],
  ['::1', '::1'],
  ['user@shop.test', 'user@shop.test'],
  ['shop.test:80:80', 'shop.test:80:80'],
  ['', ''],
])('%s becomes %s', (authority, expected) => {
  expect(withHostSuffix(authority, '-shadow')).toBe(expected);
});

test('a suffix is never put on twice', () => {
  fc.assert(
    fc.property(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 30 })), (host) => {
      const once = withHostSuffix(host, '-shadow');
      expect(withHostSuffix(once, '-shadow')).toBe(once);
    }),
    { numRuns: 200 },
  );
});

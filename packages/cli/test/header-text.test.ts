import { aCaptureHeader } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { headerLines } from '../src/header-text.ts';

const masked = {
  mode: 'masked',
  name: 'secure',
  digest: 'abcdef0123456789',
  keyId: 'k1',
  disabled: ['email'],
} as const;

test('a header tells service, time, policy and sampling', () => {
  expect(headerLines(aCaptureHeader({ policy: masked, tags: { env: 'prod' } }))).toEqual([
    'service shop on test-host (pid 42)',
    'recorded 2026-01-01T00:00:00.000Z by gardenhose/test, part 0, id 00112233445566778899aabbccddeeff',
    'policy secure, without email, digest abcdef012345, key k1',
    'sampling always',
    'tags env=prod',
  ]);
});

test('a header tells of headers that were let through and of a hook that saw raw events', () => {
  const policy = { ...masked, disabled: [], allowed: ['cookie', 'dpop'], hookBeforeMask: true };
  expect(headerLines(aCaptureHeader({ policy }))[2]).toBe(
    'policy secure, letting through cookie, dpop, a hook ran before masking, digest abcdef012345, key k1',
  );
});

test('an unmasked capture says so before anything else', () => {
  expect(headerLines(aCaptureHeader())[0]).toBe('NOT MASKED: this capture holds values as they were sent');
});

test('a header that was made up does no harm', () => {
  const [, service, recorded] = headerLines(aCaptureHeader({ service: '\x1b[2J', wallMs: 1e300 }));
  expect(service).toContain('\\x1b[2J');
  expect(recorded).toContain('1e+300 ms');
});

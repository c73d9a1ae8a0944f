import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/captures.ts';
import { maskOf } from '../src/mask-flags.ts';

test('without flags the default policy masks, under a random key', () => {
  expect(maskOf({}, {})).toEqual({ version: 1 });
  expect(maskOf({}, { GARDENHOSE_MASK_KEY: '' })).toEqual({ version: 1 });
});

test('the key is passed on by the name of its file or variable, not by its value', () => {
  expect(maskOf({ maskKeyFile: '/keys/mask' }, {})).toEqual({ version: 1, key: { file: '/keys/mask' } });
  const env = { GARDENHOSE_MASK_KEY: 'c2VjcmV0' };
  expect(maskOf({}, env)).toEqual({ version: 1, key: { env: 'GARDENHOSE_MASK_KEY' } });
  expect(() => maskOf({ maskKeyFile: '/keys/mask' }, env)).toThrow(/two mask keys/);
});

test('a policy file is read as JSON, and its version asked for', () => {
  using dir = tempDir();
  const policy = { version: 1, rules: [{ id: 'a', at: 'json:$.a', mask: 'redact' }] };
  writeFileSync(dir.file('policy.json'), JSON.stringify(policy));
  writeFileSync(dir.file('old.json'), '{"version":0}');
  writeFileSync(dir.file('text.json'), 'no json');
  expect(maskOf({ policy: dir.file('policy.json'), maskKeyFile: '/k' }, {})).toEqual({
    ...policy,
    key: { file: '/k' },
  });
  expect(() => maskOf({ policy: dir.file('old.json') }, {})).toThrow(/"version": 1/);
  expect(() => maskOf({ policy: dir.file('text.json') }, {})).toThrow(/text\.json is no JSON/);
  expect(() => maskOf({ policy: join(dir.path, 'none.json') }, {})).toThrow(/ENOENT/);
});

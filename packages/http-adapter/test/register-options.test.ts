import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { registerOptions } from '../src/register-options.ts';

const folder = mkdtempSync(join(tmpdir(), 'gardenhose-'));
const output = { GARDENHOSE_OUTPUT: 'a.hose' };

test('the file is required, everything else has a default', () => {
  expect(() => registerOptions({}, undefined)).toThrow(
    'GARDENHOSE_OUTPUT is not set; expected the file to write, or GARDENHOSE_FLIGHT',
  );
  expect(registerOptions(output, '/srv/orders.mjs')).toEqual({
    output: resolve('a.hose'),
    flight: undefined,
    service: 'orders',
    mask: { version: 1 },
    hooks: undefined,
    sampler: undefined,
    lane: undefined,
    maxBodyBytes: undefined,
    maxBufferedBytes: undefined,
    files: {},
    recordShadow: false,
    shed: false,
    outbound: false,
    parents: false,
    log: false,
  });
});

test('the service is named by its variable, its package or its script', () => {
  const named = { ...output, npm_package_name: 'shop' };
  expect(registerOptions({ ...named, GARDENHOSE_SERVICE: 'orders' }, '/srv/a.js').service).toBe('orders');
  expect(registerOptions(named, '/srv/a.js').service).toBe('shop');
  expect(registerOptions(output, undefined).service).toBe('node');
});

test('every variable is read', () => {
  expect(
    registerOptions(
      {
        ...output,
        GARDENHOSE_HOOKS: 'hooks.js',
        GARDENHOSE_SAMPLE_RATIO: '0.25',
        GARDENHOSE_SAMPLE_BY: 'trace',
        GARDENHOSE_KEEP_ERRORS: '1',
        GARDENHOSE_KEEP_SLOW_MS: '500',
        GARDENHOSE_FLIGHT: 'flights',
        GARDENHOSE_FLIGHT_WINDOW_MS: '60000',
        GARDENHOSE_FLIGHT_BYTES: '2000000',
        GARDENHOSE_SAVE_ON: 'error,signal:SIGUSR2',
        GARDENHOSE_LANE: 'cookie:sid,jwt',
        GARDENHOSE_MAX_BODY_BYTES: '1000',
        GARDENHOSE_MAX_BUFFERED_BYTES: '2000000',
        GARDENHOSE_MAX_FILE_BYTES: '3000000',
        GARDENHOSE_MAX_FILE_AGE_MS: '4000',
        GARDENHOSE_RETAIN_FILES: '5',
        GARDENHOSE_RETAIN_BYTES: '6000000',
        GARDENHOSE_RETAIN_AGE_MS: '7000',
        GARDENHOSE_ENCRYPTION_KEY_FILE: 'a.key',
        GARDENHOSE_RECORD_SHADOW: '1',
        GARDENHOSE_SHED: '1',
        GARDENHOSE_LOG: '1',
        GARDENHOSE_CONTROL_FILE: 'control.json',
        GARDENHOSE_CONTROL_LISTEN: '127.0.0.1:9464',
        GARDENHOSE_CONTROL_TOKEN: 'sixteen-letters!',
      },
      undefined,
    ),
  ).toMatchObject({
    hooks: pathToFileURL(resolve('hooks.js')).href,
    sampler: {
      description: 'error: always; slower than 500 ms: always; otherwise: ratio 0.25 by trace',
    },
    flight: {
      directory: resolve('flights'),
      windowMs: 60_000,
      maxBytes: 2_000_000,
      on: [{ error: true }],
      signals: ['SIGTERM', 'SIGUSR2'],
    },
    lane: ['cookie:sid', 'jwt:sub'],
    shed: true,
    log: true,
    controlFile: resolve('control.json'),
    control: { listen: '127.0.0.1:9464', token: 'sixteen-letters!' },
    maxBodyBytes: 1000,
    maxBufferedBytes: 2_000_000,
    files: {
      maxFileBytes: 3_000_000,
      maxFileAgeMs: 4000,
      retain: { maxFiles: 5, maxBytes: 6_000_000, maxAgeMs: 7000 },
      encryptionKey: { file: 'a.key' },
    },
    recordShadow: true,
  });
});

test('the mask key is passed on by the name of its variable or its file, never by its text', () => {
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, JSON.stringify({ version: 1, disable: ['a'] }));
  const byText = registerOptions({ ...output, GARDENHOSE_MASK_KEY: 'c2VjcmV0' }, undefined).mask;
  expect(byText).toEqual({ version: 1, key: { env: 'GARDENHOSE_MASK_KEY' } });
  const files = { GARDENHOSE_MASK_KEY_FILE: 'key', GARDENHOSE_MASK_POLICY: policy };
  expect(registerOptions({ ...output, ...files }, undefined).mask).toEqual({
    version: 1,
    disable: ['a'],
    key: { file: resolve('key') },
  });
  expect(() => registerOptions({ ...output, ...files, GARDENHOSE_MASK_KEY: 'c2VjcmV0' }, undefined)).toThrow(
    'GARDENHOSE_MASK_KEY is set beside GARDENHOSE_MASK_KEY_FILE; expected one of the two',
  );
});

test('what cannot be used is refused by the name of its variable', () => {
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{');
  const other = join(folder, 'other.json');
  writeFileSync(other, '{"version":2}');
  const cases: [name: string, value: string, message: string][] = [
    ['GARDENHOSE_SAMPLE_RATIO', '2', 'GARDENHOSE_SAMPLE_RATIO is 2; expected a number from 0 to 1'],
    ['GARDENHOSE_SAMPLE_RATIO', 'half', 'GARDENHOSE_SAMPLE_RATIO is half; expected a number from 0 to 1'],
    [
      'GARDENHOSE_MAX_BODY_BYTES',
      '1.5',
      'GARDENHOSE_MAX_BODY_BYTES is 1.5; expected a whole number of bytes',
    ],
    ['GARDENHOSE_MAX_FILE_BYTES', '-1', 'GARDENHOSE_MAX_FILE_BYTES is -1; expected a number from 0'],
    ['GARDENHOSE_RECORD_SHADOW', 'yes', 'GARDENHOSE_RECORD_SHADOW is yes; expected 1 or 0'],
    ['GARDENHOSE_MASK_POLICY', broken, `GARDENHOSE_MASK_POLICY names a file: ${broken} is no JSON`],
    ['GARDENHOSE_MASK_POLICY', folder, `GARDENHOSE_MASK_POLICY names a file: ${folder} cannot be read`],
    [
      'GARDENHOSE_MASK_POLICY',
      other,
      `GARDENHOSE_MASK_POLICY names a file: ${other} is no mask policy: expected an object with "version": 1`,
    ],
  ];
  for (const [name, value, message] of cases) {
    expect(() => registerOptions({ ...output, [name]: value }, undefined), name).toThrow(message);
  }
});

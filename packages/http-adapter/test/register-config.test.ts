import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { configuredEnvironment } from '../src/register-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'gardenhose-'));

function configured(content: string, env: Record<string, string> = {}): unknown {
  const file = join(folder, 'recording.json');
  writeFileSync(file, content);
  const { GARDENHOSE_CONFIG: _, ...rest } = configuredEnvironment({ ...env, GARDENHOSE_CONFIG: file });
  return rest;
}

test('what a file says is what the environment would say; paths are relative to the file', () => {
  const file = {
    output: 'a.hose',
    maskPolicy: '/p.json',
    sampleRatio: 0.1,
    outbound: true,
    parents: false,
    keepSlowMs: 100,
  };
  expect(configured(JSON.stringify(file), { PATH: '/bin' })).toEqual({
    PATH: '/bin',
    GARDENHOSE_OUTPUT: join(folder, 'a.hose'),
    GARDENHOSE_MASK_POLICY: '/p.json',
    GARDENHOSE_SAMPLE_RATIO: '0.1',
    GARDENHOSE_OUTBOUND: '1',
    GARDENHOSE_PARENTS: '0',
    GARDENHOSE_KEEP_SLOW_MS: '100',
  });
});

test('the environment goes before the file', () => {
  expect(configured('{"service":"file"}', { GARDENHOSE_SERVICE: 'env' })).toEqual({
    GARDENHOSE_SERVICE: 'env',
  });
});

test('what is not known is refused, in the environment and in the file; keys that a policy names are not', () => {
  expect(() => configured('{"outputt":"a"}')).toThrow(/has no option "outputt"; .*did you mean "output"/);
  expect(() => configured('{"maskKey":"a"}')).toThrow(/has no option "maskKey"/);
  expect(() => configuredEnvironment({ GARDENHOSE_SAMPLE: '1' })).toThrow(
    'has no option "GARDENHOSE_SAMPLE"',
  );
  expect(configuredEnvironment({ GARDENHOSE_TEAM_KEY: 'x' })).toEqual({ GARDENHOSE_TEAM_KEY: 'x' });
});

test('a file that cannot be used is named, with what is wrong', () => {
  expect(() => configured('{')).toThrow(/GARDENHOSE_CONFIG names .*recording\.json, which is no JSON/);
  expect(() => configured('[]')).toThrow('which holds no object');
  expect(() => configured('{"service":null}')).toThrow(/service in .* is null; expected a text/);
  expect(() => configuredEnvironment({ GARDENHOSE_CONFIG: join(folder, 'none.json') })).toThrow(
    'cannot be read',
  );
  expect(() => configured(`{"service":"${'x'.repeat(2 ** 20)}"}`)).toThrow('longer than 1048576 bytes');
});

test('every variable that is read somewhere is known', () => {
  const sources = fileURLToPath(new URL('../src', import.meta.url));
  const read = new Set<string>();
  for (const name of readdirSync(sources).filter((each) => each.startsWith('register'))) {
    const text = readFileSync(join(sources, name), 'utf8');
    for (const [variable] of text.matchAll(/GARDENHOSE_[A-Z]+(?:_[A-Z]+)*/g)) read.add(variable);
  }
  // The one that is put together of its name and its number.
  read.delete('GARDENHOSE_RETAIN');
  expect(read.size).toBeGreaterThan(15);
  for (const variable of read) expect(configuredEnvironment({ [variable]: '' })).toEqual({ [variable]: '' });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { readPolicyFile } from '../../../src/mask/policy/policy-file.ts';

test('a policy is read from a file, and what is none is told', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gardenhose-policy-'));
  try {
    const file = join(dir, 'policy.json');
    writeFileSync(file, '{"version":1,"extends":"none"}');
    expect(readPolicyFile(file)).toEqual({ version: 1, extends: 'none' });
    for (const [text, message] of [
      ['{', /policy\.json is no JSON: it ends before it is complete$/],
      ['{"version":1,\n"key":{"base64":SECRET}}', /policy\.json is no JSON: line 2 cannot be read$/],
      ['{"version":2}', /policy\.json is no mask policy: expected an object with "version": 1/],
      ['[1]', /is no mask policy/],
      ['null', /is no mask policy/],
    ] as const) {
      writeFileSync(file, text);
      expect(() => readPolicyFile(file)).toThrow(message);
    }
    expect(() => readPolicyFile(join(dir, 'none.json'))).toThrow(/ENOENT/);
    expect(() => readPolicyFile(dir)).toThrow(expect.objectContaining({ code: 'EISDIR', path: dir }));
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('nothing of a file that is no JSON stands in the error', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gardenhose-policy-'));
  try {
    const file = join(dir, 'policy.json');
    writeFileSync(file, 'SECRETSECRET {"version":1}');
    let told = '';
    try {
      readPolicyFile(file);
    } catch (error) {
      told = inspect(error, { depth: 9 });
    }
    expect(told).toContain('line 1 cannot be read');
    expect(told).not.toContain('SECRET');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

import { expect, test } from 'vitest';
import { createMasker } from '../../../src/mask/create-masker.ts';
import { defaultRuleIds, fixedRuleIds } from '../../../src/mask/policy/default-policy.ts';

test('each default rule can be switched off by its name, and the header of the capture will say so', () => {
  for (const id of defaultRuleIds) {
    expect(createMasker({ version: 1, disable: [id] }).summary.disabled).toEqual([id]);
  }
  expect(new Set(defaultRuleIds).size).toBe(defaultRuleIds.length);
});

test('the rules that hide credentials cannot be switched off', () => {
  for (const id of fixedRuleIds) {
    // What a policy file says is not checked by the compiler.
    const policy = JSON.parse(JSON.stringify({ version: 1, disable: [id] }));
    expect(() => createMasker(policy)).toThrow('cannot be switched off');
  }
});

import { expect, test } from 'vitest';
import { parseSampleRules, samplerOf } from '../../src/record/sampling-settings.ts';
import { aStart } from '../../src/testing/factories.ts';

test('settings that ask for everything need no sampler', () => {
  expect(samplerOf({})).toBeUndefined();
  expect(samplerOf({ ratio: 1, keepErrors: false, rules: [] })).toBeUndefined();
});

test('settings make a sampler: rules first, then what is kept, then the ratio', () => {
  const rules = parseSampleRules(
    '[{"where":{"path":"/health"},"ratio":0},{"outcome":{"status":404},"ratio":0.5},{"where":{"path":"/a"},"perSecond":5}]',
    'rules.json',
  );
  const sampler = samplerOf({ ratio: 0.1, by: 'trace', keepErrors: true, keepSlowerThanMs: 500, rules });
  expect(sampler?.description).toBe(
    '/health: ratio 0; status 404: ratio 0.5; /a: at most 5 a second; error: always; slower than 500 ms: always; otherwise: ratio 0.1 by trace',
  );
  expect(sampler?.sample(aStart({ target: '/health' }), 1)).toBe(0);
  expect(sampler?.byOutcome?.maxHeldMs).toBe(10_500);
});

test.each([
  ['{', 'rules.json is not JSON, it ends before it is complete'],
  ['{}', 'rules.json is no list'],
  ['[7]', 'rules.json has no rule at 0: no object'],
  ['[{"where":{"path":"/"}}]', 'rules.json has in rule 0 not one of ratio and perSecond'],
  ['[{"ratio":1,"perSecond":1}]', 'rules.json has in rule 0 not one of ratio and perSecond'],
  ['[{"ratio":"0.5"}]', 'ratio must be from 0 to 1'],
  ['[{"perSecond":"5"}]', 'perSecond must be over 0'],
  ['[{"ratio":0.5,"by":7}]', "by must be 'exchange', 'trace' or 'header:NAME'"],
  ['[{"ratio":1,"path":"/"}]', 'rule 0 of rules.json has no option "path"'],
])('rules that make no sense are refused: %s', (json, message) => {
  expect(() => parseSampleRules(json, 'rules.json')).toThrow(message);
});

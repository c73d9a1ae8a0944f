import { expect, test } from 'vitest';
import { brokenJson } from '../../../src/mask/policy/broken-json.ts';

test('JSON is not broken', () => {
  for (const text of ['{}', ' [1, 2]\n', '"a"']) expect(brokenJson(text)).toBe(undefined);
});

test('what is wrong with a text is told by its line, and nothing of it is shown', () => {
  const cases: [text: string, problem: string][] = [
    ['', 'it is empty'],
    [' \n', 'it is empty'],
    ['{"key":', 'it ends before it is complete'],
    ['{"key": "SECRET', 'it ends before it is complete'],
    ['SECRET', 'line 1 cannot be read'],
    ['{\n  "a": 1,\n  "key": SECRET\n}\n', 'line 3 cannot be read'],
    ['{\n  "a": 1\n  "key": "SECRET"\n}', 'line 3 cannot be read'],
    ['{"a": 1}\n{"key": "SECRET"}', 'line 2 cannot be read'],
  ];
  for (const [text, problem] of cases) expect(brokenJson(text), text).toBe(problem);
});

test('a text of many lines takes few readings', () => {
  const text = `[\n${'1,\n'.repeat(100_000)}x\n]`;
  expect(brokenJson(text)).toBe('line 100002 cannot be read');
});

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { limits } from '../../packages/core/src/capture/format.ts';

const page = readFileSync(new URL('../../docs/reference/capture-format.md', import.meta.url), 'utf8');

it('the capture that the specification shows byte by byte is the vector', () => {
  const [, block = ''] = /```hex\n([\s\S]*?)```/.exec(page) ?? [];
  const bytes = block.split('\n').map((line) => /^((?:[0-9a-f]{2,} ?)+)(?=\s{2,}|$)/.exec(line)?.[1] ?? '');
  const vector = readFileSync(new URL('./vectors/v1/tiny.hose', import.meta.url));
  expect(bytes.join('').replaceAll(' ', '')).toBe(vector.toString('hex'));
});

it('the specification tells the limits that the code has', () => {
  const section = page.slice(page.indexOf('## Limits'), page.indexOf('## Hostile input')).replaceAll(',', '');
  for (const [name, limit] of Object.entries(limits)) {
    if (name !== 'span') expect(section, name).toMatch(new RegExp(`\\| ${limit}\\b|\\b${limit}\\b`));
  }
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorCodes } from '../packages/core/src/errors.ts';

test('docs/reference/errors.md documents every error code once, and no other', () => {
  const page = readFileSync(new URL('../docs/reference/errors.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((row) => row[1]);
  expect(documented.toSorted()).toEqual(errorCodes.toSorted());
});

test('every documented error code says what it means, what to do and how a command ends', () => {
  const page = readFileSync(new URL('../docs/reference/errors.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  for (const row of rows) {
    const cells = row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    expect(cells, row).toHaveLength(4);
    expect(cells[1]?.length, row).toBeGreaterThan(20);
    expect(cells[2]?.length, row).toBeGreaterThan(10);
    expect(cells[3], row).toMatch(/^\d+$/);
  }
});

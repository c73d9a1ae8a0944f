import { expect, test } from 'vitest';
import { createMasker } from '../../src/mask/create-masker.ts';
import type { Masker } from '../../src/mask/masker.ts';
import { noMask } from '../../src/mask/masker.ts';
import { maskerContract } from '../../src/testing/masker-contract.ts';

for (const { name, run } of maskerContract(() => noMask)) test(`noMask ${name}`, run);
for (const { name, run } of maskerContract(() => createMasker())) test(`the secure masker ${name}`, run);

test('a masker that swallows events breaks the contract', async () => {
  const swallowing: Masker = { ...noMask, mask: (event) => (event.type === 'end' ? [] : [event]) };
  const failed: string[] = [];
  for (const { name, run } of maskerContract(() => swallowing)) await run().catch(() => failed.push(name));

  expect(failed).toEqual([
    'keeps the order, numbers, times and sizes of events, and adds only body and audit events',
  ]);
});

import { expect, test } from 'vitest';
import { aTextMasker } from '../../packages/core/test/mask/support.ts';
import { complaint, mutatedDocuments } from './json-agreement.js';

const { scanner } = aTextMasker({ limits: { jsonDepth: 1000 } });

test('agrees with JSON.parse on 50,000 mutated documents, and leaves all else as it was', () => {
  const complaints: string[] = [];
  let accepted = 0;
  for (const document of mutatedDocuments(50_000, 42)) {
    const found = complaint(scanner, document);
    if (found !== '') complaints.push(`${JSON.stringify(document)}: ${found}`);
    else if (scanner.edits.count > 0) accepted++;
  }
  expect(complaints).toEqual([]);
  // Not all of them may be broken, or have nothing to mask.
  expect(accepted).toBeGreaterThan(2000);
}, 120_000);

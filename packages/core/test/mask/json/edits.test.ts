import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Edits } from '../../../src/mask/json/edits.ts';

/** A text, and replacements in it that are in order and apart. */
const edited = fc
  .tuple(
    fc.array(
      fc.record({
        kept: fc.string({ maxLength: 80 }),
        gone: fc.string({ maxLength: 60 }),
        put: fc.string({ unit: fc.constantFrom('a', '-', 'é', '😀', '"'), maxLength: 70 }),
      }),
      { maxLength: 12 },
    ),
    fc.string({ maxLength: 100 }),
  )
  .map(([parts, tail]) => ({
    parts,
    before: parts.map(({ kept, gone }) => kept + gone).join('') + tail,
    after: parts.map(({ kept, put }) => kept + put).join('') + tail,
  }));

test('replaces what was noted and leaves all else, whatever the lengths', () => {
  const edits = new Edits();
  fc.assert(
    fc.property(edited, ({ parts, before, after }) => {
      edits.clear();
      const others = new Edits();
      let at = 0;
      for (const { kept, gone, put } of parts) {
        const start = at + Buffer.byteLength(kept);
        at = start + Buffer.byteLength(gone);
        others.add(start, at, put);
      }
      edits.append(others);
      expect(edits.applyToBytes(Buffer.from(before)).toString()).toBe(after);
    }),
    { numRuns: 500 },
  );
});

test('puts replacements in front of later ones, and forgets those that they cover', () => {
  const edits = new Edits();
  edits.add(0, 1, 'A');
  edits.add(2, 3, 'B');
  edits.add(4, 5, 'C');
  edits.put(1, [
    { start: 2, end: 4, text: '-' },
    { start: 4, end: 4, text: undefined },
  ]);
  expect(edits.applyToBytes(Buffer.from('012345')).toString()).toBe('A1-C5');
  expect(edits.mapPlaces([0, 1, 3, 6])).toEqual([0, 1, 3, 5]);
  edits.put(1, [{ start: 4, end: 6, text: undefined }]);
  expect(edits.applyToBytes(Buffer.from('012345')).toString()).toBe('A1-45');
  edits.truncate(1);
  expect(edits.applyToText('012345')).toBe('A12345');
});

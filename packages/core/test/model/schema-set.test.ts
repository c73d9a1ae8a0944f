import { expect, test } from 'vitest';
import { SchemaSet, schemaLimits } from '../../src/model/schema-set.ts';

test('knows a schema again by what it holds', () => {
  const set = new SchemaSet();
  expect(set.add(Uint8Array.of(1, 2))).toBe('new');
  expect(set.add(Uint8Array.of(1, 2))).toBe('known');
  expect(set.add(Uint8Array.of(2, 1))).toBe('new');
});

test('takes no schema that is too large, and no more than its limits say', () => {
  const set = new SchemaSet();
  expect(set.add(new Uint8Array(schemaLimits.bytes + 1))).toBe('too-large');
  expect(set.add(new Uint8Array(schemaLimits.bytes))).toBe('new');
  expect(set.add(new Uint8Array(schemaLimits.bytes).fill(1))).toBe('new');
  expect(set.add(Uint8Array.of(3))).toBe('too-many');
  const small = new SchemaSet();
  for (let i = 0; i < schemaLimits.count; i++) expect(small.add(Uint8Array.of(i, i >> 8))).toBe('new');
  expect(small.add(Uint8Array.of(1, 1, 1))).toBe('too-many');
});

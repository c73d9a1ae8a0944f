import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TransientMap } from '../../src/model/transient-map.ts';

test('it holds what a Map holds, whatever is set and taken', () => {
  const step = fc.record({ set: fc.boolean(), key: fc.integer({ min: 0, max: 12 }), value: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const map = new TransientMap<number, { value: number }>();
      const model = new Map<number, { value: number }>();
      for (const { set, key, value } of steps) {
        if (set) {
          map.set(key, { value });
          model.set(key, { value });
        } else {
          expect(map.take(key)).toEqual(model.get(key));
          model.delete(key);
        }
        expect(map.size).toBe(model.size);
        for (let each = 0; each <= 12; each++) expect(map.get(each)).toEqual(model.get(each));
      }
    }),
  );
});

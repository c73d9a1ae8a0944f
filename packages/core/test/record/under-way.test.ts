import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UnderWay } from '../../src/record/under-way.ts';

test('finds what is under way by its id, in the order of the ids, as a map does', () => {
  // Steps of many ids make places meet that others hold.
  const step = fc.oneof(
    fc.record({ add: fc.constantFrom(1, 2, 511, 1024, 2048) }),
    fc.record({ remove: fc.nat() }),
    fc.record({ ask: fc.nat(10_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const underWay = new UnderWay<{ id: number }>();
      const model = new Map<number, { id: number }>();
      let id = 0;
      for (const one of steps) {
        if ('add' in one) {
          id += one.add;
          const exchange = { id };
          underWay.add(exchange);
          model.set(id, exchange);
        } else if ('remove' in one) {
          const known = [...model.values()][one.remove % Math.max(1, model.size)];
          if (known === undefined) continue;
          underWay.delete(known);
          underWay.delete(known);
          model.delete(known.id);
        } else {
          expect(underWay.get(one.ask)).toBe(model.get(one.ask));
        }
        expect(underWay.size).toBe(model.size);
        expect(underWay.all()).toEqual([...model.values()]);
      }
      for (const [known, exchange] of model) expect(underWay.get(known)).toBe(exchange);
      underWay.clear();
      expect(underWay.size).toBe(0);
      expect(underWay.all()).toEqual([]);
    }),
  );
});

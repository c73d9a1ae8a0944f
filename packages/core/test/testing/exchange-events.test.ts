import { expect, test } from 'vitest';
import { assembleAll } from '../../src/testing/assemble-all.ts';
import { exchangeEvents, exchangeKinds, interleave } from '../../src/testing/exchange-events.ts';

test.each(exchangeKinds)('a %s exchange is numbered without holes and in order of time', (kind) => {
  const events = exchangeEvents({ kind, seq: 7, at: 50, stepNs: 3 });

  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => 7 + i));
  expect(events.map(({ at }) => at)).toEqual(events.map((_, i) => 50 + 3 * i));
});

test('interleave() orders by time and numbers anew, and events made by a pipeline take no number', () => {
  const events = interleave(
    exchangeEvents({ exchange: 1, masked: true }),
    exchangeEvents({ exchange: 2, at: 1_050_000 }),
  );

  expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).sort((a, b) => a - b));
  expect(events.filter(({ type }) => type !== 'body' && type !== 'audit').map(({ seq }) => seq)).toEqual(
    Array.from({ length: 10 }, (_, i) => i + 1),
  );
  expect(assembleAll(events).map(({ partial }) => partial)).toEqual([[], []]);
});

import { expect, test } from 'vitest';
import { Breather } from '../../src/replay/breather.ts';

test('work that goes on for long lets the event loop turn', async () => {
  const breather = new Breather();
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  for (let breaths = 0; breaths === 0; ) {
    const breath = breather.breathe();
    if (breath === undefined) continue;
    await breath;
    breaths++;
  }
  expect(turned).toBe(true);
});

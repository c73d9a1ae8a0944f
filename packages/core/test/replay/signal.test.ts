import { expect, test } from 'vitest';
import { Signal } from '../../src/replay/signal.ts';

test('a ring wakes who waits, and one that nobody waits for is kept', async () => {
  const signal = new Signal();
  const waited = signal.next().then(() => 'woken');
  signal.ring();
  expect(await waited).toBe('woken');
  signal.ring();
  signal.ring();
  await signal.next();
  let woken = false;
  const later = signal.next().then(() => {
    woken = true;
  });
  await Promise.resolve();
  expect(woken).toBe(false);
  signal.ring();
  await later;
  expect(woken).toBe(true);
});

import { expect, test, vi } from 'vitest';
import { replayThrough } from '../../src/adapter/replay-through.ts';
import { anExchange } from '../../src/testing/factories.ts';
import { MemorySender } from '../../src/testing/memory-sender.ts';

test.each([
  ['a sender that was given stays open', true, 0],
  ['one that was made of a target is closed, also when the run is refused', false, 1],
])('%s', async (_name, given, closed) => {
  const sender = new MemorySender();
  const close = vi.spyOn(sender, 'close');
  const target = given ? sender : sender.target;
  const report = await replayThrough([anExchange()], target, sender, { thread: 'inline' });
  expect(report.exchanges.sent).toBe(1);
  expect(close).toHaveBeenCalledTimes(closed);
  await expect(replayThrough([], target, sender, { speed: -1 })).rejects.toThrow('speed');
  expect(close).toHaveBeenCalledTimes(2 * closed);
});

import { expect, test } from 'vitest';
import type { HookContext } from '../../src/hook/hook.ts';
import { RecordHookRunner } from '../../src/hook/run-record-hooks.ts';
import { exchangeEvents } from '../../src/testing/exchange-events.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const [start, end] = exchangeEvents();
if (start?.type !== 'start' || end?.type !== 'end')
  throw new Error('an exchange starts, and its request ends');

test('an event that no hook asks for stays as it is', async () => {
  const runner = new RecordHookRunner({}, 1000, new ManualClock());
  expect(await runner.run(start)).toEqual({ event: start, marks: [], dropped: false });
  expect((await runner.run(end)).event).toBe(end);
});

test('a hook may rewrite what an event says, not its place', async () => {
  const runner = new RecordHookRunner(
    { onExchange: (event) => ({ ...event, target: '/other', seq: 1000, at: 0, exchange: 99 }) },
    1000,
    new ManualClock(),
  );
  expect((await runner.run(start)).event).toEqual({ ...start, target: '/other' });
});

test('marks and drop are taken while the hook runs, and not after', async () => {
  let kept: HookContext | undefined;
  const runner = new RecordHookRunner(
    {
      async onEvent(_, context) {
        kept = context;
        await Promise.resolve();
        context.mark('a', 'b');
      },
    },
    1000,
    new ManualClock(),
  );
  const result = await runner.run(end);
  kept?.mark('late', '1');
  kept?.drop();
  expect(result).toEqual({ event: end, marks: [{ name: 'a', value: 'b' }], dropped: false });
});

test('a hook that fails is told by the kind of its error, without its message', async () => {
  const runner = new RecordHookRunner(
    {
      onEvent() {
        throw new TypeError('the password is hunter2');
      },
    },
    1000,
    new ManualClock(),
  );
  const error: unknown = await runner.run(end).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: 'hook-failed',
    message: "a record hook failed on a 'end' event (TypeError)",
  });
});

test('a hook that answers in time leaves no timer behind', async () => {
  const clock = new ManualClock();
  const runner = new RecordHookRunner({ onEvent: () => Promise.resolve(undefined) }, 1000, clock);
  await runner.run(end);
  expect(clock.pending).toBe(0);
});

test('a hook that does not answer in time is given up', async () => {
  const clock = new ManualClock();
  const runner = new RecordHookRunner({ onEvent: () => new Promise(() => undefined) }, 1000, clock);
  const result = runner.run(end).catch((reason: unknown) => reason);
  clock.advanceMs(1000);
  expect(await result).toMatchObject({ code: 'hook-timeout' });
});

// Starts worker threads, which load the built packages: `npm run build` first.
import { planReplay } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { createSender, replay } from '@gardenhose/http-adapter';
import { describe, expect, test } from 'vitest';
import { okAnswer, wireServer } from './support/wire-server.ts';

const gets = (count: number, everyMs: number) =>
  Array.from({ length: count }, (_, i) =>
    anExchange({ id: i + 1, lane: `l${i}`, startAt: i * everyMs * 1e6 }),
  );

/** Answers after a while, and knows how many were asked at once. */
async function slowServer(afterMs: number) {
  const most = { underWay: 0, atOnce: 0 };
  const server = await wireServer(({ socket }) => {
    most.atOnce = Math.max(most.atOnce, ++most.underWay);
    setTimeout(() => {
      most.underWay--;
      socket.write(okAnswer);
    }, afterMs);
  });
  return { server, most };
}

describe.each(['inline', 'worker'] as const)('rising to full rate (%s)', (thread) => {
  test.each([{ pace: 'asap' }, { speed: 4 }] as const)(
    'holds back a burst at the beginning: %j',
    async (pace) => {
      const { server, most } = await slowServer(20);
      await using _ = server;
      const target = server.origin.replace('127.0.0.1', 'staging.test');
      const sender = createSender(target);
      const guard = { allow: [target], resolve: async () => ['127.0.0.1'], allowRecordedOrigin: true };
      const options = { thread, ...pace, guard };
      const plan = await planReplay(gets(16, 0), sender, options);
      expect(plan.pacing).toEqual({ rampUpMs: 5_000 });
      const report = await replay(gets(16, 0), sender, { ...options, guard: { ...guard, rampUpMs: 60_000 } });
      expect(report.exchanges.answered).toBe(16);
      expect(report.run?.pacing).toEqual({ rampUpMs: 60_000 });
      expect(most.atOnce).toBeLessThanOrEqual(4);
      await replay(gets(16, 0), sender, { ...options, guard: { ...guard, rampUpMs: 0 } });
      expect(most.atOnce).toBeGreaterThan(4);
      await sender.close();
    },
  );
});

describe.each(['inline', 'worker'] as const)('a run that falls behind (%s)', (thread) => {
  const options = { thread, drainMs: 20, guard: { maxInFlight: 2, maxLagMs: 150 } };

  test('ends when it was sent too late', async () => {
    const { server } = await slowServer(60);
    await using _ = server;
    const report = await replay(gets(1_000, 10), server.origin, options);
    expect(report.run).toMatchObject({ stopped: 'max-lag', safety: { maxLagMs: 150 } });
    expect(report.exchanges.sent).toBeGreaterThan(2);
    expect(report.exchanges.sent).toBeLessThan(200);
    expect(report.verdict).not.toBe(0);
  });

  test('ends also where no answer ever says how late it is', async () => {
    await using server = await wireServer(() => undefined);
    const report = await replay(gets(1_000, 10), server.origin, options);
    expect(report.run?.stopped).toBe('max-lag');
    expect(report.exchanges).toMatchObject({ sent: 2, answered: 0 });
  });
});

test('nothing falls behind that has no plan', async () => {
  await using server = await wireServer(() => undefined);
  const run = replay(gets(1, 0), server.origin, { pace: 'asap', guard: { maxLagMs: 5 } });
  await expect(run).rejects.toThrow(/guard\.maxLagMs has no meaning with pace 'asap'/);
});

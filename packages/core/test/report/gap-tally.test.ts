import { expect, test } from 'vitest';
import { assemble } from '../../src/model/assemble.ts';
import type { GapEvent } from '../../src/model/event.ts';
import { GapTally } from '../../src/report/gap-tally.ts';
import { renderReport } from '../../src/report/render-text.ts';
import { ReportBuilder } from '../../src/report/report-builder.ts';
import { exchangeEvents } from '../../src/testing/index.ts';
import { aResult } from './replay-results.ts';

const aGap = (reason: GapEvent['reason'], exchanges: number, events = 0): GapEvent => ({
  ...{ type: 'gap', seq: 99, at: 1e9, reason, fromAt: 0, toAt: 1e9 },
  ...{ exchanges, events, fromSeq: 0 },
});

test('gaps are added up by reason, as assembling meets them', async () => {
  const tally = new GapTally();
  const gaps = [aGap('buffer-full', 3), aGap('sink-slow', 0, 7), aGap('buffer-full', 2, 1)];
  const exchanges = assemble([...exchangeEvents(), ...gaps], { onGap: (gap) => tally.add(gap) });
  for await (const _ of exchanges);
  expect(tally.losses('open')).toEqual({
    state: 'open',
    exchanges: 5,
    events: 8,
    gaps: [
      { reason: 'buffer-full', count: 2, exchanges: 5, events: 1 },
      { reason: 'sink-slow', count: 1, exchanges: 0, events: 7 },
    ],
  });
});

const reportWith = (...gaps: GapEvent[]) => {
  const tally = new GapTally();
  for (const gap of gaps) tally.add(gap);
  const builder = new ReportBuilder();
  for (let i = 0; i < 19; i++) builder.add(aResult());
  return builder.build(undefined, tally.losses('truncated'));
};

test('a report tells what the capture lacks, and is not faithful to traffic that was not recorded', () => {
  const few = reportWith(aGap('buffer-full', 1, 4));
  expect(few.fidelity.verdict).toBe('faithful');
  expect(few.losses).toMatchObject({ exchanges: 1, events: 4 });
  const many = reportWith(aGap('buffer-full', 2));
  expect(many).toMatchObject({ verdict: 2, fidelity: { verdict: 'incomplete' } });
  expect(renderReport(many)).toContain('the capture lacks 2 exchanges: buffer-full (1 gap)');
  expect(renderReport(many)).toContain('the capture is truncated');
});

test('what a recorder was told to leave out is shown, and is no loss', () => {
  const report = reportWith(aGap('rate-limit', 1000));
  expect(report.fidelity.verdict).toBe('faithful');
  expect(renderReport(report)).toContain('the capture lacks 1000 exchanges: rate-limit');
});

test('a capture that a stopped run did not read to its end is not said to lack one', () => {
  const facts = {
    runId: 'r',
    target: 'x',
    thread: 'inline',
    ownProcessor: false,
    pace: 'asap',
    order: 'none',
  } as const;
  const build = (stopped: string | undefined, state: 'open' | 'truncated') =>
    new ReportBuilder().build(
      { ...facts, mutationsSent: 0, resent: 0, stopped },
      new GapTally().losses(state),
    );
  expect(build('signal', 'open').losses?.state).toBeUndefined();
  expect(build('signal', 'truncated').losses?.state).toBe('truncated');
  expect(build(undefined, 'open').losses?.state).toBe('open');
});

test('without a capture nothing is said of losses', () => {
  expect(new ReportBuilder().build().losses).toBeUndefined();
});

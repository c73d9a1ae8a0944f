import { expect, test } from 'vitest';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { untilKilled } from '../../src/record/until-killed.ts';

test('a tap is taken off once, by hand or by the kill switch', async () => {
  const recorder = createRecorder({ service: 'shop', sink: memorySink(), pipeline: 'inline' });
  const undone: string[] = [];
  const byHand = untilKilled(recorder, () => undone.push('by hand'));
  const byKill = untilKilled(recorder, () => undone.push('by kill'));
  byHand();
  expect(undone).toEqual(['by hand']);
  await recorder.control.kill();
  byHand();
  byKill();
  expect(undone).toEqual(['by hand', 'by kill']);
  untilKilled(recorder, () => undone.push('at once'));
  expect(undone.at(-1)).toBe('at once');
});

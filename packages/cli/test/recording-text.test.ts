import { createRecorder, memorySink, type RecorderStats } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { lossText, recordingText } from '../src/recording-text.ts';

async function stats(over: Partial<RecorderStats> = {}): Promise<RecorderStats> {
  return { ...(await createRecorder({ service: 'x', sink: memorySink() }).close()), ...over };
}

test('a recording without losses is one line', async () => {
  const all = await stats({ recorded: 2, bytes: 2048, masked: 1, sampledOut: 3 });
  expect(recordingText(all, 'a.hose')).toBe(
    '2 exchanges recorded to a.hose (2.0 KiB before masking, 1 value masked, 3 sampled out)',
  );
  expect(lossText(all)).toEqual([]);
});

test('every loss is told with its reason', async () => {
  const some = await stats();
  const lost = await stats({
    dropped: { ...some.dropped, 'buffer-full': 7 },
    eventsLost: { ...some.eventsLost, failed: 1 },
    sinkErrors: 2,
    lastError: 'no space\nleft',
  });
  expect(lossText(lost)).toEqual([
    '7 exchanges not recorded: buffer-full',
    '1 event lost: failed',
    'the capture could not be written 2 times; last error: no space\\nleft',
  ]);
});

import { createRecorder, memorySink, type RecorderStats } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { lossText, recordingText, unreadText } from '../src/recording-text.ts';

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

test('what schemas did not fit is told with what to do, and bodies of other kinds are not', async () => {
  const unread = [
    ['protobuf-syntax', 7],
    ['json', 5],
    ['protobuf-depth', 1],
    ['schema-unknown', 4],
    ['unknown-field', 3],
    ['toString', 1],
  ] as const;
  const lines = unreadText(await stats({ unread }));
  expect(lines.map((line) => line.split(',')[0])).toEqual([
    'gRPC messages left out',
    'gRPC messages left out',
    'fields left out of gRPC messages: 3',
  ]);
  expect(lines[0]).toContain(': 8, which are not what their schemas say; give the schemas');
  expect(lines[1]).toContain(': 4, since no schema knows');
});

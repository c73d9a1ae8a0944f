import { expect, test } from 'vitest';
import { openCapture } from '../../src/capture/open-capture.ts';
import { readSchemas } from '../../src/capture/read-schemas.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { aSchema } from '../../src/testing/factories.ts';
import { someEvents, written } from './support.ts';

async function captureOf(events: readonly CaptureEvent[], close: boolean) {
  const bytes = await written(events, { close });
  return openCapture({
    size: async () => bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => undefined,
  });
}

const schema = aSchema();

test.each([true, false])('readSchemas() finds each schema once; capture closed: %s', async (closed) => {
  const twice = [{ ...schema, seq: 1, at: 1 }, ...someEvents(4, 2), { ...schema, seq: 6, at: 6e6 }];
  await using capture = await captureOf(twice, closed);
  expect((await readSchemas(capture)).map((data) => [...data])).toEqual([[...schema.data]]);
});

test('readSchemas() finds none where there is none', async () => {
  await using capture = await captureOf(someEvents(4), true);
  expect(await readSchemas(capture)).toEqual([]);
});

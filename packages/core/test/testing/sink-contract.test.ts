import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fileSink } from '../../src/capture/file-sink.ts';
import { readCapture } from '../../src/capture/read-capture.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { fanOutSink } from '../../src/record/fan-out-sink.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { sinkContract } from '../../src/testing/sink-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'gardenhose-sinks-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

for (const { name, run } of sinkContract(() => {
  const source = memorySink();
  return { source, read: () => source.events };
})) {
  test(`memorySink() ${name}`, run);
}

for (const { name, run } of sinkContract(() => {
  const second = memorySink();
  return { source: fanOutSink([memorySink(), second]), read: () => second.events };
})) {
  test(`fanOutSink() ${name}`, run);
}

for (const { name, run } of sinkContract(() => {
  const path = join(folder, `${files++}.hose`);
  return { source: fileSink({ path }), read: () => readAll(path) };
})) {
  test(`fileSink() ${name}`, run);
}

test('a sink that loses what it was given breaks the contract', async () => {
  const failed: string[] = [];
  const cases = sinkContract(() => {
    const sink = memorySink();
    return { source: sink, read: () => sink.events.filter(({ type }) => type !== 'gap') };
  });
  for (const { name, run } of cases) await run().catch(() => failed.push(name));
  expect(failed).toEqual(['keeps every kind of event whole and in order']);
});

async function readAll(path: string): Promise<CaptureEvent[]> {
  const events: CaptureEvent[] = [];
  for await (const event of (await readCapture(createReadStream(path))).events) events.push(event);
  return events;
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openCapture } from '../../src/capture/open-capture.ts';
import { selectExchanges } from '../../src/capture/select-exchanges.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import { exchangeEvents, interleave } from '../../src/testing/exchange-events.ts';
import { inPieces, written } from './support.ts';

const dir = mkdtempSync(join(tmpdir(), 'gardenhose-select-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const events = interleave(
  exchangeEvents({ exchange: 1, lane: 'a' }),
  exchangeEvents({ exchange: 2, lane: 'b', at: 2e6, kind: 'chunked-upload' }),
  exchangeEvents({ exchange: 3, lane: 'a', at: 3e6, kind: 'sse', stepNs: 5e6 }),
  exchangeEvents({ exchange: 4, lane: 'b', at: 20e6, kind: 'aborted' }),
);

test('keeps some exchanges whole, with their ids, order and times', async () => {
  const output = join(dir, 'some.hose');
  await selectExchanges(inPieces(await written(events)), output, new Set([4, 2, 99]));
  expect((await verifyCapture(output)).state).toBe('complete');
  await using capture = await openCapture(output);
  const kept: unknown[] = [];
  for await (const event of capture.events()) kept.push(event);
  expect(kept).toEqual(
    events.filter((event) => 'exchange' in event && (event.exchange === 2 || event.exchange === 4)),
  );
});

test('keeps the schemas, without which calls cannot be read', async () => {
  const output = join(dir, 'schema.hose');
  const schema = { type: 'schema', seq: 1, at: 0, format: 'protobuf', data: Uint8Array.of(10, 0) } as const;
  const later = events.map((event) => ({ ...event, seq: event.seq + 1 }));
  await selectExchanges(inPieces(await written([schema, ...later])), output, new Set([1]));
  await using capture = await openCapture(output);
  const types: string[] = [];
  for await (const event of capture.events()) types.push(event.type);
  expect(types[0]).toBe('schema');
});

test('does not write over a file that is there', async () => {
  const output = join(dir, 'some.hose');
  const bytes = await written(events);
  await expect(selectExchanges(inPieces(bytes), output, new Set([1]))).rejects.toMatchObject({ code: 'io' });
  await selectExchanges(inPieces(bytes), output, new Set([1]), { overwrite: true });
  await using capture = await openCapture(output);
  for await (const exchange of capture.exchanges()) expect(exchange.id).toBe(1);
});

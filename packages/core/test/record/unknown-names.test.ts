import { expect, test } from 'vitest';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { UnknownNames, unknownHeadersText } from '../../src/record/unknown-names.ts';
import { aSchema, aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

test('names are counted, the most frequent first, and only so many of them', () => {
  const names = new UnknownNames();
  for (let i = 0; i < 1000; i++) names.add(`n${i}`);
  for (let i = 0; i < 3; i++) names.add('n7');
  expect(names.entries()).toHaveLength(64);
  expect(names.entries()[0]).toEqual(['n7', 4]);
  expect(names.entries()).toBe(names.entries());
});

test('a recorder tells which headers no rule knows, and in how many exchanges they were', async () => {
  const recorder = createRecorder({
    service: 'shop',
    sink: memorySink(),
    clock: new ManualClock(),
    mask: { version: 1, rules: [{ id: 'a', at: 'header:x-known', mask: 'keep' }] },
  });
  expect(recorder.stats().unknownHeaders).toEqual([]);
  for (const name of ['X-Tenant', 'x-region', 'X-TENANT', 'X-Known', 'Accept']) {
    const tap = recorder.begin(aStart({ headers: [name, 'a', name, 'b'] }));
    tap?.end('request');
    tap?.abort('client', 'gone');
  }
  const stats = await recorder.close();
  expect(stats.unknownHeaders).toEqual([
    ['x-tenant', 2],
    ['x-region', 1],
  ]);
});

test('what to do about them is told in two lines, without names that are none', () => {
  expect(unknownHeadersText([])).toEqual([]);
  const names = Array.from({ length: 12 }, (_, i) => [`x-${i}`, i === 0 ? 3 : undefined] as const);
  const [list, fix, ...more] = unknownHeadersText([['\u001b[2J', 9], ...names]);
  expect(more).toEqual([]);
  expect(list).toMatch(/^headers that no rule knows, .* masked: x-0 \(3\), x-1, .*, x-9, and 2 more$/);
  expect(fix).toContain('{ "id": "keep/x-0", "at": "header:x-0", "mask": "keep" }');
});

test('a recorder tells what its schemas did not fit, by reason and number', async () => {
  const recorder = createRecorder({ service: 'shop', sink: memorySink(), clock: new ManualClock() });
  recorder.describe(aSchema().data); // message Order { string id = 1; }
  const calls: readonly (readonly [target: string, ...messages: readonly (readonly number[])[]])[] = [
    ['/shop.Orders/Get', [0x0a, 1, 0x61], [0x0a, 9, 0x61], [0x0a, 9, 0x61]],
    ['/shop.Orders/Get', [0x0a, 1, 0x61, 0x10, 1, 0x08, 5]],
    ['/other.Orders/Get', [0x0a, 1, 0x61]],
  ];
  for (const [target, ...messages] of calls) {
    const tap = recorder.begin(
      aStart({ protocol: 'grpc', method: 'POST', target, headers: ['content-type', 'application/grpc'] }),
    );
    for (const message of messages) tap?.message('request', 0, Uint8Array.from(message));
    tap?.end('request');
    tap?.end('response');
  }
  const { unread } = await recorder.close();
  expect(Object.fromEntries(unread)).toEqual({
    'protobuf-syntax': 2,
    'unknown-field': 2,
    'schema-unknown': 1,
  });
});

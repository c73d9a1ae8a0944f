import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { maskCapture } from '../../src/capture/mask-capture.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { exchangeEvents, interleave } from '../../src/testing/exchange-events.ts';
import { aHeader, failure, inPieces, readAll, written } from './support.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gardenhose-mask-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const key = { base64: Buffer.alloc(32, 'k').toString('base64') };
const email = ['ada', 'example.com'].join('@');
const events = interleave(
  exchangeEvents({ exchange: 1, lane: 'a', start: { target: `/?email=${email}` } }),
  exchangeEvents({ exchange: 2, lane: 'b', at: 2e6, kind: 'chunked-upload' }),
  exchangeEvents({ exchange: 3, lane: 'a', at: 3e6, kind: 'sse', stepNs: 5e6 }),
  exchangeEvents({ exchange: 4, lane: 'b', at: 20e6, kind: 'aborted' }),
);

test('a capture is masked into a whole one whose header tells both policies', async () => {
  const output = join(dir, 'masked.hose');
  let told = 0;
  const { header, masked, refused } = await maskCapture(inPieces(await written(events)), output, {
    policy: { version: 1, key },
    onEvent: (count) => {
      told = count;
    },
  });
  expect({ told, refused }).toEqual({ told: events.length, refused: 0 });
  expect(masked).toBeGreaterThan(0);
  expect(header).toMatchObject({
    id: aHeader.id,
    policy: { mode: 'masked', name: 'secure', disabled: [] },
    policyHistory: [aHeader.policy],
  });
  expect(await verifyCapture(output)).toMatchObject({ header, state: 'complete', faultCount: 0 });
  const read = await readAll(readFileSync(output), 'strict');
  expect(JSON.stringify(read.events)).not.toContain(email);
  const stamps = (list: typeof events) =>
    list
      .filter(({ type }) => type !== 'body' && type !== 'audit')
      .map(({ type, seq, at }) => [type, seq, at]);
  expect(stamps(read.events)).toEqual(stamps(events));
});

test('gaps, controls and clocks of a capture are in the masked one as they were', async () => {
  const output = join(dir, 'masked.hose');
  const last = events.at(-1)?.seq ?? 0;
  const at = 60e6;
  const more: CaptureEvent[] = [
    { type: 'control', seq: last + 1, at, name: 'pause', value: '' },
    {
      type: 'gap',
      seq: last + 1,
      at: at + 1,
      reason: 'buffer-full',
      fromAt: at,
      toAt: at + 1,
      exchanges: 2,
      events: 3,
      fromSeq: last + 2,
      exchange: undefined,
    },
    { type: 'clock', seq: last + 5, at: at + 2, wallMs: 1_767_225_700_000 },
  ];
  await maskCapture(inPieces(await written([...events, ...more])), output);
  const read = await readAll(readFileSync(output), 'strict');
  expect(read.events.slice(-3)).toEqual(more);
});

test('masking again by the same policy and key changes nothing, and the history grows', async () => {
  const policy = { version: 1, key } as const;
  const [first, second] = [join(dir, '1.hose'), join(dir, '2.hose')];
  const once = await maskCapture(inPieces(await written(events)), first, { policy });
  const twice = await maskCapture(first, second, { policy });
  expect(twice.masked).toBe(0);
  expect(twice.header.policyHistory).toEqual([aHeader.policy, once.header.policy]);
  const [a, b] = [
    await readAll(readFileSync(first), 'strict'),
    await readAll(readFileSync(second), 'strict'),
  ];
  // What was done before is told in the order in which it is come to.
  const inOrder = (list: readonly CaptureEvent[]) =>
    list.map((event) =>
      event.type === 'audit'
        ? { ...event, entries: event.entries.toSorted((x, y) => (x.rule < y.rule ? -1 : 1)) }
        : event,
    );
  expect(inOrder(b.events)).toEqual(inOrder(a.events));
});

test('a policy that masks nothing, the capture itself and a name that is taken are refused', async () => {
  const path = join(dir, 'a.hose');
  await maskCapture(inPieces(await written(events)), path);
  const none = { version: 1, extends: 'none' } as const;
  expect(await failure(() => maskCapture(path, join(dir, 'b.hose'), { policy: none }))).toMatchObject({
    code: 'mask-policy',
  });
  expect(await failure(() => maskCapture(path, path))).toMatchObject({ code: 'invalid-option' });
  expect(await failure(() => maskCapture(inPieces(readFileSync(path)), path))).toMatchObject({ code: 'io' });
});

test('a file that is to be replaced stays as it was until the new one is whole', async () => {
  const output = join(dir, 'masked.hose');
  writeFileSync(output, 'what was there');
  const kept: string[] = [];
  const options = { policy: { version: 1, key }, overwrite: true } as const;
  const cut = maskCapture(inPieces(await written(events), 64), output, {
    ...options,
    onEvent: (count) => {
      kept.push(readFileSync(output, 'latin1'));
      if (count === 5) throw new Error('interrupted');
    },
  });
  await expect(cut).rejects.toThrow('interrupted');
  expect(kept).toEqual(Array.from({ length: 5 }, () => 'what was there'));
  expect(readFileSync(output, 'latin1')).toBe('what was there');
  expect(readdirSync(dir)).toEqual(['masked.hose']);

  await maskCapture(inPieces(await written(events)), output, options);
  expect(await verifyCapture(output)).toMatchObject({ state: 'complete' });
  expect(statSync(output).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir)).toEqual(['masked.hose']);
});

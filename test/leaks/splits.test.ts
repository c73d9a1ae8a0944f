import type { CaptureEvent, ChunkEvent, Side } from '@gardenhose/core';
import { createMasker } from '@gardenhose/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { allTextOf } from './evidence.ts';
import { leaksIn } from './needles.ts';
import type { Numbered } from './positions.ts';
import { type Control, control, eventsOf, policy, recordAll } from './record.ts';

// The raw events of every case, as its server saw them, with each body cut in another way before it is masked.

/** `LEAKS_FULL=1` cuts long bodies at each byte too. */
const longest = process.env.LEAKS_FULL === '1' ? 60_000 : 400;
const folder = tempDir();
let plain: Control;

beforeAll(async () => {
  const mask = { version: 1, extends: 'none' } as const;
  const { service } = await recordAll({ folder: folder.path, recorder: { mask }, marksCases: true });
  plain = control(await eventsOf(service.path));
}, 60_000);

afterAll(() => folder[Symbol.dispose]());

const sides: readonly Side[] = ['request', 'response'];
const isOf =
  (side: Side) =>
  (event: CaptureEvent): event is ChunkEvent & { readonly data: Uint8Array } =>
    event.type === 'chunk' && event.side === side && event.data !== undefined;

/** The events with the body of one side cut at these places instead of where it was. */
function cutAt(events: readonly CaptureEvent[], side: Side, cuts: readonly number[]): CaptureEvent[] {
  const first = events.find(isOf(side));
  const body = Buffer.concat(events.filter(isOf(side)).map(({ data }) => data));
  const ends = [...cuts, body.length];
  return events.flatMap((event) => {
    if (event === first) {
      return ends.map((end, i) => {
        const data = body.subarray(ends[i - 1] ?? 0, end);
        return { ...first, size: data.length, data };
      });
    }
    return isOf(side)(event) ? [] : [event];
  });
}

/** What is kept of the body of one side, and what is said of it. */
function keptOf(events: readonly CaptureEvent[], side: Side): string {
  const pieces = events.flatMap((event) =>
    event.type === 'body' && event.side === side ? [event.data] : [],
  );
  const end = events.find((event) => event.type === 'end' && event.side === side);
  return `${end?.type === 'end' ? end.state : ''} ${Buffer.concat(pieces).toString('latin1')}`;
}

/** All cuts in two, and the one into single bytes; of a long body only the ones around its beginning and end. */
function cutsOf(length: number): number[][] {
  const single = Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1);
  const places = length <= longest ? single : single.filter((at) => at < 60 || length - at < 60);
  return [...places.map((at) => [at]), single];
}

function splits(
  one: Numbered,
  events: readonly CaptureEvent[],
  side: Side,
): { leaks: string[]; count: number } {
  const length = events.filter(isOf(side)).reduce((sum, { data }) => sum + data.length, 0);
  if (length < 2) return { leaks: [], count: 0 };
  const masker = createMasker({ ...policy, key: { base64: Buffer.alloc(32, 7).toString('base64') } });
  const whole = events.flatMap((event) => masker.mask(event));
  const wanted = keptOf(whole, side);
  const different: string[] = [];
  const texts = new Set<string>();
  const all = cutsOf(length);
  for (const cuts of all) {
    const masked = cutAt(events, side, cuts).flatMap((event) => masker.mask(event));
    const kept = keptOf(masked, side);
    // Of a stream that breaks off, more of the units may be whole or fewer of them; all else must be the same.
    if (kept !== wanted && !wanted.startsWith('truncated'))
      different.push(`${one.position}, ${one.title}: cut at ${cuts.slice(0, 3)}`);
    texts.add(kept);
  }
  masker.close?.();
  return {
    leaks: [
      ...different,
      ...leaksIn(
        [...texts]
          .map((text) => allTextOf(Buffer.from(text.slice(text.indexOf(' ') + 1), 'latin1')))
          .join('\n'),
        `${one.position}, ${one.title}`,
      ),
    ],
    count: all.length,
  };
}

test('however a body is cut into chunks, what is kept of it is the same, and no canary', () => {
  const problems: string[] = [];
  let count = 0;
  for (const [one, events] of plain.events) {
    if (one.strict !== undefined) continue;
    for (const side of sides) {
      const found = splits(one, events, side);
      problems.push(...found.leaks);
      count += found.count;
    }
  }
  expect(problems).toEqual([]);
  expect(count).toBeGreaterThan(5000);
}, 900_000);

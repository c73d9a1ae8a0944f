import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fileSink } from '../../packages/core/src/capture/file-sink.ts';
import { Tokens } from '../../packages/core/src/mask/value/tokens.ts';
import type { CaptureEvent, Side } from '../../packages/core/src/model/event.ts';
import { memorySink } from '../../packages/core/src/record/memory-sink.ts';
import { createRecorder } from '../../packages/core/src/record/recorder.ts';
import { ManualClock } from '../../packages/core/src/testing/manual-clock.ts';
import { tempDir } from '../support/captures.ts';
import { type Canary, canary } from './canary.ts';
import { playInto } from './play.ts';
import { callSchema } from './positions/calls.ts';
import { cases, type Numbered } from './positions.ts';
import { type Control, control, eventsOf, policy, recordAll } from './record.ts';

// Two runs with other secrets of the same shape and length, with tokens that are all the same, a clock that stands and no
// chance: what is written must be the same, byte for byte. So nothing of a secret is told by its masked form, by lengths
// of what is written, by counts, digests or order.

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  return { ...crypto, randomBytes: (size: number) => Buffer.alloc(size, 7) };
});

const folder = tempDir();
/** Other letters and digits in the same places. */
const rotate = (text: string): string =>
  text.replace(/[a-zA-Z]/g, (letter) =>
    /[zZ]/.test(letter) ? 'b' : String.fromCharCode(letter.charCodeAt(0) + 1),
  );

/** The other secrets: words with other letters, and numbers of another canary, which pass the same checks. */
function other(one: Canary): Canary {
  const { digits, card, iban, phone, ssn, apiKey, ip } = canary(
    one.number < 250 ? one.number + 250 : one.number - 250,
  );
  const word = rotate(one.word);
  const claims = Buffer.from(JSON.stringify({ sub: word })).toString('base64url');
  const jwt = one.jwt.replace(/\.[^.]*\./, `.${claims}.`);
  return {
    number: one.number,
    word,
    email: `${word}@example.com`,
    jwt,
    card,
    iban,
    phone,
    ssn,
    apiKey,
    ip,
    digits,
  };
}

const others = cases.map((one) => ({ ...one, canary: other(one.canary) }));
let first: Control;
let second: Control;

beforeAll(async () => {
  const mask = { version: 1, extends: 'none' } as const;
  const [a, b] = await Promise.all(
    [cases, others].map(async (these, i) => {
      const { service } = await recordAll(
        { folder: folder.file(`${i}`), recorder: { mask }, marksCases: true },
        these,
      );
      return control(await eventsOf(service.path), these);
    }),
  );
  if (a === undefined || b === undefined) throw new Error('nothing was recorded');
  [first, second] = [a, b];
}, 60_000);

afterAll(() => folder[Symbol.dispose]());

const sides: readonly Side[] = ['request', 'response'];

/** Without what no secret decides: how the network cut the bodies, and the ports. */
function settled(events: readonly CaptureEvent[]): CaptureEvent[] {
  const bodies = new Map<Side, Buffer>();
  for (const side of sides) {
    const pieces = events.flatMap((event) =>
      event.type === 'chunk' && event.side === side && event.data !== undefined ? [event.data] : [],
    );
    bodies.set(side, Buffer.concat(pieces));
  }
  return events.flatMap((event): CaptureEvent[] => {
    // Servers of gRPC say when they answered.
    if (event.type === 'headers' || event.type === 'trailers')
      return [
        { ...event, headers: event.headers.map((text, i, all) => (all[i - 1] === 'date' ? '' : text)) },
      ];
    if (event.type === 'start') {
      const { peer, authority } = event;
      // A call that the service makes goes to a port of its own.
      const port = /^(127\.0\.0\.1):\d+$/;
      return [{ ...event, peer: peer?.replace(/:\d+$/, ':1'), authority: authority?.replace(port, '$1:1') }];
    }
    if (event.type !== 'chunk') return [event];
    const data = bodies.get(event.side) ?? Buffer.alloc(0);
    bodies.delete(event.side);
    return data.length === 0 ? [] : [{ ...event, size: data.length, data }];
  });
}

const sizes = (events: readonly CaptureEvent[]): string =>
  JSON.stringify(events.map((event) => [event.type, 'size' in event ? event.size : 0]));

/** Raw events of both runs, of the cases whose bodies have equal lengths: that of compressed ones is up to chance. */
function pairs(): { readonly alike: [CaptureEvent[], CaptureEvent[]][]; readonly unlike: Numbered[] } {
  const alike: [CaptureEvent[], CaptureEvent[]][] = [];
  const unlike: Numbered[] = [];
  const byNumber = new Map([...second.events].map(([one, events]) => [one.canary.number, events]));
  for (const [one, events] of first.events) {
    if (one.strict !== undefined) continue;
    const [a, b] = [settled(events), settled(byNumber.get(one.canary.number) ?? [])];
    if (sizes(a) === sizes(b)) alike.push([a, b]);
    else unlike.push(one);
  }
  return { alike, unlike };
}

/** Records raw events, and gives what each exchange became, what the recorder says, and the file. */
async function record(
  all: readonly CaptureEvent[][],
  path: string,
): Promise<{ texts: string[]; file: Buffer }> {
  const texts: string[] = [];
  const mask = { ...policy, key: { base64: Buffer.alloc(32, 7).toString('base64') } };
  for (const events of all) {
    const sink = memorySink();
    const recorder = createRecorder({
      service: 's',
      sink,
      mask,
      pipeline: 'inline',
      clock: new ManualClock(),
    });
    recorder.describe(callSchema);
    playInto(recorder, events);
    const stats = await recorder.close();
    texts.push(JSON.stringify([sink.header, sink.events, stats]));
  }
  const sink = fileSink({ path });
  const recorder = createRecorder({ service: 's', sink, mask, pipeline: 'inline', clock: new ManualClock() });
  recorder.describe(callSchema);
  for (const events of all) playInto(recorder, events);
  await recorder.close();
  return { texts, file: readFileSync(path) };
}

/** Positions of compressed bodies and messages: their lengths depend on what is in them. */
const compressed = [75, 76, 77, 78, 79, 80, 107, 115];

/** Whether the sizes of a case may differ: that of compressed ones, and where more or less of a refused call is seen. */
function isUpToChance({ position, title }: Numbered): boolean {
  if (position === 118) return title === 'gzip';
  // grpc-js refuses a time that is none as it reads the head, while the rest of the request is still coming.
  if (position === 96) return title === 'in place of a time';
  return compressed.includes(position);
}

test('with other secrets of the same shape, what is recorded is the same to the byte', async () => {
  const { alike, unlike } = pairs();
  // The control: with tokens that differ, nearly all is different.
  const [own, others] = await Promise.all(
    [0, 1].map((i) =>
      record(
        alike.map((pair) => pair[i] ?? []),
        join(folder.path, `own-${i}.hose`),
      ),
    ),
  );
  const same = own?.texts.filter((text, i) => text === others?.texts[i]) ?? [];
  expect(same.length).toBeLessThan(alike.length / 3);
  vi.spyOn(Tokens.prototype, 'make').mockImplementation(
    (type) => `mk_${type.split(':', 1)[0]}_${'0'.repeat(16)}`,
  );
  vi.spyOn(Tokens.prototype, 'bytes').mockImplementation((_, __, ___, length) => Buffer.alloc(length, 7));
  const a = await record(
    alike.map(([one]) => one),
    join(folder.path, 'a.hose'),
  );
  const b = await record(
    alike.map(([, two]) => two),
    join(folder.path, 'b.hose'),
  );
  const different = a.texts.flatMap((text, i) => (text === b.texts[i] ? [] : [[text, b.texts[i]]]));
  expect(different).toEqual([]);
  expect(b.file.equals(a.file)).toBe(true);
  expect(unlike.filter((one) => !isUpToChance(one)).map(({ position, title }) => [position, title])).toEqual(
    [],
  );
  expect(alike.length).toBeGreaterThan(300);
}, 60_000);

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { ByteWindow } from '../../packages/core/src/capture/byte-window.ts';
import { ConditionLog, type ReadMode } from '../../packages/core/src/capture/condition.ts';
import { chunkEvents, readChunks } from '../../packages/core/src/capture/event-reader.ts';
import { readHead } from '../../packages/core/src/capture/head-reader.ts';
import { readCapture } from '../../packages/core/src/capture/read-capture.ts';
import type { CaptureEvent } from '../../packages/core/src/model/event.ts';
import { damagedVectors, toJson, vectorKey, vectors } from './vectors.ts';

const directory = new URL('./vectors/v1/', import.meta.url);
/** `npm run conformance:full`: every bit of every byte, and every cut in every mode. */
const full = process.env.CONFORMANCE_FULL === '1';
/** `npm run conformance:update`: writes the vectors that are not there yet. A released one never changes. */
const update = process.env.CONFORMANCE_UPDATE === '1';

// Where no other key is given, readers look here.
process.env.GARDENHOSE_ENCRYPTION_KEY = Buffer.from(vectorKey).toString('base64');

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

async function read(bytes: Uint8Array, mode: ReadMode) {
  const { header, events: stream, condition } = await readCapture(once(bytes), { mode });
  const events: CaptureEvent[] = [];
  for await (const event of stream) events.push(event);
  return { header, events, condition: condition() };
}

async function twin(bytes: Uint8Array): Promise<string> {
  const { header, events, condition } = await read(bytes, 'tail');
  const { state, unknownRecords } = condition;
  return toJson({ header, state, unknownRecords, events });
}

const damagedDirectory = new URL('./damaged/', directory);

async function damagedTwin(bytes: Uint8Array): Promise<string> {
  const { header, events, condition } = await read(bytes, 'salvage');
  const { faults, ...counts } = condition;
  const kinds = faults.map(({ kind, offset }) => ({ kind, offset }));
  return toJson({ headerLost: header.service === 'unknown', ...counts, faults: kinds, events });
}

if (update) {
  const damagedThere = readdirSync(damagedDirectory);
  for (const [name, bytes] of await damagedVectors()) {
    if (damagedThere.includes(`${name}.hose`)) continue;
    writeFileSync(new URL(`${name}.hose`, damagedDirectory), bytes);
    writeFileSync(new URL(`${name}.json`, damagedDirectory), await damagedTwin(bytes));
  }
  const there = readdirSync(directory);
  for (const [name, { bytes }] of await vectors()) {
    if (there.includes(`${name}.hose`)) continue;
    writeFileSync(new URL(`${name}.hose`, directory), bytes);
    writeFileSync(new URL(`${name}.json`, directory), await twin(bytes));
  }
}

const names = readdirSync(directory)
  .filter((name) => name.endsWith('.hose'))
  .map((name) => name.slice(0, -'.hose'.length));
const load = (name: string) => readFileSync(new URL(`${name}.hose`, directory));

/** The chunks of a sound capture: where each stands, and its events. */
async function chunksOf(bytes: Uint8Array) {
  const log = new ConditionLog('tail', 'vector');
  const window = new ByteWindow(once(bytes));
  const head = await readHead(window, log);
  const headEnd = window.offset;
  const chunks: { from: number; to: number; events: CaptureEvent[] }[] = [];
  for await (const item of readChunks(window, log, { ...head, fromStart: true })) {
    if (item.kind === 'gap') throw new Error('a vector is sound');
    const from = item.frame.offset;
    const to = from + 64 + item.frame.header.storedBytes;
    chunks.push({ from, to, events: [...chunkEvents(item, log)] });
  }
  return { headEnd, chunks };
}

const isDamage = (event: CaptureEvent) => event.type === 'gap' && event.reason === 'damage';

// Every bit of every byte takes longer.
vi.setConfig({ testTimeout: full ? 600_000 : 60_000 });

it('the generator makes the vectors that are kept', async () => {
  const made = await vectors();
  expect(names).toEqual(expect.arrayContaining([...made.keys()]));
  for (const [name, { bytes, stable }] of made) {
    if (stable) expect(Buffer.compare(load(name), bytes), name).toBe(0);
    else expect(await twin(bytes)).toBe(readFileSync(new URL(`${name}.json`, directory), 'utf8'));
  }
});

describe.each(names)('%s', (name) => {
  const bytes = load(name);

  it('reads as its JSON twin says', async () => {
    expect(await twin(bytes)).toBe(readFileSync(new URL(`${name}.json`, directory), 'utf8'));
  });

  it('reads the same byte by byte', async () => {
    const pieces = async function* () {
      for (let i = 0; i < bytes.length; i++) yield bytes.subarray(i, i + 1);
    };
    const stream = await readCapture(pieces());
    const events: CaptureEvent[] = [];
    for await (const event of stream.events) events.push(event);
    expect(events).toEqual((await read(bytes, 'tail')).events);
  });

  it('cut at any byte, gives every chunk before the cut', async () => {
    const { headEnd, chunks } = await chunksOf(bytes);
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      if (length < headEnd) {
        await expect(read(cut, 'salvage'), `${length}`).rejects.toMatchObject({ name: 'GardenhoseError' });
        continue;
      }
      const whole = chunks.filter(({ to }) => to <= length).flatMap(({ events }) => events);
      for (const mode of full ? (['tail', 'salvage'] as const) : (['tail'] as const)) {
        const found = await read(cut, mode);
        expect(found.events.filter((event) => !isDamage(event)).length, `${length}`).toBe(whole.length);
        if (full) expect(found.events.filter((event) => !isDamage(event))).toEqual(whole);
        expect(['open', 'truncated'], `${length}`).toContain(found.condition.state);
      }
    }
  });

  it('with any byte flipped, loses the chunk that was hit and nothing else, and says so', async () => {
    const { headEnd, chunks } = await chunksOf(bytes);
    const damaged = Buffer.from(bytes);
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of full ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 8]) {
        damaged[at] = (bytes[at] ?? 0) ^ (1 << bit);
        // What the HEADER frame says is needed to decrypt the others, and a stream cannot look for its copy at the end.
        const unreadable = name === 'encrypted' && at >= 8 && at < headEnd;
        const rest = chunks
          .filter(({ from, to }) => !unreadable && (at < from || at >= to))
          .flatMap(({ events }) => events);
        const found = await read(damaged, 'salvage');
        const kept = found.events.filter((event) => !isDamage(event));
        expect(kept.length, `byte ${at} bit ${bit}`).toBe(rest.length);
        if (full || at % 16 === 0) expect(kept, `byte ${at} bit ${bit}`).toEqual(rest);
        expect(found.condition.faultCount, `byte ${at} bit ${bit}`).toBeGreaterThan(0);
      }
      damaged[at] = bytes[at] ?? 0;
    }
  });
});

it('damaged captures read as their JSON twins say', async () => {
  const made = await damagedVectors();
  for (const file of readdirSync(damagedDirectory).filter((entry) => entry.endsWith('.hose'))) {
    const name = file.slice(0, -'.hose'.length);
    const bytes = readFileSync(new URL(file, damagedDirectory));
    expect(Buffer.compare(bytes, made.get(name) ?? bytes), name).toBe(0);
    expect(await damagedTwin(bytes), name).toBe(
      readFileSync(new URL(`${name}.json`, damagedDirectory), 'utf8'),
    );
  }
  expect(made.size).toBeGreaterThan(10);
});

it('keeps memory bounded through all of this', () => {
  expect(process.memoryUsage().rss).toBeLessThan(1024 ** 3);
});

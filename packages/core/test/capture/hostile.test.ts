import { brotliCompressSync, constants, crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { codecs, frameTypes, magic } from '../../src/capture/format.ts';
import { type FrameHeader, writeFrameHeader } from '../../src/capture/frame.ts';
import { encodeHeader } from '../../src/capture/header-payload.ts';
import { openCapture } from '../../src/capture/open-capture.ts';
import { type Packable, pack } from '../../src/capture/packing.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { aHeader, aStart, failure, inPieces, readAll, someEvents, written } from './support.ts';

const sync = Buffer.from('a1b2c3d4e5f60718', 'hex');

interface Crafted extends Partial<FrameHeader> {
  readonly raw: Uint8Array;
  readonly stored?: Uint8Array;
}

/** A frame with right checksums, whatever it claims. */
function frame({ raw, stored = raw, ...claims }: Crafted): Buffer {
  const bytes = Buffer.alloc(64 + stored.length);
  bytes.set(stored, 64);
  writeFrameHeader(bytes, sync, {
    type: frameTypes.chunk,
    flags: 0,
    codec: codecs.none,
    cipher: 0,
    number: 1,
    storedBytes: stored.length,
    rawBytes: raw.length,
    count: 1,
    crcStored: crc32(stored),
    crcRaw: crc32(raw),
    firstSeq: 1,
    seqSpan: 0,
    baseNs: 0,
    spanNs: 0,
    ...claims,
  });
  return bytes;
}

const record = (...fields: Packable[]): Buffer => Buffer.from(pack(fields));
const mark = (dSeq: number, value = 'v'): Buffer => record(9, dSeq, 0, 1, 'name', value);
const head = (payload: Uint8Array = encodeHeader(aHeader, sync), claims: Partial<FrameHeader> = {}): Buffer =>
  Buffer.concat([magic, frame({ raw: payload, type: frameTypes.header, number: 0, firstSeq: 0, ...claims })]);

/** A capture of these frames between two sound chunks, and what a salvaging reader makes of it. */
async function between(...frames: Crafted[]) {
  const middle = frames.map((crafted, i) => frame({ number: i + 2, firstSeq: 2, ...crafted }));
  const last = frame({ raw: mark(0, 'after'), number: frames.length + 2, firstSeq: 9 });
  const bytes = Buffer.concat([head(), frame({ raw: mark(0, 'before') }), ...middle, last]);
  const read = await readAll(bytes, 'salvage');
  return {
    bytes,
    ...read,
    values: read.events.map((event) => (event.type === 'mark' ? event.value : event.type)),
  };
}

/** The frame between is refused as a whole, and its neighbours are not touched. */
async function expectRefused(crafted: Crafted, message: RegExp) {
  const { values, condition, bytes } = await between(crafted);
  expect(values).toEqual(['before', 'gap', 'after']);
  expect(condition.faults[0]?.message).toMatch(message);
  expect(await failure(() => readAll(bytes))).toMatchObject({ name: 'GardenhoseError', code: /capture-/ });
}

const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);
const raw = (...parts: (Buffer | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part)));
/** The first fields of a mark record of `items` items. */
const prefix = (items: number): number[] => [0x90 | items, 9, 0, 0];

describe('what is no capture', () => {
  it('is refused with one sentence that says why', async () => {
    const refused = async (bytes: Uint8Array) => {
      const error = await failure(() => readAll(bytes));
      expect(error).toMatchObject({ code: 'not-a-capture' });
      return String(error);
    };
    expect(await refused(Buffer.alloc(0))).toMatch(/is empty/);
    expect(await refused(Buffer.from('PNG'))).toMatch(/only 3 bytes/);
    expect(await refused(Buffer.from('{"log":{"version":"1.2","entries":[]}}'.repeat(10)))).toMatch(
      /does not begin/,
    );
    const sound = await written(someEvents(3));
    const stripped = Buffer.from(sound.map((byte) => byte & 0x7f));
    expect(await refused(stripped)).toMatch(/high bit/);
    const rewritten = Buffer.from(sound.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
    expect(await refused(rewritten)).toMatch(/line ends/);
  });

  it('is refused in every mode', async () => {
    const noise = Buffer.alloc(300_000, 'noise that is no capture at all, ');
    for (const mode of ['strict', 'tail', 'salvage'] as const) {
      expect(await failure(() => readAll(noise, mode))).toMatchObject({ code: 'not-a-capture' });
    }
    expect(await failure(() => verifyCapture(inPieces(Buffer.alloc(2 ** 20))))).toMatchObject({
      code: 'not-a-capture',
    });
  });
});

describe('a capture for another reader', () => {
  it('is refused by the version that it names', async () => {
    const error = await failure(() => readAll(head(record(2, [], sync))));
    expect(error).toMatchObject({ code: 'capture-version', message: /version 2/ });
  });

  it('is refused by the feature that it names', async () => {
    const error = await failure(() => readAll(head(record(1, ['aes-256-gcm'], sync)), 'salvage'));
    expect(error).toMatchObject({ code: 'capture-feature', message: /aes-256-gcm/ });
  });

  it('is refused when it is encrypted in a way that this release does not know', async () => {
    const bytes = Buffer.concat([head(), frame({ raw: mark(0), cipher: 9 })]);
    expect(await failure(() => readAll(bytes, 'salvage'))).toMatchObject({
      code: 'capture-feature',
      message: /cipher 9/,
    });
  });

  it('is refused when it uses an unknown codec, and salvaged without those chunks', async () => {
    const { values, bytes } = await between({ raw: mark(0), codec: 3 });
    expect(values).toEqual(['before', 'gap', 'after']);
    expect(await failure(() => readAll(bytes))).toMatchObject({
      code: 'capture-feature',
      message: /codec 3/,
    });
  });

  it('is refused when it has a critical frame of unknown type', async () => {
    const bytes = Buffer.concat([head(), frame({ raw: mark(0), type: 77, flags: 1 })]);
    expect(await failure(() => readAll(bytes, 'salvage'))).toMatchObject({
      code: 'capture-feature',
      message: /type 77/,
    });
  });
});

describe('a frame that lies', () => {
  it('about its length is not believed, however right its checksum', async () => {
    const before = process.memoryUsage().rss;
    for (const claims of [
      { storedBytes: 0xffff_ffff },
      { rawBytes: 0xffff_ffff },
      { storedBytes: 2 ** 24 + 2 ** 17 },
    ]) {
      const { values, condition } = await between({ raw: mark(0), codec: codecs.brotli, ...claims });
      expect(values.filter((value) => value !== 'gap')).toEqual(['before', 'after']);
      expect(condition.state).toBe('damaged');
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });

  it('about what it decompresses to is damaged', async () => {
    const content = Buffer.concat([mark(0), mark(0)]);
    const packed = brotliCompressSync(content);
    const wrong = /does not decompress to what its header says/;
    const base = { codec: codecs.brotli, stored: packed, raw: content, count: 2 };
    await expectRefused({ ...base, rawBytes: content.length - 1 }, wrong);
    await expectRefused({ ...base, rawBytes: content.length + 1 }, wrong);
    await expectRefused({ ...base, stored: Buffer.concat([packed, Buffer.from('junk')]) }, wrong);
    await expectRefused({ ...base, stored: packed.subarray(0, 5) }, wrong);
    await expectRefused({ ...base, codec: codecs.deflate }, wrong);
    const deflated = deflateRawSync(content);
    await expectRefused(
      { ...base, codec: codecs.deflate, stored: Buffer.concat([deflated, Buffer.alloc(2)]) },
      wrong,
    );
    await expectRefused({ ...base, crcRaw: 1 }, /does not match its checksum/);
  });

  it('that is a bomb does not go off', async () => {
    const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
    const bomb = brotliCompressSync(Buffer.alloc(64 * 2 ** 20), quick);
    expect(bomb.length).toBeLessThan(200);
    const before = process.memoryUsage().rss;
    const claimed = { codec: codecs.brotli, stored: bomb, raw: Buffer.alloc(1) };
    await expectRefused({ ...claimed, rawBytes: 2 ** 20 }, /does not decompress/);
    const { values } = await between({ ...claimed, rawBytes: 2 ** 24 });
    expect(values).toEqual(['before', 'gap', 'after']);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  });

  it('about its records is damaged', async () => {
    const two = Buffer.concat([mark(0), mark(1)]);
    await expectRefused({ raw: two, count: 1, seqSpan: 1 }, /does not hold what its header says/);
    await expectRefused({ raw: two, count: 3, seqSpan: 1 }, /does not hold/);
    await expectRefused({ raw: two, count: 2, seqSpan: 0 }, /does not hold/);
    await expectRefused({ raw: two, count: 2, seqSpan: 1, spanNs: 5 }, /does not hold/);
    await expectRefused(
      { raw: Buffer.concat([mark(0), mark(1), mark(0)]), count: 3, seqSpan: 1 },
      /out of order/,
    );
    await expectRefused({ raw: mark(3), count: 1, seqSpan: 3 }, /not its base/);
    await expectRefused({ raw: Buffer.concat([mark(0), Buffer.from([0xc0])]), count: 2 }, /not an array/);
  });

  it('about its place goes back behind the chunk before it, and is refused', async () => {
    const { values, condition } = await between(
      { raw: mark(0, 'forward'), firstSeq: 5 },
      { raw: mark(0, 'back'), firstSeq: 4 },
      { raw: mark(0, 'on'), firstSeq: 6 },
    );
    expect(values.filter((value) => value !== 'gap')).toEqual(['before', 'forward', 'on', 'after']);
    expect(condition.faults[0]?.message).toMatch(/goes back/);
  });

  it('about numbers beyond 2^53 is not believed', async () => {
    const { values } = await between({ raw: mark(0), baseNs: 2 ** 53 }, { raw: mark(0), firstSeq: 2 ** 60 });
    expect(values.filter((value) => value !== 'gap')).toEqual(['before', 'after']);
  });
});

describe('a record that no writer makes', () => {
  it('is refused before it is unpacked', async () => {
    const kind = /of a kind that captures do not use/;
    await expectRefused({ raw: raw(prefix(4), [0xd4, 0x72, 0x40]) }, kind); // msgpackr's record definition
    await expectRefused({ raw: raw(prefix(4), [0xd4, 0x00, 0x00]) }, kind); // undefined
    await expectRefused({ raw: raw(prefix(4), [0xc7, 1, 0x78, 0x61]) }, kind); // RegExp
    await expectRefused({ raw: raw(prefix(4), [0xd6, 0xff, 0, 0, 0, 0]) }, kind); // timestamp
    await expectRefused({ raw: raw(prefix(4), [0x81, 0xa1, 0x61, 0x01]) }, kind); // map
    await expectRefused({ raw: raw(prefix(4), [0xdf, 0xff, 0xff, 0xff, 0xff]) }, kind);
    await expectRefused({ raw: raw(prefix(4), [0xc1]) }, kind);
  });

  it('cannot make the reader allocate for it', async () => {
    const before = process.memoryUsage().rss;
    const many = [0xdd, 0xff, 0xff, 0xff, 0xff];
    await expectRefused(
      { raw: raw(prefix(4), ...Array.from({ length: 8 }, () => many)) },
      /more than 262144 values/,
    );
    await expectRefused({ raw: raw(prefix(4), nested(100_000)) }, /nested more than 8 deep/);
    await expectRefused({ raw: raw(prefix(4), [0xc6, 0xff, 0xff, 0xff, 0xff]) }, /does not end/);
    await expectRefused(
      { raw: raw(prefix(4), [0xdb, 0xff, 0xff, 0xff, 0xff]) },
      /a string of 4294967295 bytes/,
    );
    await expectRefused({ raw: raw(prefix(4), [0xdc]) }, /does not end/);
    await expectRefused({ raw: raw(prefix(4), [0xcf, 0]) }, /does not end/);
    await expectRefused({ raw: raw([0x94, 9, 0]) }, /first three fields|does not end/);
    await expectRefused({ raw: raw([0x92, 9, 0]) }, /without its first three fields/);
    await expectRefused({ raw: raw([0x93, 9, 0xcb, 0x40, 0, 0, 0, 0, 0, 0, 0, 0]) }, /not whole numbers/);
    await expectRefused({ raw: raw([0x93, 9, 0xff, 0]) }, /not whole numbers/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });

  it('with a wrong field costs itself only', async () => {
    const start = (over: Record<number, Packable>): Buffer => {
      const fields: Packable[] = [
        1,
        0,
        0,
        7,
        0,
        0,
        'lane',
        null,
        null,
        null,
        0,
        '1.1',
        'GET',
        '/',
        null,
        [],
        1,
      ];
      for (const [place, value] of Object.entries(over)) fields[Number(place)] = value;
      return record(...fields);
    };
    const wrong: Record<number, Packable>[] = [
      { 3: 1.5 },
      { 3: -1 },
      { 3: 2n ** 60n },
      { 3: Number.NaN },
      { 3: 'seven' },
      { 3: null },
      { 6: 5 },
      { 6: Buffer.from('x') },
      { 13: 5 },
      { 15: 'headers' },
      { 15: ['odd'] },
      { 15: ['a', 5] },
      { 15: Array.from({ length: 5000 }, () => 'x') },
      { 16: 2 },
      { 16: Number.POSITIVE_INFINITY },
    ];
    for (const over of wrong) {
      const both = Buffer.concat([start(over), mark(0, 'beside')]);
      const { values, condition } = await between({ raw: both, count: 2 });
      expect(
        values,
        JSON.stringify(over, (_, v) => (typeof v === 'bigint' ? String(v) : v)),
      ).toEqual(['before', 'gap', 'beside', 'after']);
      expect(condition.faults[0]).toMatchObject({ kind: 'record', message: /byte 0 of the chunk/ });
    }
  });

  it('with chunk ends that fall or pass the data is refused', async () => {
    for (const ends of [[2, 1], [4], [-1], [1.5], ['x']]) {
      const { values } = await between({ raw: record(4, 0, 0, 1, 0, Buffer.from('abc'), ends) });
      expect(values).toEqual(['before', 'gap', 'after']);
    }
  });

  it('with strings that are no UTF-8 is read', async () => {
    const { events } = await between({ raw: raw(prefix(6), [1, 0xa1, 0x6e, 0xa3, 0xed, 0xa0, 0x80]) });
    expect(events[1]).toMatchObject({ type: 'mark', value: /^\ufffd+$/ });
  });

  it('cannot reach the prototype of anything', async () => {
    const names = ['__proto__', 'polluted', 'constructor', 'x', '__proto__', 'again'];
    const payload = encodeHeader({ ...aHeader, tags: { constructor: 'tag' } }, sync);
    const fields: Packable[] = [
      1,
      0,
      0,
      7,
      0,
      0,
      '__proto__',
      null,
      null,
      null,
      0,
      '1.1',
      'GET',
      '/',
      null,
      names,
      1,
    ];
    const bytes = Buffer.concat([head(payload), frame({ raw: record(...fields) })]);
    const { header, events } = await readAll(bytes);
    expect(events[0]).toMatchObject({ lane: '__proto__', headers: names });
    expect(header.tags).toEqual({ constructor: 'tag' });
    expect(Object.getPrototypeOf(header.tags)).toBe(Object.prototype);
    expect('polluted' in {}).toBe(false);
  });

  it('with line ends and escapes in names is given as it is', async () => {
    const start = { ...aStart(1, 1, 1), target: '/\r\n\0\u001b[2J', headers: ['a\r\nb', '\0'] };
    expect((await readAll(await written([start]))).events).toEqual([start]);
  });
});

describe('a header that lies', () => {
  it('is damaged when its fields are not what they must be', async () => {
    const policy: Packable[] = [1, 'secure', '', '', []];
    const id = Buffer.alloc(16);
    const fields: Packable[] = [1, [], sync, id, 'w', 0, 's', 'h', 1, policy, 'always', 0, []];
    expect((await readAll(head(record(...fields)))).header.policy.mode).toBe('masked');
    const wrong: [number, Packable][] = [
      [0, 'one'],
      [1, 'no list'],
      [2, Buffer.alloc(7)],
      [3, Buffer.alloc(15)],
      [4, null],
      [5, -1],
      [8, -5],
      [9, []],
      [9, [1, 'secure', '', '', 'x']],
      [12, ['odd']],
    ];
    for (const [place, value] of wrong) {
      const payload = record(...fields.map((field, i) => (i === place ? value : field)));
      const error = await failure(() => readAll(head(payload)));
      expect(error, `field ${place}`).toMatchObject({ code: 'capture-damaged', message: /header/ });
    }
    expect(await failure(() => readAll(head(raw([0x81, 0x01, 0x01]))))).toMatchObject({
      code: 'capture-damaged',
    });
    expect(await failure(() => readAll(head(Buffer.alloc(70_000))))).toMatchObject({
      code: 'capture-damaged',
    });
  });

  it('does not call anything masked that does not say so', async () => {
    for (const mode of [0, 2, 255]) {
      const policy: Packable[] = [mode, 'secure', 'd', 'k', []];
      const payload = record(1, [], sync, Buffer.alloc(16), 'w', 0, 's', 'h', 1, policy, 'always', 0, []);
      expect((await readAll(head(payload))).header.policy.mode).toBe('none');
    }
    const lost = await written(someEvents(3), { close: false });
    lost.fill(0, 8, 16);
    expect((await readAll(lost, 'salvage')).header.policy.mode).toBe('none');
  });
});

describe('what looks like frames and is none', () => {
  it('a whole capture in a body is not read as part of the one around it', async () => {
    const inner = Uint8Array.from(await written(someEvents(20), { compression: 'none', flushEvery: 2 }));
    const body: CaptureEvent = {
      type: 'body',
      seq: 2,
      at: 2,
      exchange: 1,
      side: 'request',
      data: inner,
      ends: [],
    };
    const events = [aStart(1, 1, 1), body, aStart(3, 3, 2)];
    const bytes = await written(events, { compression: 'none', flushEvery: 1 });
    expect((await readAll(bytes, 'strict')).events).toEqual(events);
    const at = bytes.indexOf(inner);
    bytes[at + 500] = 1 + (bytes[at + 500] ?? 0);
    const salvaged = await readAll(bytes, 'salvage');
    expect(salvaged.events.filter(({ type }) => type === 'start')).toEqual([events[0], events[2]]);
  });

  it('frames of a second writer on the same file are told apart', async () => {
    const events = someEvents(12);
    const bytes = await written(events, { flushEvery: 4, syncMark: sync });
    const foreign = await written(someEvents(4, 501), { syncMark: Buffer.alloc(8, 0x77) });
    const second = 8 + 64 + bytes.readUInt32LE(24);
    const mixed = Buffer.concat([bytes.subarray(0, second), foreign.subarray(8), bytes.subarray(second)]);
    const salvaged = await readAll(mixed, 'salvage');
    expect(salvaged.events).toEqual(events);
    expect(salvaged.condition).toMatchObject({ state: 'damaged', lostBytes: foreign.length - 8 });
    expect(await failure(() => readAll(mixed))).toMatchObject({ code: 'capture-damaged' });
  });

  it('another capture behind the end is not read', async () => {
    const [first, second] = [await written(someEvents(4)), await written(someEvents(4, 101))];
    const both = Buffer.concat([first, second]);
    const read = await readAll(both);
    expect(read.events).toEqual(someEvents(4));
    expect(read.condition.faults).toMatchObject([{ kind: 'summary', offset: first.length }]);
  });

  it('millions of false sync marks cost linear time', async () => {
    const marks = Buffer.alloc(8 * 500_000, sync);
    const bytes = Buffer.concat([head(), marks, frame({ raw: mark(0, 'found') })]);
    const started = process.cpuUsage();
    const { events } = await readAll(bytes, 'salvage', 1 << 20);
    const used = process.cpuUsage(started);
    expect(events).toMatchObject([{ value: 'found' }]);
    expect(used.user + used.system).toBeLessThan(10e6);
  });

  it('too many faults end the reading', async () => {
    const bad = Buffer.concat([frame({ raw: mark(0), number: 1, crcStored: 1 })]);
    const bytes = Buffer.concat([
      head(),
      ...Array.from({ length: 100_002 }, (_, i) => {
        const copy = Buffer.from(bad);
        writeFrameHeader(copy, sync, {
          ...blank,
          number: i + 1,
          storedBytes: copy.length - 64,
          rawBytes: copy.length - 64,
        });
        return copy;
      }),
    ]);
    expect(await failure(() => readAll(bytes, 'salvage', 1 << 20))).toMatchObject({ code: 'capture-limit' });
  });
});

const blank: FrameHeader = {
  type: 2,
  flags: 0,
  codec: 0,
  cipher: 0,
  number: 0,
  storedBytes: 0,
  rawBytes: 0,
  count: 1,
  crcStored: 1,
  crcRaw: 1,
  firstSeq: 1,
  seqSpan: 0,
  baseNs: 0,
  spanNs: 0,
};

describe('index, footer and trailer that lie', () => {
  const memory = (bytes: Uint8Array) => ({
    size: async () => bytes.length,
    read: async (offset: number, length: number) => bytes.slice(offset, offset + length),
    close: async () => {},
  });
  const events = someEvents(40);
  const seek = async (bytes: Uint8Array) => {
    const found: CaptureEvent[] = [];
    const capture = await openCapture(memory(bytes), { mode: 'salvage' });
    for await (const event of capture.events({ fromSeq: 21, toSeq: 31 })) found.push(event);
    return found;
  };

  it('do not mislead a search', async () => {
    const bytes = await written(events, { flushEvery: 4 });
    const trailerAt = bytes.length - 24;
    const footerAt = Number(bytes.readBigUInt64LE(trailerAt));
    const pointing = (offset: number, length: number) => {
      const copy = Buffer.from(bytes);
      copy.writeBigUInt64LE(BigInt(offset), trailerAt);
      copy.writeUInt32LE(length, trailerAt + 8);
      copy.writeUInt32LE(crc32(copy.subarray(trailerAt, trailerAt + 12)), trailerAt + 12);
      return copy;
    };
    const lies = [
      pointing(trailerAt, 24),
      pointing(8, 200),
      pointing(2 ** 52, 200),
      pointing(footerAt + 1, trailerAt - footerAt - 1),
      pointing(footerAt, 0xffff_ffff),
      Buffer.concat([bytes, Buffer.alloc(24)]),
      bytes.subarray(0, trailerAt),
      bytes.subarray(0, footerAt),
    ];
    for (const lie of lies) expect(await seek(lie)).toEqual(events.slice(20, 30));
    for (const lie of lies) expect((await verifyCapture(inPieces(lie))).state).not.toBe('complete');
  });

  it('that list other chunks than there are, are not believed', async () => {
    const bytes = await written(events, { flushEvery: 4 });
    const footerAt = Number(bytes.readBigUInt64LE(bytes.length - 24));
    let indexAt = 8;
    while (bytes[indexAt + 8] !== frameTypes.index) indexAt += 64 + bytes.readUInt32LE(indexAt + 16);
    const lying = (change: (payload: Buffer) => void) => {
      const copy = Buffer.from(bytes);
      const payload = copy.subarray(indexAt + 64, footerAt);
      change(payload);
      copy.writeUInt32LE(crc32(payload), indexAt + 28);
      copy.writeUInt32LE(crc32(payload), indexAt + 32);
      copy.writeUInt32LE(crc32(copy.subarray(indexAt, indexAt + 60)), indexAt + 60);
      return copy;
    };
    const entry = 20;
    const lies = [
      lying((payload) => payload.copyWithin(0, entry)),
      lying((payload) => payload.fill(0x7f, 1, 2)),
      lying((payload) => payload.reverse()),
      lying((payload) => payload.fill(0xc1)),
    ];
    for (const lie of lies) {
      expect(await seek(lie)).toEqual(events.slice(20, 30));
      const verified = await verifyCapture(inPieces(lie));
      expect(verified).toMatchObject({ state: 'damaged', lossless: true, events: 40 });
      expect((await readAll(lie)).events).toEqual(events);
    }
  });

  it('that hide a missing chunk are found out', async () => {
    const bytes = await written(events, { flushEvery: 4 });
    const last = 8 + 64 + bytes.readUInt32LE(24);
    const length = 64 + bytes.readUInt32LE(last + 16);
    const without = Buffer.concat([bytes.subarray(0, last), bytes.subarray(last + length)]);
    expect(await verifyCapture(inPieces(without))).toMatchObject({
      state: 'damaged',
      lossless: false,
      events: 36,
    });
    expect(await failure(() => readAll(without))).toMatchObject({ code: 'capture-damaged' });
  });
});

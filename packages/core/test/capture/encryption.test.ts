import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import * as built from '@gardenhose/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encryptionKeyId } from '../../src/capture/encryption.ts';
import { type CaptureKey, captureKeyOf, keyVariables } from '../../src/capture/encryption-key.ts';
import { fileSink } from '../../src/capture/file-sink.ts';
import { maskCapture } from '../../src/capture/mask-capture.ts';
import { openCapture } from '../../src/capture/open-capture.ts';
import { readCapture } from '../../src/capture/read-capture.ts';
import { recoverCapture } from '../../src/capture/recover-capture.ts';
import { encodeTrailer } from '../../src/capture/summary-payload.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import { CaptureWriter } from '../../src/capture/writer.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { aHeader, failure, inPieces, someEvents, written } from './support.ts';

const bytes = Buffer.alloc(32, 7);
const key = { id: encryptionKeyId(bytes), bytes };
const other = { bytes: Buffer.alloc(32, 8) };
const events = someEvents(100);

let dir = '';
let path = '';
let output = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gardenhose-encryption-'));
  path = join(dir, 'orders.hose');
  output = join(dir, 'other.hose');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const encrypted = (options = {}) => written(events, { flushEvery: 10, encryptionKey: key, ...options });

async function read(
  capture: Uint8Array,
  encryptionKey: CaptureKey | readonly CaptureKey[] = { bytes },
  mode: 'tail' | 'strict' | 'salvage' = 'strict',
) {
  const stream = await readCapture(inPieces(capture), { mode, encryptionKey });
  const found: CaptureEvent[] = [];
  for await (const event of stream.events) found.push(event);
  return { header: stream.header, events: found, condition: stream.condition() };
}

/** Where the frames of a capture stand, by header and length. */
function frames(capture: Buffer): { offset: number; end: number; type: number }[] {
  const found = [];
  for (let offset = 8; offset + 64 <= capture.length; ) {
    const end = offset + 64 + capture.readUInt32LE(offset + 16);
    found.push({ offset, end, type: capture.readUInt8(offset + 8) });
    offset = end;
  }
  return found;
}

/** Puts the checksum of a changed frame header right, as whoever changes a file can. */
function rechecked(capture: Buffer, offset: number): void {
  const stored = capture.readUInt32LE(offset + 16);
  capture.writeUInt32LE(crc32(capture.subarray(offset + 64, offset + 64 + stored)), offset + 28);
  capture.writeUInt32LE(crc32(capture.subarray(offset, offset + 60)), offset + 60);
}

describe('an encrypted capture', () => {
  it('reads as it was written, and says which key it needs', async () => {
    const capture = await encrypted();
    const found = await read(capture);
    expect(found.events).toEqual(events);
    expect(found.condition.state).toBe('complete');
    expect(found.header.encryption).toEqual({ keyId: key.id, salt: expect.stringMatching(/^[0-9a-f]{32}$/) });
  });

  it('holds nothing of its events in the clear, compressed or not', async () => {
    const capture = await encrypted({ compression: 'none' });
    expect((await written(events, { compression: 'none' })).includes('localhost')).toBe(true);
    expect(capture.includes('localhost')).toBe(false);
    expect(capture.includes('/orders/3')).toBe(false);
    // Nor a checksum of them.
    for (const { offset, type } of frames(capture)) {
      if (type === 2) expect(capture.readUInt32LE(offset + 32)).toBe(0);
    }
  });

  it('is another file each time, whatever is in it', async () => {
    const [a, b] = [await encrypted(), await encrypted()];
    expect((await read(a)).header.encryption?.salt).not.toBe((await read(b)).header.encryption?.salt);
    const payload = (capture: Buffer) => {
      const { offset = 0, end } = frames(capture)[1] ?? {};
      return capture.subarray(offset + 64, end);
    };
    expect(payload(a).equals(payload(b))).toBe(false);
  });

  it('is refused without its key, and with another, by the ids of both', async () => {
    const capture = await encrypted();
    expect(await failure(() => readCapture(inPieces(capture)))).toMatchObject({
      code: 'capture-key',
      message: expect.stringContaining(`is encrypted with the key ${key.id}, and no key was given`),
    });
    expect(await failure(() => read(capture, other))).toMatchObject({
      code: 'capture-key',
      message: expect.stringContaining(encryptionKeyId(other.bytes)),
    });
    const told = String(await failure(() => read(capture, other)));
    expect(told).not.toContain(other.bytes.toString('hex'));
    expect(told).not.toContain(other.bytes.toString('base64'));
  });

  it('takes the right one of several keys, and asks a function by the id', async () => {
    const capture = await encrypted();
    const keyFile = join(dir, 'key');
    await writeFile(keyFile, bytes.toString('base64'), { mode: 0o600 });
    expect((await read(capture, [other, { file: keyFile }])).events).toEqual(events);
    expect((await read(capture, { base64: bytes.toString('base64') })).events).toEqual(events);
    const asked: unknown[] = [];
    const found = await read(capture, async (id) => {
      asked.push(id);
      return bytes;
    });
    expect(found.events).toEqual(events);
    expect(asked).toEqual([key.id]);
  });

  it('is read with the key that the environment names, where none is given', async () => {
    process.env[keyVariables.text] = bytes.toString('base64');
    try {
      expect((await read(await encrypted(), undefined)).events).toEqual(events);
    } finally {
      delete process.env[keyVariables.text];
    }
    expect(captureKeyOf({ [keyVariables.file]: 'a.key' })).toEqual({ file: 'a.key' });
    expect(captureKeyOf({})).toBeUndefined();
    expect(() => captureKeyOf({ [keyVariables.file]: 'a.key', [keyVariables.text]: 'b' })).toThrow(
      'is set beside',
    );
  });

  it('can be sought in, and summed up', async () => {
    await writeFile(path, await encrypted({ chunkBytes: 256 }));
    await using capture = await openCapture(path, { encryptionKey: { bytes } });
    const found: CaptureEvent[] = [];
    for await (const event of capture.events({ fromSeq: 60, toSeq: 70 })) found.push(event);
    expect(found).toEqual(events.filter(({ seq }) => seq >= 60 && seq < 70));
    expect(await capture.summary()).toMatchObject({ closed: true, events: 100 });
  });

  it('is readable as far as it was flushed when its writer died', async () => {
    const capture = await encrypted({ close: false });
    const cut = capture.subarray(0, capture.length - 5);
    const { events: left, condition } = await read(cut, { bytes }, 'tail');
    expect(left.filter(({ type }) => type !== 'gap')).toEqual(events.slice(0, 90));
    expect(condition.state).toBe('truncated');
  });
});

describe('whoever changes an encrypted capture', () => {
  const chunk = 3;

  it('cannot change a byte of it without its being noticed', async () => {
    const capture = await encrypted();
    const known = new Set(events.map((event) => JSON.stringify(event)));
    await fc.assert(
      fc.asyncProperty(fc.nat(capture.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Buffer.from(capture);
        changed[at] = (changed[at] ?? 0) ^ flip;
        for (const { offset } of frames(capture)) rechecked(changed, offset);
        const found = await read(changed, { bytes }, 'salvage').catch((error: unknown) => error);
        if (found instanceof Error) return;
        const { events: left, condition } = found as Awaited<ReturnType<typeof read>>;
        const real = left.filter(({ type }) => type !== 'gap');
        expect(real.every((event) => known.has(JSON.stringify(event)))).toBe(true);
        if (real.length < events.length) expect(condition.state).not.toBe('complete');
      }),
      { numRuns: 60 },
    );
  });

  it('cannot put a chunk that is not encrypted in the place of one that is', async () => {
    const capture = await encrypted();
    const plain = await written(events, { flushEvery: 10, syncMark: capture.subarray(8, 16) });
    const [from, to] = [frames(plain)[chunk], frames(capture)[chunk]];
    const mixed = Buffer.concat([
      capture.subarray(0, to?.offset),
      plain.subarray(from?.offset, from?.end),
      capture.subarray(to?.end),
    ]);
    const { condition } = await read(mixed, { bytes }, 'salvage');
    expect(condition.faults[0]?.message).toContain('is not encrypted, as all chunks of this capture must be');
    expect(condition.events).toBe(90);
  });

  it('cannot bring a chunk in from another capture of the same key', async () => {
    const capture = await encrypted();
    const foreign = await encrypted({ syncMark: capture.subarray(8, 16) });
    const [from, to] = [frames(foreign)[chunk], frames(capture)[chunk]];
    const mixed = Buffer.concat([
      capture.subarray(0, to?.offset),
      foreign.subarray(from?.offset, from?.end),
      capture.subarray(to?.end),
    ]);
    const { condition } = await read(mixed, { bytes }, 'salvage');
    expect(condition.faults[0]?.message).toContain('was changed after it was encrypted, or moved');
  });

  it('cannot say in the header that it was masked otherwise', async () => {
    const capture = await encrypted();
    const at = capture.indexOf('secure');
    capture.write('strict', at);
    const footer = capture.lastIndexOf('secure');
    capture.write('strict', footer);
    for (const { offset } of frames(capture)) rechecked(capture, offset);
    const { events: left, header } = await read(capture, { bytes }, 'salvage');
    expect(header.policy.name).toBe('strict');
    expect(left.filter(({ type }) => type !== 'gap')).toEqual([]);
  });

  it('cannot cut chunks off the end and close the capture anew', async () => {
    const capture = await encrypted();
    const kept = capture.subarray(0, frames(capture)[8]?.offset);
    // All that can be made without the key: a footer that fits, but for its seal.
    const forged = await written(events.slice(0, 70), {
      flushEvery: 10,
      syncMark: capture.subarray(8, 16),
    });
    const [index, footer] = frames(forged).slice(-2);
    const trailer = encodeTrailer(
      kept.length + (footer?.offset ?? 0) - (index?.offset ?? 0),
      (footer?.end ?? 0) - (footer?.offset ?? 0),
    );
    const cut = Buffer.concat([kept, forged.subarray(index?.offset, footer?.end), trailer]);
    expect(await failure(() => read(cut))).toMatchObject({ code: 'capture-damaged' });
    const { condition } = await read(cut, { bytes }, 'salvage');
    expect(condition.faults.map(({ message }) => message)).toContain(
      'the FOOTER frame was changed after it was sealed',
    );
  });

  it('makes nothing of a capture whose header is gone, unless its end has a copy', async () => {
    const capture = await encrypted();
    capture.fill(0, 20, 60);
    await writeFile(path, capture);
    const { condition } = await read(capture, { bytes }, 'salvage');
    expect(condition.events).toBe(0);
    expect(condition.faults[1]?.message).toBe(
      'frame 1 is encrypted, and the HEADER, which says how, is lost',
    );
    await using opened = await openCapture(path, { mode: 'salvage', encryptionKey: { bytes } });
    const found: CaptureEvent[] = [];
    for await (const event of opened.events()) found.push(event);
    expect(found).toEqual(events);
  });
});

describe('writing encrypted captures', () => {
  it('a frame that was not written lends its number to another, but not its nonce', async () => {
    const tried: Buffer[] = [];
    let fails = false;
    const sink = {
      write(piece: Uint8Array) {
        tried.push(Buffer.from(piece));
        if (fails) throw new Error('disk full');
      },
      restore: (offset: number) => offset,
    };
    const writer = new CaptureWriter(sink, aHeader, { encryptionKey: key, syncMark: randomBytes(8) });
    await writer.flush();
    fails = true;
    await writer.write(events[0] as CaptureEvent);
    expect(await failure(() => writer.flush())).toMatchObject({ code: 'io' });
    fails = false;
    await writer.write(events[1] as CaptureEvent);
    await writer.flush();
    const [, lost, kept] = tried;
    expect(lost?.readUInt32LE(12)).toBe(kept?.readUInt32LE(12));
    expect(lost?.subarray(64, 76)).not.toEqual(kept?.subarray(64, 76));
  });

  it('every file of a rotated recording has keys of its own, also from a worker', async () => {
    const keyFile = join(dir, 'key');
    await writeFile(keyFile, bytes, { mode: 0o600 });
    // Built, as a worker needs it.
    const recorder = built.createRecorder({
      service: 'orders',
      sink: built.fileSink({ path, encryptionKey: { file: keyFile } }),
      mask: { version: 1 },
    });
    await recorder.close();
    expect(await verifyCapture(path, { encryptionKey: { bytes } })).toMatchObject({ state: 'complete' });
    expect(await failure(() => verifyCapture(path))).toMatchObject({ code: 'capture-key' });

    const rotated = join(dir, 'rotated.hose');
    const sink = await fileSink({ path: rotated, maxFileBytes: 4096, encryptionKey: { bytes } }).open(
      aHeader,
    );
    for (const event of someEvents(600)) {
      await sink.write([event]);
      if (event.seq % 40 === 0) await sink.flush();
    }
    await sink.close();
    const salts = new Set<string | undefined>();
    const parts = (await readdir(dir)).filter((name) => name.startsWith('rotated'));
    for (const part of parts) {
      const { header } = await verifyCapture(join(dir, part), { encryptionKey: { bytes } });
      salts.add(header.encryption?.salt);
    }
    expect(parts.length).toBeGreaterThan(1);
    expect(salts.size).toBe(parts.length);
  });

  it('a key that cannot be had stops the recording before it begins, and a function needs the inline pipeline', async () => {
    const recorder = built.createRecorder({
      service: 'orders',
      sink: built.fileSink({ path, encryptionKey: { file: join(dir, 'none') } }),
      mask: { version: 1 },
    });
    expect(await failure(() => recorder.ready)).toMatchObject({ code: 'capture-key' });
    await recorder.close();
    const live = fileSink({ path, encryptionKey: () => bytes });
    expect(() => createRecorder({ service: 'orders', sink: live, pipeline: 'worker' })).toThrow(
      'names no module',
    );
    const sink = await live.open(aHeader);
    await sink.close();
    expect((await read(await readFile(path))).header.encryption?.keyId).toBe(key.id);
  });

  it('refuses what is no key, by what it expects', () => {
    for (const wrong of [{}, { file: 1 }, { bytes: 'x' }, { file: 'a', env: 'b' }, 'text', null]) {
      expect(() => fileSink({ path, encryptionKey: wrong as never })).toThrow('Option encryptionKey is');
    }
  });

  it('refuses a short key', async () => {
    const sink = fileSink({ path, encryptionKey: { bytes: Buffer.alloc(16) } });
    expect(await failure(() => sink.open(aHeader))).toMatchObject({
      code: 'capture-key',
      message: expect.stringContaining('16 bytes; 32 or more are needed'),
    });
  });
});

describe('rewriting encrypted captures', () => {
  const reading = { encryptionKey: { bytes } };

  it('keeps the key, and takes another, or none, when asked to', async () => {
    await writeFile(path, await encrypted());
    const same = await recoverCapture(path, output, reading);
    expect(same.header.encryption?.keyId).toBe(key.id);
    expect((await read(await readFile(output))).events).toEqual(events);

    const changed = await recoverCapture(path, output, { ...reading, encrypt: other, overwrite: true });
    expect(changed.header.encryption?.keyId).toBe(encryptionKeyId(other.bytes));
    expect((await read(await readFile(output), other)).events).toEqual(events);

    const plain = await recoverCapture(path, output, { ...reading, encrypt: false, overwrite: true });
    expect(plain.header.encryption).toBeUndefined();
    expect(await verifyCapture(output)).toMatchObject({ state: 'complete', events: 100, faultCount: 0 });
  });

  it('encrypts a capture that was not', async () => {
    await writeFile(path, await written(events, { flushEvery: 10 }));
    await recoverCapture(path, output, { encrypt: { bytes } });
    expect((await read(await readFile(output))).events).toEqual(events);
  });

  it('saves what is sound of a damaged one, and masks one again under its key', async () => {
    const capture = await encrypted();
    const hit = (frames(capture)[3]?.offset ?? 0) + 80;
    capture[hit] = (capture[hit] ?? 0) ^ 0xff;
    await writeFile(path, capture);
    expect(await recoverCapture(path, output, reading)).toMatchObject({ state: 'damaged', lostEvents: 10 });
    expect(await verifyCapture(output, reading)).toMatchObject({ state: 'complete', faultCount: 0 });
    const masked = await maskCapture(path, output, { ...reading, overwrite: true });
    expect(masked.header.encryption?.keyId).toBe(key.id);
  });
});

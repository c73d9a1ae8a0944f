import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recoverCapture } from '../../src/capture/recover-capture.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import { aHeader, failure, inPieces, readAll, someEvents, written } from './support.ts';

let dir = '';
let path = '';
let output = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gardenhose-recover-'));
  path = join(dir, 'orders.hose');
  output = join(dir, 'sound.hose');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const events = someEvents(100);

/** Where the frames of a capture stand: their offsets, by its index-free structure of header and length. */
function frameOffsets(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = 8; at + 64 <= bytes.length; at += 64 + bytes.readUInt32LE(at + 16)) offsets.push(at);
  return offsets;
}

describe('recoverCapture()', () => {
  it('closes a capture that was never closed, without loss', async () => {
    await writeFile(path, await written(events, { close: false, flushEvery: 10 }));
    const result = await recoverCapture(path, output);
    expect(result).toMatchObject({ header: aHeader, state: 'open', lossless: true, events: 100, faults: [] });
    const read = await readAll(await readFile(output), 'strict');
    expect(read.events).toEqual(events);
    expect((await readFile(output)).length).toBe(result.bytesWritten);
  });

  it('saves what stands before and after the damage, with a gap between', async () => {
    const bytes = await written(events, { flushEvery: 10 });
    const offset = frameOffsets(bytes)[4] ?? 0;
    bytes[offset + 70] = 0xff ^ (bytes[offset + 70] ?? 0);
    await writeFile(path, bytes);
    const result = await recoverCapture(path, output);
    expect(result).toMatchObject({ state: 'damaged', lossless: false, events: 90, lostEvents: 10 });
    const read = await readAll(await readFile(output), 'strict');
    expect(read.events.filter((event) => event.type !== 'gap')).toEqual([
      ...events.slice(0, 30),
      ...events.slice(40),
    ]);
    expect(read.events[30]).toMatchObject({ type: 'gap', reason: 'damage', fromSeq: 31, events: 10 });
    expect(await verifyCapture(output)).toMatchObject({ state: 'complete', faultCount: 0 });
  });

  it('tells what a cut took, where the frame that was cut still says it', async () => {
    const bytes = await written(events, { flushEvery: 10 });
    const offset = frameOffsets(bytes)[10] ?? 0;
    const result = await recoverCapture(inPieces(bytes.subarray(0, offset + 70)), output);
    expect(result).toMatchObject({
      state: 'truncated',
      lossless: false,
      events: 90,
      lostEvents: 10,
      lostBytes: 70,
    });
  });

  it('keeps records of types that this release does not know', async () => {
    const growth = new URL('../../../../test/conformance/vectors/v1/growth.hose', import.meta.url);
    const before = await verifyCapture(fileURLToPath(growth));
    expect(before.unknownRecords).toBeGreaterThan(2);
    expect(await recoverCapture(fileURLToPath(growth), output)).toMatchObject({ lossless: true });
    expect(await verifyCapture(output)).toMatchObject({
      state: 'complete',
      events: before.events,
      unknownRecords: before.unknownRecords,
    });
  });

  it('keeps the header where only the footer has it', async () => {
    const bytes = await written(events);
    bytes[9] = 0xff ^ (bytes[9] ?? 0);
    await writeFile(path, bytes);
    expect((await recoverCapture(path, output)).header).toEqual(aHeader);
    expect((await verifyCapture(output)).header).toEqual(aHeader);
  });

  it('replaces no file, least of all the damaged one', async () => {
    await writeFile(path, await written(events));
    await writeFile(output, 'precious');
    expect(await failure(() => recoverCapture(path, output))).toMatchObject({ code: 'io' });
    expect(await readFile(output, 'utf8')).toBe('precious');
    expect(await failure(() => recoverCapture(path, path, { overwrite: true }))).toMatchObject({
      code: 'invalid-option',
    });
    await recoverCapture(path, output, { overwrite: true });
    expect((await readAll(await readFile(output), 'strict')).events).toEqual(events);
  });

  it('leaves no file behind when there is nothing to recover', async () => {
    await writeFile(path, 'no capture at all');
    expect(await failure(() => recoverCapture(path, output))).toMatchObject({ code: 'not-a-capture' });
    expect(existsSync(output)).toBe(false);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CaptureEvent, type CaptureHeader, fileSink } from '@gardenhose/core';
import { aCaptureHeader, exchangeEvents, interleave } from '@gardenhose/core/testing';

/** A directory that goes when the test ends. */
export function tempDir(): { readonly path: string; file(name: string): string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'gardenhose-'));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A few exchanges of different kinds on two lanes. */
export function someEvents(): CaptureEvent[] {
  return interleave(
    exchangeEvents({ exchange: 1, lane: 'a', masked: true }),
    exchangeEvents({ exchange: 2, lane: 'b', at: 2e6, kind: 'chunked-upload', masked: true }),
    exchangeEvents({ exchange: 3, lane: 'a', at: 3e6, kind: 'sse', stepNs: 5e6, masked: true }),
    exchangeEvents({ exchange: 4, lane: 'b', at: 20e6, kind: 'aborted', masked: true }),
  );
}

/** Writes a capture file. */
export async function writeCapture(
  path: string,
  events: readonly CaptureEvent[] = someEvents(),
  header: Partial<CaptureHeader> = {},
): Promise<string> {
  const sink = await fileSink({ path, overwrite: true }).open(aCaptureHeader(header));
  await sink.write(events);
  await sink.close();
  return path;
}

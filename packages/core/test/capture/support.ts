import type { ReadMode } from '../../src/capture/condition.ts';
import { readCapture } from '../../src/capture/read-capture.ts';
import { CaptureWriter } from '../../src/capture/writer.ts';
import type { CaptureWriterOptions } from '../../src/capture/writer-options.ts';
import type { CaptureHeader } from '../../src/model/capture-header.ts';
import type { CaptureEvent, StartEvent } from '../../src/model/event.ts';

export const aHeader: CaptureHeader = {
  id: '00112233445566778899aabbccddeeff',
  writer: 'gardenhose/0.1.0',
  service: 'orders',
  host: 'box-7',
  pid: 4711,
  wallMs: 1_767_225_600_000,
  policy: {
    mode: 'masked',
    name: 'secure',
    digest: 'ab'.repeat(32),
    keyId: 'ephemeral-1',
    disabled: ['email'],
  },
  sampling: 'ratio 0.5',
  part: 0,
  tags: { region: 'eu', ['__proto__']: 'a tag like any other' },
};

export function aStart(seq: number, at: number, exchange: number): StartEvent {
  return {
    type: 'start',
    seq,
    at,
    exchange,
    direction: 'inbound',
    protocol: 'http',
    lane: 'c1',
    parent: undefined,
    operation: undefined,
    peer: '10.0.0.0',
    scheme: 'http',
    version: '1.1',
    method: 'GET',
    target: `/orders/${exchange}`,
    authority: undefined,
    headers: ['Host', 'localhost', 'X-Name', 'J\u00f6rg', 'Accept', '*/*'],
    sampleRate: 1,
  };
}

/** `count` events of small exchanges, one after the other, a millisecond apart. */
export function someEvents(count: number, from = 1): CaptureEvent[] {
  const events: CaptureEvent[] = [];
  for (let seq = from; events.length < count; seq += 4) {
    const at = seq * 1e6;
    const exchange = Math.ceil(seq / 4);
    events.push(
      aStart(seq, at, exchange),
      {
        type: 'end',
        seq: seq + 1,
        at: at + 10,
        exchange,
        side: 'request',
        size: 0,
        state: 'kept',
        complete: true,
      },
      {
        type: 'headers',
        seq: seq + 2,
        at: at + 20,
        exchange,
        status: 200,
        reason: 'OK',
        version: '1.1',
        headers: [],
      },
      {
        type: 'end',
        seq: seq + 3,
        at: at + 30,
        exchange,
        side: 'response',
        size: 5,
        state: 'kept',
        complete: true,
      },
    );
  }
  return events.slice(0, count);
}

/** A byte output that keeps all it is given. */
export class MemoryOutput {
  readonly pieces: Uint8Array[] = [];
  write(bytes: Uint8Array): void {
    this.pieces.push(Uint8Array.from(bytes));
  }
  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }
}

export interface Written extends CaptureWriterOptions {
  readonly close?: boolean;
  /** Flush after so many events. */
  readonly flushEvery?: number;
}

export async function written(events: readonly CaptureEvent[], options: Written = {}): Promise<Buffer> {
  const { close = true, flushEvery, ...rest } = options;
  const output = new MemoryOutput();
  const writer = new CaptureWriter(output, aHeader, rest);
  for (const [i, event] of events.entries()) {
    await writer.write(event);
    if (flushEvery !== undefined && (i + 1) % flushEvery === 0) await writer.flush();
  }
  if (close) await writer.close();
  else await writer.flush();
  return output.bytes;
}

export async function* inPieces(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function readAll(bytes: Uint8Array, mode: ReadMode = 'tail', pieceBytes?: number) {
  const stream = await readCapture(inPieces(bytes, pieceBytes), { mode });
  const events: CaptureEvent[] = [];
  for await (const event of stream.events) events.push(event);
  return { header: stream.header, events, condition: stream.condition() };
}

/** The error that `run` ends in. */
export async function failure(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error('expected a failure');
}

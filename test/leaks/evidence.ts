import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { decompress } from '../../packages/core/src/capture/codec.ts';
import { frameHeaderBytes, magic } from '../../packages/core/src/capture/format.ts';
import { readFrameHeader } from '../../packages/core/src/capture/frame.ts';
import type { CaptureEvent } from '../../packages/core/src/model/event.ts';

/** Each gives what there is also of data that breaks off. */
const decoders: readonly ((bytes: Uint8Array) => Buffer)[] = [
  (bytes) => gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }),
  (bytes) => brotliDecompressSync(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  (bytes) => inflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }),
  (bytes) => inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }),
];

/** Text holds no bytes but white space under 32 and is UTF-8; what is compressed does hold some, or is not. */
function mayBeCoded(bytes: Uint8Array): boolean {
  return !isUtf8(bytes) || bytes.some((byte) => byte < 32 && byte !== 10 && byte !== 13 && byte !== 9);
}

/** Bytes as text, a character per byte, and also out of any content coding that they may be in. */
export function allTextOf(bytes: Uint8Array): string {
  let all = Buffer.from(bytes).toString('latin1');
  let layer = bytes;
  for (let depth = 0; depth < 4 && mayBeCoded(layer); depth++) {
    const decoded = decoders
      .map((decode) => {
        try {
          return decode(layer);
        } catch {
          return undefined; // Not in this coding.
        }
      })
      .find((out) => out !== undefined && out.length > 0);
    if (decoded === undefined) break;
    all += `\n${decoded.toString('latin1')}`;
    layer = decoded;
  }
  return all;
}

/** The payload of every frame of a capture, decompressed: header, chunks, index, footer; of a cut one, those that are whole. */
export async function framesOf(path: string): Promise<string[]> {
  const bytes = readFileSync(path);
  const out: string[] = [];
  let at = magic.length;
  while (at + frameHeaderBytes <= bytes.length) {
    const header = readFrameHeader(bytes.subarray(at, at + frameHeaderBytes));
    if (header === undefined) break;
    const stored = bytes.subarray(at + frameHeaderBytes, at + frameHeaderBytes + header.storedBytes);
    const raw = await decompress(header.codec, stored, header.rawBytes);
    if (raw !== undefined) out.push(Buffer.from(raw).toString('latin1'));
    at += frameHeaderBytes + header.storedBytes;
  }
  return out;
}

/** What events hold: their fields, and the content of each side and message as one text, also decoded. */
export function textOf(events: readonly CaptureEvent[]): string {
  const out: string[] = [];
  const bodies = new Map<string, Uint8Array[]>();
  for (const event of events) {
    const text = JSON.stringify(event, (name, value: unknown) => (name === 'data' ? undefined : value));
    out.push(text);
    if (event.type === 'message' && event.data !== undefined) out.push(allTextOf(event.data));
    if ((event.type !== 'chunk' && event.type !== 'body') || event.data === undefined) continue;
    const side = `${event.exchange} ${event.side}`;
    bodies.set(side, [...(bodies.get(side) ?? []), event.data]);
  }
  for (const pieces of bodies.values()) out.push(allTextOf(Buffer.concat(pieces)));
  return out.join('\n');
}

/** Events by the exchange that they belong to. */
export function byExchange(events: readonly CaptureEvent[]): Map<number, CaptureEvent[]> {
  const all = new Map<number, CaptureEvent[]>();
  for (const event of events) {
    if (!('exchange' in event) || event.exchange === undefined) continue;
    all.set(event.exchange, [...(all.get(event.exchange) ?? []), event]);
  }
  return all;
}

import { crc32, deflateRawSync } from 'node:zlib';
import { ChunkCipher, encryptionKeyId } from '../../packages/core/src/capture/encryption.ts';
import { codecs, frameTypes, magic } from '../../packages/core/src/capture/format.ts';
import { buildFrame, type FrameContent } from '../../packages/core/src/capture/frame.ts';
import { plainContent } from '../../packages/core/src/capture/frame-writer.ts';
import { encodeHeader } from '../../packages/core/src/capture/header-payload.ts';
import { type Packable, pack } from '../../packages/core/src/capture/packing.ts';
import {
  encodeFooter,
  encodeIndexEntry,
  encodeTrailer,
  Totals,
} from '../../packages/core/src/capture/summary-payload.ts';
import { CaptureWriter } from '../../packages/core/src/capture/writer.ts';
import type { CaptureWriterOptions } from '../../packages/core/src/capture/writer-options.ts';
import type { CaptureHeader } from '../../packages/core/src/model/capture-header.ts';
import type { CaptureEvent, StartEvent } from '../../packages/core/src/model/event.ts';
import { type ExchangeKind, exchangeEvents } from '../../packages/core/src/testing/exchange-events.ts';
import { aSchema } from '../../packages/core/src/testing/factories.ts';

/** Marks the frames of every vector. Real captures take 8 random bytes. */
export const syncMark: Uint8Array = Uint8Array.of(0xc5, 0x17, 0x2e, 0x91, 0x0a, 0xfe, 0x63, 0xb8);

const header: CaptureHeader = {
  id: '00112233445566778899aabbccddeeff',
  writer: 'gardenhose/0.1.0',
  service: 'shop',
  host: 'box-7',
  pid: 4711,
  wallMs: Date.UTC(2026, 0, 1),
  policy: {
    mode: 'masked',
    name: 'secure',
    digest: '5a'.repeat(32),
    keyId: 'ephemeral-1f',
    disabled: ['email'],
  },
  sampling: 'ratio 0.5',
  part: 0,
  tags: { region: 'eu' },
};

const text = (value: string) => new TextEncoder().encode(value);

const start: StartEvent = {
  type: 'start',
  seq: 1,
  at: 1_000_000,
  exchange: 1,
  direction: 'inbound',
  protocol: 'http',
  lane: 'c1',
  parent: undefined,
  operation: undefined,
  peer: undefined,
  scheme: 'http',
  version: '1.1',
  method: 'GET',
  target: '/orders/7?q=a',
  authority: undefined,
  headers: [
    'Host',
    'shop.test',
    'ACCEPT',
    '*/*',
    'x-name',
    'J\u00f6rg',
    'x-name',
    '',
    'x-raw',
    '\u0080\u00ff',
  ],
  sampleRate: 0.25,
};

/** One event of every type, with every field set, and numbers at their ends. */
const everyEvent: CaptureEvent[] = [
  {
    ...start,
    parent: 7,
    operation: 'GET /orders/:id',
    peer: '10.0.0.0',
    authority: 'shop.test',
    direction: 'outbound',
  },
  { type: 'chunk', seq: 2, at: 1_000_500, exchange: 1, side: 'request', size: 5 },
  { type: 'chunk', seq: 3, at: 1_000_500, exchange: 1, side: 'request', size: 2 ** 40, data: text('raw') },
  {
    type: 'body',
    seq: 3,
    at: 1_000_500,
    exchange: 1,
    side: 'request',
    data: text('{"a":"\u2026"}'),
    ends: [3, 3, 11],
  },
  {
    type: 'trailers',
    seq: 4,
    at: 1_001_000,
    exchange: 1,
    side: 'request',
    headers: ['X-Sum', '1', 'X-Sum', '2'],
  },
  {
    type: 'end',
    seq: 5,
    at: 1_001_000,
    exchange: 1,
    side: 'request',
    size: 2 ** 40 + 5,
    state: 'masked',
    complete: false,
  },
  {
    type: 'headers',
    seq: 6,
    at: 1_001_500,
    exchange: 1,
    status: 103,
    reason: 'Early Hints',
    version: '1.1',
    headers: ['Link', '</a>'],
  },
  {
    type: 'headers',
    seq: 7,
    at: 1_002_000,
    exchange: 1,
    status: 200,
    reason: 'Tr\u00e8s bien',
    version: '1.1',
    headers: [],
  },
  {
    type: 'message',
    seq: 8,
    at: 1_002_000,
    exchange: 1,
    side: 'response',
    index: 0,
    kind: 2,
    size: 3,
    state: 'kept',
    data: Uint8Array.of(0, 255, 10),
  },
  {
    type: 'message',
    seq: 9,
    at: 1_002_001,
    exchange: 1,
    side: 'response',
    index: 1,
    kind: 1,
    size: 9,
    state: 'dropped:limit',
  },
  { type: 'mark', seq: 10, at: 1_002_002, exchange: 1, name: 'tenant', value: 'm\u00fcller \u{1f33b}' },
  {
    type: 'audit',
    seq: 10,
    at: 1_002_002,
    exchange: 1,
    entries: [{ rule: 'email', part: 'body', side: 'request', count: 2 }],
    unknownHeaders: ['x-raw'],
  },
  {
    type: 'end',
    seq: 11,
    at: 1_002_003,
    exchange: 1,
    side: 'response',
    size: 0,
    state: 'dropped:unparsed',
    complete: true,
  },
  { ...start, seq: 12, at: 2_000_000, exchange: 2, protocol: 'websocket', scheme: 'https' },
  { type: 'abort', seq: 13, at: 2_000_001, exchange: 2, by: 'client', code: 'ECONNRESET' },
  {
    type: 'gap',
    seq: 13,
    at: 2_000_001,
    reason: 'buffer-full',
    fromAt: 1,
    toAt: 2_000_000,
    exchanges: 3,
    events: 2,
    fromSeq: 14,
    exchange: 2,
  },
  { type: 'control', seq: 16, at: 2_000_002, name: 'ratio', value: '0.1' },
  { type: 'clock', seq: 17, at: 2_000_003, wallMs: Date.UTC(2026, 0, 1) + 2.5 },
  {
    type: 'gap',
    seq: 17,
    at: 2_000_003,
    reason: 'rate-limit',
    fromAt: 0,
    toAt: 2 ** 53 - 1,
    exchanges: 2 ** 53 - 1,
    events: 0,
    fromSeq: 0,
  },
  {
    ...start,
    type: 'resume',
    seq: 17,
    at: 2_000_003,
    exchange: 2 ** 53 - 1,
    protocol: 'grpc',
    startSeq: 2 ** 33,
    startAt: 2 ** 45,
  },
];

export interface Vector {
  readonly bytes: Uint8Array;
  /** Bytes that come out the same on every machine; what brotli gives depends on its version. */
  readonly stable: boolean;
}

interface Shape extends CaptureWriterOptions {
  readonly close?: boolean;
  readonly flushEvery?: number;
  readonly header?: Partial<CaptureHeader>;
}

async function write(events: readonly CaptureEvent[], shape: Shape = {}): Promise<Vector> {
  const { close = true, flushEvery = 4, header: over, ...options } = shape;
  const pieces: Uint8Array[] = [];
  const output = { write: (bytes: Uint8Array) => void pieces.push(Uint8Array.from(bytes)) };
  const writer = new CaptureWriter(
    output,
    { ...header, ...over },
    { compression: 'none', syncMark, ...options },
  );
  for (const [i, event] of events.entries()) {
    await writer.write(event);
    if ((i + 1) % flushEvery === 0) await writer.flush();
  }
  if (close) await writer.close();
  else await writer.flush();
  return { bytes: Buffer.concat(pieces), stable: options.compression !== 'brotli' };
}

interface Chunk {
  readonly type?: number;
  readonly codec?: number;
  readonly records: readonly (readonly Packable[])[];
  readonly firstSeq: number;
  readonly seqSpan: number;
}

/** A capture of frames that no writer of this release makes. */
function assemble(chunks: readonly Chunk[]): Vector {
  const plain = (type: number, payload: Uint8Array): FrameContent => ({
    type,
    codec: codecs.none,
    stored: payload,
    rawBytes: payload.length,
    crcRaw: crc32(payload),
    count: 1,
  });
  const frames = chunks.map(
    ({ type = frameTypes.chunk, codec = codecs.none, records, firstSeq, seqSpan }, i) => {
      const raw = Buffer.concat(records.map((record) => Uint8Array.from(pack(record))));
      const stored = codec === codecs.deflate ? deflateRawSync(raw) : raw;
      return buildFrame(syncMark, i + 1, {
        type,
        codec,
        stored,
        rawBytes: raw.length,
        crcRaw: crc32(raw),
        count: records.length,
        firstSeq,
        seqSpan,
        baseNs: 1000 * firstSeq,
        spanNs: 0,
      });
    },
  );
  const head = buildFrame(syncMark, 0, plain(frameTypes.header, encodeHeader(header, syncMark)));
  return {
    bytes: Buffer.concat([magic, head, ...frames]),
    stable: chunks.every(({ codec }) => codec !== codecs.deflate),
  };
}

const mark = (dSeq: number, value: string): Packable[] => [9, dSeq, 0, 1, 'step', value];

/** The key of the vector that is encrypted: bytes 0 to 31. */
export const vectorKey: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i);

/** A capture of two encrypted chunks, with nonces and a salt that are the same each time. */
function encrypted(chunks: readonly (readonly (readonly Packable[])[])[]): Vector {
  const key = { id: encryptionKeyId(vectorKey), bytes: vectorKey };
  const salt = 'a0'.repeat(16);
  const payload = encodeHeader({ ...header, encryption: { keyId: key.id, salt } }, syncMark);
  const cipher = new ChunkCipher(key, salt, payload);
  const totals = new Totals();
  const pieces: Uint8Array[] = [
    Buffer.concat([magic, buildFrame(syncMark, 0, plainContent(frameTypes.header, payload, 1))]),
  ];
  const offset = () => pieces.reduce((sum, piece) => sum + piece.length, 0);
  const entries: Uint8Array[] = [];
  for (const [i, records] of chunks.entries()) {
    const raw = Buffer.concat(records.map((record) => Uint8Array.from(pack(record))));
    const number = i + 1;
    const span = {
      count: records.length,
      firstSeq: 10 * number,
      seqSpan: 1,
      baseNs: 1000 * number,
      spanNs: 0,
    };
    const chunk = {
      ...span,
      type: frameTypes.chunk,
      codec: codecs.none,
      stored: raw,
      rawBytes: raw.length,
      crcRaw: 0,
    };
    const frame = buildFrame(syncMark, number, chunk, (head, packed) =>
      cipher.encrypt(head, packed, Buffer.alloc(12, number)),
    );
    entries.push(encodeIndexEntry({ ...span, offset: offset(), number, storedBytes: frame.length - 64 }));
    totals.add(span, new Map([[9, records.length]]));
    pieces.push(frame);
  }
  const indexAt = offset();
  pieces.push(
    buildFrame(syncMark, 3, plainContent(frameTypes.index, Buffer.concat(entries), entries.length)),
  );
  const footer = buildFrame(
    syncMark,
    4,
    plainContent(frameTypes.footer, encodeFooter(payload, [indexAt], totals, cipher.seal(totals)), 1),
  );
  pieces.push(encodeTrailer(offset(), footer.length));
  pieces.splice(-1, 0, footer);
  return { bytes: Buffer.concat(pieces), stable: true };
}

/** Every vector of format version 1, by name. */
export async function vectors(): Promise<Map<string, Vector>> {
  const kind = (name: ExchangeKind, exchange: number, seq: number) =>
    exchangeEvents({ kind: name, exchange, seq, at: 1_000_000 * seq, masked: true });
  const all = new Map<string, Vector>();
  // The file that the specification shows byte by byte.
  all.set(
    'tiny',
    await write([{ type: 'mark', seq: 1, at: 5000, exchange: 1, name: 'tenant', value: 'acme' }], {
      header: {
        id: '0f'.repeat(16),
        writer: 'w',
        service: 's',
        host: 'h',
        pid: 1,
        policy: { mode: 'masked', name: 'secure', digest: 'd', keyId: 'k', disabled: [] },
        sampling: 'always',
        tags: {},
      },
    }),
  );
  all.set('empty', await write([]));
  all.set('every-event', await write(everyEvent));
  all.set('open', await write(everyEvent.slice(0, 10), { close: false }));
  all.set('http', await write(kind('http', 1, 1)));
  all.set('upload', await write(kind('chunked-upload', 1, 1)));
  all.set('sse', await write(kind('sse', 1, 1)));
  all.set('websocket', await write(kind('websocket', 1, 1)));
  all.set('grpc', await write([...kind('grpc-unary', 1, 1), ...kind('grpc-bidi', 2, 40)], { flushEvery: 6 }));
  all.set('aborted', await write(kind('aborted', 1, 1)));
  const repetitive: CaptureEvent = {
    type: 'mark',
    seq: 20,
    at: 30e6,
    exchange: 1,
    name: 'note',
    value: 'brotli '.repeat(40),
  };
  all.set(
    'brotli',
    await write([...kind('http', 1, 1), repetitive], { compression: 'brotli', flushEvery: 100 }),
  );
  all.set(
    'deflate',
    assemble([
      {
        codec: codecs.deflate,
        records: [mark(0, 'deflate '.repeat(8)), mark(1, 'b')],
        firstSeq: 1,
        seqSpan: 1,
      },
    ]),
  );
  all.set(
    'second-part',
    await write(
      [
        { ...start, type: 'resume', seq: 900, at: 9_000_000, startSeq: 12, startAt: 40_000 },
        {
          type: 'end',
          seq: 901,
          at: 9_000_100,
          exchange: 1,
          side: 'request',
          size: 0,
          state: 'kept',
          complete: true,
        },
      ],
      { header: { part: 1, tags: {} } },
    ),
  );
  const call = kind('grpc-unary', 1, 2);
  const { seq = 0, at = 0 } = call.at(-1) ?? {};
  all.set(
    'schema',
    await write([
      aSchema({ seq: 1, at: 1000 }),
      ...call,
      // Repeated at the beginning of a file, a schema has the number of what came before.
      aSchema({ seq, at, data: new Uint8Array() }),
    ]),
  );
  all.set(
    'unmasked',
    await write([], {
      header: { policy: { mode: 'none', name: 'none', digest: '', keyId: '', disabled: [] } },
    }),
  );
  all.set(
    'allowed',
    await write([], {
      header: { policy: { ...header.policy, allowed: ['authorization', 'cookie'], hookBeforeMask: true } },
    }),
  );
  all.set(
    'saved-on-trigger',
    await write(
      [
        { ...start, type: 'resume', seq: 900, at: 9_000_000, startSeq: 12, startAt: 40_000 },
        { type: 'control', seq: 901, at: 9_000_100, name: 'trigger', value: 'status 5xx: exchange 1' },
      ],
      { header: { trigger: { reason: 'status 5xx: exchange 1', at: 9_000_100, wallMs: header.wallMs + 9 } } },
    ),
  );
  all.set(
    'masked-again',
    await write([], {
      header: {
        policyHistory: [
          { mode: 'none', name: 'none', digest: '', keyId: '', disabled: [] },
          { ...header.policy, name: 'strict', allowed: ['cookie'] },
        ],
      },
    }),
  );
  all.set(
    'encrypted',
    encrypted([
      [mark(0, 'a'), mark(1, 'b')],
      [mark(0, 'c'), mark(1, 'd')],
    ]),
  );
  all.set(
    'growth',
    assemble([
      // A record with a field more, one of an unknown type, one with an unknown word, one with a private type.
      {
        records: [[...mark(0, 'a'), 'new', [1, [2]]], [99, 1, 0, 'what'], mark(2, 'b')],
        firstSeq: 1,
        seqSpan: 2,
      },
      // A frame of an unknown and one of a private type.
      { type: 5, records: [[1, 2, 3]], firstSeq: 0, seqSpan: 0 },
      { type: 0x80, records: [['anything']], firstSeq: 0, seqSpan: 0 },
      {
        records: [
          [12, 0, 0, 'a-new-reason', 0, 0, 0, 1, 3, null],
          [200, 0, 0],
          [8, 1, 0, 1, 9, 'X'],
          mark(2, 'c'),
        ],
        firstSeq: 4,
        seqSpan: 2,
      },
    ]),
  );
  return all;
}

/** Captures that were damaged: read with `salvage`. */
export async function damagedVectors(): Promise<Map<string, Uint8Array>> {
  const marks = Array.from({ length: 6 }, (_, i): CaptureEvent => {
    return { type: 'mark', seq: i + 1, at: 1000 * i, exchange: 1, name: 'step', value: String(i) };
  });
  const { bytes } = await write(marks, { flushEvery: 2 });
  // Frames 1 to 3 hold two events each.
  const at: number[] = [];
  const view = Buffer.from(bytes);
  for (let offset = 8; offset + 64 < bytes.length; offset += 64 + view.readUInt32LE(offset + 16))
    at.push(offset);
  const [, first = 0, second = 0, third = 0, end = 0] = at;
  const part = (from: number, to: number = bytes.length) => bytes.subarray(from, to);
  const with0xff = (...places: number[]) => {
    const copy = Buffer.from(bytes);
    for (const place of places) copy[place] = 0xff;
    return copy;
  };
  return new Map<string, Uint8Array>([
    ['flipped-payload', with0xff(second + 64)],
    ['flipped-frame-header', with0xff(second + 20)],
    ['lost-header', with0xff(10)],
    ['removed-frame', Buffer.concat([part(0, second), part(third)])],
    ['repeated-frame', Buffer.concat([part(0, third), part(second)])],
    [
      'swapped-frames',
      Buffer.concat([part(0, first), part(second, third), part(first, second), part(third)]),
    ],
    ['torn-frame', Buffer.concat([part(0, second + 70), part(third)])],
    ['bytes-inserted', Buffer.concat([part(0, second), Buffer.from('inserted bytes'), part(second)])],
    ['bytes-removed', Buffer.concat([part(0, second + 30), part(second + 40)])],
    ['zeros', Buffer.concat([part(0, second), Buffer.alloc(third - second), part(third)])],
    ['cut-payload', part(0, third + 70)],
    ['cut-frame-header', part(0, third + 20)],
    ['last-chunk-removed', Buffer.concat([part(0, third), part(end)])],
    ['trailing-bytes', Buffer.concat([bytes, Buffer.from('more')])],
  ]);
}

/** The JSON form of what a capture holds: bytes as `{ "base64": … }`, a missing field left out. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(
    value,
    (_, item: unknown) =>
      item instanceof Uint8Array ? { base64: Buffer.from(item).toString('base64') } : item,
    2,
  )}\n`;
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  FrameFault,
  type FrameMessage,
  FrameReader,
  type FrameReaderOptions,
} from '../../src/websocket/frame-reader.ts';
import { closeFrame, type FrameParts, frame, masked } from '../support/frames.ts';

const limits = { maxBytes: 1_000_000, maxCompressedBytes: 1_000_000, deflate: false };

interface Read {
  readonly messages: (Omit<FrameMessage, 'data'> & { readonly text: string })[];
  readonly fault: string | undefined;
  readonly roomLeft: number;
}

/** What a reader makes of these pieces, and how much of its room it has given back at its end. */
function read(
  pieces: readonly Uint8Array[],
  options: Partial<FrameReaderOptions> = {},
  bytes = 10_000_000,
): Read {
  const room = { bytes };
  const messages: Read['messages'] = [];
  const reader = new FrameReader({ ...limits, room, ...options }, ({ data, ...rest }) =>
    messages.push({ ...rest, text: data.toString('latin1') }),
  );
  let fault: string | undefined;
  try {
    for (const piece of pieces) reader.push(Buffer.from(piece));
  } catch (error) {
    if (!(error instanceof FrameFault)) throw error;
    fault = error.message;
  }
  reader.close();
  return { messages, fault, roomLeft: room.bytes };
}

const texts = (pieces: readonly Uint8Array[], options?: Partial<FrameReaderOptions>): string[] =>
  read(pieces, options).messages.map(({ opcode, text }) => `${opcode} ${text}`);

test('reads the examples of RFC 6455 section 5.7', () => {
  const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
  expect(texts([hex('81 05 48 65 6c 6c 6f')])).toEqual(['1 Hello']);
  expect(texts([hex('81 85 37 fa 21 3d 7f 9f 4d 51 58')])).toEqual(['1 Hello']);
  expect(texts([hex('01 03 48 65 6c'), hex('80 02 6c 6f')])).toEqual(['1 Hello']);
  expect(texts([hex('89 05 48 65 6c 6c 6f 8a 85 37 fa 21 3d 7f 9f 4d 51 58')])).toEqual([
    '9 Hello',
    '10 Hello',
  ]);
  expect(read([hex('82 7e 01 00'), Buffer.alloc(256)]).messages[0]?.size).toBe(256);
  expect(read([hex('82 7f 00 00 00 00 00 01 00 00'), Buffer.alloc(65_536)]).messages[0]?.size).toBe(65_536);
});

test('messages are the same however their frames and bytes are cut', () => {
  const message = fc.record({
    kind: fc.constantFrom(1, 2),
    fragments: fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 }),
    control: fc.option(
      fc.record({ opcode: fc.constantFrom(9, 10), data: fc.uint8Array({ maxLength: 125 }) }),
    ),
    mask: fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 }), { nil: undefined }),
    lengthBytes: fc.constantFrom(undefined, 8 as const),
  });
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat({ max: 700 }), { maxLength: 12 }),
      (messages, cuts) => {
        const expected: string[] = [];
        const frames = messages.flatMap(({ kind, fragments, control, mask, lengthBytes }) => {
          const parts: FrameParts = { mask, ...(lengthBytes === undefined ? {} : { lengthBytes }) };
          const all = fragments.map((data, i) =>
            frame(data, { ...parts, opcode: i === 0 ? kind : 0, final: i === fragments.length - 1 }),
          );
          if (control !== null) {
            // A control frame comes between the fragments, and so before the message is whole.
            all.splice(fragments.length - 1, 0, frame(control.data, { opcode: control.opcode, mask }));
            expected.push(`${control.opcode} ${Buffer.from(control.data).toString('latin1')}`);
          }
          expected.push(`${kind} ${Buffer.concat(fragments).toString('latin1')}`);
          return all;
        });
        const bytes = Buffer.concat(frames);
        const pieces: Buffer[] = [];
        let from = 0;
        for (const cut of cuts) {
          pieces.push(bytes.subarray(from, from + cut));
          from = Math.min(bytes.length, from + cut);
        }
        pieces.push(bytes.subarray(from));
        const result = read(pieces);
        expect(result.messages.map(({ opcode, text }) => `${opcode} ${text}`)).toEqual(expected);
        expect(result).toMatchObject({ fault: undefined, roomLeft: 10_000_000 });
      },
    ),
    { numRuns: 150 },
  );
});

test('any bytes are read or refused, and what was held is given back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }),
      fc.boolean(),
      (pieces, deflate) => {
        const result = read(pieces, { maxBytes: 64, maxCompressedBytes: 64, deflate }, 500);
        expect(result.roomLeft).toBe(500);
        for (const { text, size } of result.messages)
          expect(text.length).toBeLessThanOrEqual(Math.min(size, 125));
      },
    ),
    { numRuns: 300 },
  );
});

test.each<[problem: string, bytes: Buffer]>([
  ['a control frame is fragmented', frame('a', { opcode: 9, final: false })],
  ['a control frame is longer than 125 bytes', frame('a'.repeat(126), { opcode: 9 })],
  ['a message begins within another', Buffer.concat([frame('a', { final: false }), frame('b')])],
  ['a frame goes on with a message that did not begin', frame('a', { opcode: 0 })],
  ['a frame has the opcode 3, which has no meaning', frame('a', { opcode: 3 })],
  ['a frame has the opcode 7, which has no meaning', frame('a', { opcode: 7 })],
  ['a frame has the opcode 11, which has no meaning', frame('a', { opcode: 11 })],
  ['a frame has the opcode 15, which has no meaning', frame('a', { opcode: 15 })],
  ['a frame has a reserved bit that no extension gives a meaning to', frame('a', { reserved: 4 })],
  ['a frame has a reserved bit that no extension gives a meaning to', frame('a', { reserved: 1 })],
  ['the length of a frame is too large to count', Buffer.from([0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0])],
  ['the length of a frame is too large to count', Buffer.from([0x82, 0x7f, 0, 0x20, 0, 0, 0, 0, 0, 0])],
])('%s: that is refused', (problem, bytes) => {
  expect(read([bytes])).toMatchObject({ messages: [], fault: problem });
});

test('where a mask is asked for, or none, frames that are not so are refused', () => {
  expect(read([frame('a')], { masked: true }).fault).toBe('a frame is not masked');
  expect(read([masked('a')], { masked: false }).fault).toBe('a frame is masked');
  expect(texts([masked('a')], { masked: true })).toEqual(['1 a']);
});

test('with compression the first reserved bit tells it of a message, at its first frame only', () => {
  const deflate = { deflate: true };
  expect(read([frame('a', { reserved: 4 })], deflate).messages).toEqual([
    { opcode: 1, text: 'a', size: 1, compressed: true },
  ]);
  const fragments = [
    frame('a', { reserved: 4, final: false }),
    frame('p', { opcode: 9 }),
    frame('b', { opcode: 0 }),
  ];
  expect(read(fragments, deflate).messages).toEqual([
    { opcode: 9, text: 'p', size: 1, compressed: false },
    { opcode: 1, text: 'ab', size: 2, compressed: true },
  ]);
  expect(read([frame('a', { opcode: 9, reserved: 4 })], deflate).fault).toMatch('a reserved bit');
  const second = [frame('a', { final: false }), frame('b', { opcode: 0, reserved: 4 })];
  expect(read(second, deflate).fault).toMatch('a reserved bit');
});

test('empty messages, empty fragments and lengths longer than they need be are read', () => {
  expect(texts([frame('')])).toEqual(['1 ']);
  expect(texts([masked(''), frame('', { opcode: 8 })])).toEqual(['1 ', '8 ']);
  const empty = [
    frame('', { final: false }),
    frame('', { opcode: 0, final: false }),
    frame('a', { opcode: 0 }),
  ];
  expect(texts(empty)).toEqual(['1 a']);
  expect(texts([frame('a', { lengthBytes: 8 }), frame('b', { lengthBytes: 2 })])).toEqual(['1 a', '1 b']);
});

test('of a message over the limit the beginning is held, and its size counted', () => {
  const long = 'a'.repeat(5_000);
  const cut = { maxBytes: 100 };
  for (const bytes of [frame(long), masked(long)]) {
    for (const pieces of [[bytes], [bytes.subarray(0, 60), bytes.subarray(60)]]) {
      expect(read(pieces, cut).messages).toEqual([
        { opcode: 1, text: 'a'.repeat(100), size: 5_000, compressed: false },
      ]);
    }
  }
});

test('what a frame says of its length takes no room before the bytes come', () => {
  const huge = Buffer.from([0x82, 0x7f, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  const room = { bytes: 4_096 };
  const reader = new FrameReader({ ...limits, room }, () => expect.unreachable());
  reader.push(huge);
  expect(room.bytes).toBe(4_096);
  for (let i = 0; i < 100; i++) reader.push(Buffer.alloc(100));
  expect(room.bytes).toBeGreaterThanOrEqual(0);
  expect(reader.between).toBe(false);
  reader.close();
  expect(room.bytes).toBe(4_096);
});

test('a message that finds no room is told by its size, and the next is whole again', () => {
  const room = { bytes: 300 };
  const seen: [string, number][] = [];
  const reader = new FrameReader({ ...limits, room }, ({ data, size }) => seen.push([data.toString(), size]));
  const long = frame('a'.repeat(1_000));
  for (let i = 0; i < long.length; i += 100) reader.push(long.subarray(i, i + 100));
  const next = frame('next');
  reader.push(next.subarray(0, 3));
  reader.push(next.subarray(3));
  expect(seen.map(([, size]) => size)).toEqual([1_000, 4]);
  expect(seen[0]?.[0].length).toBeLessThanOrEqual(300);
  expect(seen[1]?.[0]).toBe('next');
});

test('nothing is read after the reader is closed, also within its own call', () => {
  const room = { bytes: 1_000 };
  const seen: number[] = [];
  const reader: FrameReader = new FrameReader({ ...limits, room }, ({ opcode }) => {
    seen.push(opcode);
    if (opcode === 8) reader.close();
  });
  reader.push(Buffer.concat([frame('a'), closeFrame(1000), frame('b'), frame('c').subarray(0, 2)]));
  expect(seen).toEqual([1, 8]);
  expect(room.bytes).toBe(1_000);
});

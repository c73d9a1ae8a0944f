import { gzipSync } from 'node:zlib';
import { frame, masked, packed } from '../../../packages/http-adapter/test/support/frames.ts';
import type { Canary, CanaryKind } from '../canary.ts';
import { answers, type Case, eventStream, get, type Positions, password } from '../position.ts';

/** The head of a handshake, and frames behind it. */
const asks = (frames: readonly Buffer[], target = '/', ...headers: string[]): Buffer => {
  const lines = [
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
  ];
  const head = get(target, ...lines, ...headers).replace('Connection: close', 'Connection: Upgrade');
  return Buffer.concat([Buffer.from(head, 'latin1'), ...frames]);
};

const deflate = ['Sec-WebSocket-Extensions', 'permessage-deflate'] as const;

/** A WebSocket whose client sends these frames, on a server that compresses if it is asked to. */
const socket = (
  frames: (canary: Canary) => readonly Buffer[],
  find: CanaryKind = 'word',
): Omit<Case, 'title'> => ({
  find,
  request: (canary) => asks(frames(canary)),
  answer: () => ({ headers: [deflate] }),
});

/** A WebSocket with one message of its client. */
const message = (opcode: number, data: (canary: Canary) => string | Buffer, find?: CanaryKind) =>
  socket((canary) => [masked(data(canary), { opcode })], find);

/** A WebSocket with one message of its server. */
const answer = (opcode: number, data: (canary: Canary) => string, find: CanaryKind = 'word') => ({
  find,
  request: () => asks([]),
  answer: (canary: Canary) => ({ pieces: [frame(data(canary), { opcode }).toString('latin1')] }),
});

const closing = (reason: string): Buffer => Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.from(reason)]);

/** Messages and streams of events. */
export const streamPositions: Positions = {
  112: {
    title: 'WebSocket text message',
    cases: {
      JSON: message(1, password),
      'JSON of the server': answer(1, password),
      text: message(1, ({ email }) => `from ${email}`, 'email'),
      'Socket.IO': message(1, (canary) => `42["login",${password(canary)}]`),
      'a frame of STOMP': message(1, ({ word }) => `CONNECT\nlogin:a\npasscode:${word}\n\n\0`),
      'the handshake': {
        request: ({ word }) => asks([], `/?token=${word}`, `Sec-WebSocket-Protocol: Bearer_${word}`),
      },
    },
  },
  113: {
    title: 'WebSocket binary message',
    cases: {
      bytes: message(2, ({ word }) => `\x01\x02${word}`),
      'bytes of the server': answer(2, ({ word }) => `\x01\x02${word}`),
      JSON: message(2, password),
    },
  },
  114: {
    title: 'fragmented message',
    cases: {
      'cut within the value': socket((canary) => {
        const text = password(canary);
        const at = text.length - 9;
        return [
          masked(text.slice(0, at), { final: false }),
          masked('', { opcode: 9 }),
          masked(text.slice(at), { opcode: 0 }),
        ];
      }),
      'one byte a frame': socket((canary) =>
        [...password(canary)].map((byte, i, all) =>
          masked(byte, { opcode: i === 0 ? 1 : 0, final: i === all.length - 1 }),
        ),
      ),
      'the beginning of JSON': message(1, (canary) => password(canary).slice(0, -2)),
    },
  },
  115: {
    title: 'permessage-deflate',
    cases: {
      'one message': socket((canary) => [masked(packed(password(canary)), { reserved: 4 })]),
      'that goes on from one before it': socket((canary) => {
        const text = password(canary);
        return [masked(packed(text), { reserved: 4 }), masked(packed(text, text), { reserved: 4 })];
      }),
      'one that was compressed once more': message(1, (canary) => gzipSync(password(canary))),
    },
  },
  116: {
    title: 'reason of a close',
    cases: {
      'by look': message(8, ({ email }) => closing(`for ${email}`), 'email'),
      'by name': message(8, ({ word }) => closing(`token=${word}`)),
    },
  },
  117: {
    title: 'payload of a ping',
    cases: { ping: message(9, ({ email }) => email, 'email'), pong: message(10, password) },
  },
  118: {
    title: 'server-sent events',
    cases: {
      data: answers(eventStream, (canary) => `data: ${password(canary)}\n\n`),
      'data over lines': answers(
        eventStream,
        ({ word }) => `data: {"a":1,\ndata: "password":\ndata: "${word}"}\n\n`,
      ),
      'data, cut': answers(eventStream, (canary) => `data: ${password(canary).slice(0, -1)}`),
      'JSON within a text': answers(eventStream, (canary) => `data: got ${password(canary)}\n\n`),
      id: answers(eventStream, ({ email }) => `id: ${email}\n\n`, { find: 'email' }),
      event: answers(eventStream, ({ email }) => `event: ${email}\ndata: x\n\n`, { find: 'email' }),
      comment: answers(eventStream, ({ email }) => `: ${email}\n\n`, { find: 'email' }),
      'a field of its own': answers(eventStream, ({ word }) => `password: ${word}\n\n`),
      'carriage returns': answers(eventStream, (canary) => `data: ${password(canary)}\r\r`),
      gzip: answers(eventStream, (canary) => gzipSync(`data: ${password(canary)}\n\n`), { coding: 'gzip' }),
      'one event per piece': {
        answer: (canary) => ({
          headers: [['Content-Type', eventStream]],
          pieces: [
            'data: 1\n\n',
            `data: ${password(canary).slice(0, 9)}`,
            `${password(canary).slice(9)}\n\n`,
          ],
        }),
      },
    },
  },
};

import { gzipSync } from 'node:zlib';
import type { Canary, CanaryKind } from '../canary.ts';
import { answers, eventStream, get, type Positions, password, type Told } from '../position.ts';

const viaRecorder = 'told through the interface of taps: no tap of WebSockets is built yet';

/** A WebSocket connection with one message. */
const socket = (kind: number, data: (canary: Canary) => string, find: CanaryKind = 'word') => ({
  find,
  told: (canary: Canary): Told => ({
    start: { protocol: 'websocket' },
    messages: [['request', kind, data(canary)]],
  }),
});

/** Messages and streams of events. */
export const streamPositions: Positions = {
  112: {
    title: 'WebSocket text message',
    note: viaRecorder,
    cases: {
      JSON: socket(1, password),
      text: socket(1, ({ email }) => `from ${email}`, 'email'),
      'Socket.IO': socket(1, (canary) => `42["login",${password(canary)}]`),
      'a frame of STOMP': socket(1, ({ word }) => `CONNECT\nlogin:a\npasscode:${word}\n\n\0`),
      'the handshake': {
        told: ({ word }) => ({
          start: {
            protocol: 'websocket',
            target: `/?token=${word}`,
            headers: ['Sec-WebSocket-Protocol', `Bearer_${word}`],
          },
        }),
      },
      'over a real connection': {
        request: (canary) => {
          const upgrade = get(`/?token=${canary.word}`, 'Upgrade: websocket', 'Sec-WebSocket-Version: 13');
          const data = Buffer.from(password(canary));
          return Buffer.concat([
            Buffer.from(upgrade.replace('Connection: close', 'Connection: Upgrade')),
            Buffer.from([0x81, data.length]),
            data,
          ]);
        },
        unseen: 'taps leave upgrades alone',
      },
    },
  },
  113: {
    title: 'WebSocket binary message',
    note: viaRecorder,
    cases: { bytes: socket(2, ({ word }) => `\x01\x02${word}`), JSON: socket(2, password) },
  },
  114: {
    title: 'fragmented message',
    note: `${viaRecorder}; a tap gives whole messages`,
    cases: {
      'a continuation by itself': socket(0, password),
      'the beginning of JSON': socket(1, (canary) => password(canary).slice(0, -2)),
    },
  },
  115: {
    title: 'permessage-deflate',
    note: `${viaRecorder}; a tap gives inflated messages`,
    cases: {
      'one that was not inflated': socket(1, (canary) => gzipSync(password(canary)).toString('latin1')),
    },
  },
  116: {
    title: 'reason of a close',
    note: viaRecorder,
    cases: {
      'by look': socket(8, ({ email }) => `\x03\xe8for ${email}`, 'email'),
      'by name': socket(8, ({ word }) => `\x03\xe8token=${word}`),
    },
  },
  117: {
    title: 'payload of a ping',
    note: viaRecorder,
    cases: { ping: socket(9, ({ email }) => email, 'email'), pong: socket(10, password) },
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

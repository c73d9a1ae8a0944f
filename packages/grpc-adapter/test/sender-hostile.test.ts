import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createSender } from '../src/sender.ts';
import { aCall, replayAll } from './support/calls.ts';
import { frameType, frame as http2Frame } from './support/frames.ts';
import { answerWith, frame, serveBare } from './support/http2-server.ts';

test('what is kept of an answer is bounded after it was decompressed, too', async () => {
  const bomb = frame(gzipSync(Buffer.alloc(60_000)), true);
  await using running = await serveBare((stream) =>
    answerWith(
      stream,
      Array.from({ length: 50 }, () => bomb),
      { 'grpc-encoding': 'gzip' },
    ),
  );
  const [result] = await replayAll([aCall()], createSender(running.origin, { maxBodyBytes: 200_000 }));
  const { messages = [], state } = result?.replayed?.response ?? {};
  expect(messages.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThanOrEqual(200_000);
  expect(messages.length).toBe(3);
  expect([state, result?.entry.outcome]).toEqual(['truncated', 'answered']);
});

const settings = http2Frame(frameType.settings, 0, 0);
const goaway = (code: number) => http2Frame(frameType.goaway, 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0, code]));

test.each<[string, (socket: Socket) => void]>([
  ['says that it goes', (socket) => socket.write(Buffer.concat([settings, goaway(0)]))],
  ['says that it is asked too much', (socket) => socket.write(Buffer.concat([settings, goaway(11)]))],
  ['is gone', (socket) => socket.end(settings)],
  ['breaks off', (socket) => socket.write(settings, () => socket.resetAndDestroy())],
  ['sends garbage', (socket) => socket.write(Buffer.concat([settings, Buffer.alloc(4_096, 0xff)]))],
  [
    'breaks off a little later',
    (socket) => socket.write(settings, () => setTimeout(() => socket.destroy(), 1)),
  ],
])(
  'a target that takes each connection and then %s is not asked over and over, and no call counts as answered',
  async (_how, greet) => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {
        // The test's doing.
      });
      socket.resume();
      greet(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const calls = [1, 2, 3].map((id) => aCall({ id }));
    // Where it breaks off before it has said a word of HTTP/2, the run ends at once, with nothing sent.
    const ended = await replayAll(calls, createSender(origin), { guard: { timeoutMs: 500 } }).then(
      (results) => results.map(({ entry }) => entry.outcome),
      (error: { code?: string }) => error.code,
    );
    expect([['failed', 'failed', 'failed'], 'target-unreachable']).toContainEqual(ended);
    expect(sockets.length).toBeLessThan(20);
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  },
);

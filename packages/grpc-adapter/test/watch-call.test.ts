import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { createRecordingProxy } from '../src/proxy.ts';
import { callHead, flags, frame, frameType, headerBlock, preface } from './support/frames.ts';
import { framed } from './support/hard-case.ts';
import { oddServer } from './support/odd-server.ts';
import { portOf } from './support/proxied.ts';
import { recording } from './support/recording.ts';

/** A port that looks at what its clients say first before it gives them to the proxy, and what is recorded then. */
async function recordedAfterLook(...pieces: readonly Buffer[]): Promise<string[]> {
  const { recorder, told } = recording();
  await using origin = await oddServer((stream) => {
    stream.on('end', () => stream.respond({ 'grpc-status': '0' }, { endStream: true }));
    stream.resume();
  });
  const proxy = createRecordingProxy({ to: `http://127.0.0.1:${origin.port}`, target: recorder });
  const port = createServer((socket) => {
    socket.once('data', (chunk) => {
      socket.pause();
      socket.unshift(chunk);
      proxy.emit('connection', socket);
    });
  }).listen(0, '127.0.0.1');
  await once(port, 'listening');
  const socket = connect(portOf(port), '127.0.0.1');
  socket.resume();
  socket.write(Buffer.concat([preface, frame(frameType.settings, 0, 0), ...pieces]));
  await vi.waitFor(() => expect(recorder.stats()).toMatchObject({ recorded: 1, underWay: 0 }), {
    interval: 1,
  });
  socket.destroy();
  port.close();
  await once(port, 'close');
  return told();
}

const head = frame(frameType.headers, flags.endHeaders, 1, headerBlock(callHead('/test.Echo/Unary')));

test('messages that come in one read with their headers are recorded', async () => {
  expect(
    await recordedAfterLook(
      head,
      frame(frameType.data, 0, 1, framed('one')),
      frame(frameType.data, flags.endStream, 1, framed('two')),
    ),
  ).toEqual([
    '1 start /test.Echo/Unary',
    '1 request 0 "one"',
    '1 request 1 "two"',
    '1 end request',
    '1 trailers grpc-status 0',
    '1 end response',
  ]);
});

test('the end of a call without messages is recorded when it comes in one read with its headers', async () => {
  expect(await recordedAfterLook(head, frame(frameType.data, flags.endStream, 1))).toEqual([
    '1 start /test.Echo/Unary',
    '1 end request',
    '1 trailers grpc-status 0',
    '1 end response',
  ]);
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import {
  callHead,
  flags,
  frame,
  frameType,
  headerBlock,
  preface,
  reset,
} from '../../grpc-adapter/test/support/frames.ts';
import { certificate } from '../../http-adapter/test/support/certificate.ts';
import { type SharedPort, sharePort } from '../src/shared-port.ts';
import { StubFront } from '../src/stub-front.ts';

interface Shared extends AsyncDisposable {
  readonly port: number;
  readonly shared: SharedPort;
  readonly refused: string[];
}

/** A server of each kind on one port, both of which say what they are. */
async function sharing(tls?: typeof certificate): Promise<Shared> {
  const http1 = createServer((req, res) => req.resume().on('end', () => res.end(`HTTP/1 ${req.method}`)));
  const http2 = createHttp2Server((_req, res) => res.end('HTTP/2'));
  const refused: string[] = [];
  const shared = sharePort(http1, http2, { tls, refused: (reason) => refused.push(reason) });
  http1.listen(0, '127.0.0.1');
  await once(http1, 'listening');
  const address = http1.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    shared,
    refused,
    async [Symbol.asyncDispose]() {
      const closed = once(http1, 'close');
      http1.close();
      shared.closeAll();
      await closed;
    },
  };
}

/** Writes byte by byte, each in a packet of its own. */
async function dribble(socket: Socket, text: string): Promise<void> {
  socket.setNoDelay(true);
  for (const byte of Buffer.from(text, 'latin1')) {
    await new Promise<void>((resolve) => socket.write(Buffer.from([byte]), () => resolve()));
  }
}

async function untilSays(socket: Socket, pattern: RegExp): Promise<string> {
  let heard = '';
  for await (const piece of socket) {
    heard += piece.toString('latin1');
    if (pattern.test(heard)) break;
  }
  return heard;
}

test('each kind of client gets to its server', async () => {
  await using both = await sharing();
  expect(await (await fetch(`http://127.0.0.1:${both.port}/`)).text()).toBe('HTTP/1 GET');
  const session = connectHttp2(`http://127.0.0.1:${both.port}`);
  const [piece] = await once(session.request({ ':path': '/' }), 'data');
  expect(String(piece)).toBe('HTTP/2');
  session.close();
});

test('a client that says byte by byte what it speaks is understood', async () => {
  await using both = await sharing();
  const old = connect(both.port, '127.0.0.1');
  await dribble(old, 'PRINT / HTTP/1.1\r\n');
  expect(await untilSays(old, /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 400 /);
  const posting = connect(both.port, '127.0.0.1');
  await dribble(posting, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx');
  expect(await untilSays(posting, /POST$/)).toMatch(/HTTP\/1 POST$/);
  const fresh = connect(both.port, '127.0.0.1');
  await dribble(fresh, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
  // Its settings, which are no text.
  expect(await untilSays(fresh, /./s)).not.toMatch(/^HTTP/);
});

test('a client of TLS is told that there is none', async () => {
  await using both = await sharing();
  const socket = connect(both.port, '127.0.0.1');
  socket.write(Buffer.from([0x16, 3, 1, 0, 1, 1]));
  expect(await untilSays(socket, /\n$/)).toMatch(
    /^HTTP\/1\.1 400 .*gardenhose: this port does not speak TLS\n$/s,
  );
  expect(both.refused).toEqual([expect.stringContaining('a client speaks TLS, and this port does not')]);
});

test('a client that has said nothing yet can be let go', async () => {
  await using both = await sharing();
  const silent = connect(both.port, '127.0.0.1');
  await once(silent, 'connect');
  // Taken by the server when it answers one that came later.
  await fetch(`http://127.0.0.1:${both.port}/`);
  both.shared.closeUndecided();
  silent.resume();
  await once(silent, 'close');
});

test('a client that goes away before it has said what it speaks leaves nothing behind', async () => {
  await using both = await sharing();
  const gone = connect(both.port, '127.0.0.1');
  gone.end('PRI');
  gone.resume();
  await once(gone, 'close');
  expect(both.refused).toEqual([]);
});

test('over a port with TLS, a client of HTTP/2 without it is told so in gRPC only where it speaks gRPC', async () => {
  await using both = await sharing(certificate);
  const answerTo = async (type: string) => {
    const session = connectHttp2(`http://127.0.0.1:${both.port}`);
    const stream = session.request({ ':method': 'POST', ':path': '/a.B/C', 'content-type': type });
    stream.resume().end();
    const [head] = await once(stream, 'response');
    session.destroy();
    return [head[':status'], head['grpc-status']];
  };
  expect(await answerTo('application/grpc+proto')).toEqual([200, '14']);
  expect(await answerTo('application/grpc-web')).toEqual([400, undefined]);
});

/** Asks something and takes it back at once; resolves when the other side has read that. */
async function takeBack(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const head = frame(frameType.headers, flags.endHeaders, 1, headerBlock(callHead('/a.B/C')));
  const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8, 'p'));
  socket.write(Buffer.concat([preface, frame(frameType.settings, 0, 0), head, reset(1, 8), ping]));
  await untilSays(socket, /pppppppp/);
  socket.destroy();
}

test('a call that its client takes back at once harms no port', async () => {
  {
    await using both = await sharing(certificate);
    await takeBack(both.port);
    expect(both.refused).toHaveLength(1);
  }
  const front = await StubFront.listen(
    { host: '127.0.0.1', port: 0 },
    { grpc: undefined, http: undefined },
    undefined,
    () => undefined,
  );
  await takeBack(Number(front.at.split(':').at(-1)));
  await front.close();
});

test('clients that are refused and break their connections harm no port', async () => {
  await using both = await sharing(certificate);
  for (let round = 0; round < 20; round++) {
    const socket = connect(both.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const over = once(socket, 'close');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await vi.waitFor(() => expect(both.refused).toHaveLength(round + 1), { interval: 1 });
    socket.resetAndDestroy();
    await over;
  }
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { type SharedPort, sharePort } from '../src/shared-port.ts';

interface Shared extends AsyncDisposable {
  readonly port: number;
  readonly shared: SharedPort;
  readonly refused: string[];
}

/** A server of each kind on one port, both of which say what they are. */
async function sharing(): Promise<Shared> {
  const http1 = createServer((req, res) => req.resume().on('end', () => res.end(`HTTP/1 ${req.method}`)));
  const http2 = createHttp2Server((_req, res) => res.end('HTTP/2'));
  const refused: string[] = [];
  const shared = sharePort(http1, http2, { refused: (reason) => refused.push(reason) });
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

import { createServer, type Socket } from 'node:net';
import { type Exchange, emptyExchange, isUnsendable, type RunTimer } from '@gardenhose/core';
import { dialer } from './dial.ts';
import { HttpLane } from './sender-lane.ts';
import { toRequest } from './to-request.ts';
import type { SocketOptions } from './websocket/sent-socket.ts';

const rehearsals = 200;
const rehearsalLanes = 4;

/**
 * Sends small requests to a server of its own on the loopback interface, over the same code: without it the first exchange
 * of a run is 5 to 20 ms late, while this code is being compiled.
 */
export async function rehearse(connection: SocketOptions, timer: RunTimer): Promise<void> {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', () => socket.write(answer));
    socket.on('error', () => socket.destroy());
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') return;
    const dial = dialer(new URL(`http://127.0.0.1:${address.port}`), {});
    const request = toRequest(rehearsal, { authority: '127.0.0.1', host: 'target' });
    if (isUnsendable(request)) return;
    const lanes = Array.from({ length: rehearsalLanes }, () => new HttpLane({ ...connection, dial }, timer));
    await Promise.all(
      lanes.map(async (lane) => {
        for (let i = 0; i < rehearsals / rehearsalLanes; i++) await lane.send(request, false);
        lane.close();
      }),
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

const rehearsal: Exchange = {
  ...emptyExchange,
  request: { ...emptyExchange.request, headers: ['Host', 'rehearsal.invalid', 'Accept', '*/*'] },
};

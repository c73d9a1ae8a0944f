import { createServer, type Http2Server } from 'node:http2';
import type { RunTimer, Shipment } from '@gardenhose/core';
import type { CallFacts } from './sender-call.ts';
import { Connection, type ConnectionOptions } from './sender-connection.ts';
import { GrpcLane } from './sender-lane.ts';

const rehearsals = 200;
const atOnce = 4;
const method = '/gardenhose.Rehearsal/Call';
const frame = Buffer.from([0, 0, 0, 0, 200, ...new Uint8Array(200)]);

/**
 * Calls a server of its own on the loopback interface, over the same code: without it the first calls of a run are late while
 * this code, and Node's HTTP/2, is being compiled.
 */
export async function rehearse(facts: CallFacts, options: ConnectionOptions, timer: RunTimer): Promise<void> {
  const server = createServer();
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.resume();
    stream.end(frame);
  });
  try {
    const url = new URL(`http://127.0.0.1:${await listen(server)}`);
    const connection = new Connection({ ...options, url, tls: {} });
    const lane = new GrpcLane({ ...facts, scheme: 'http' }, timer, connection, () => connection.close());
    await lane.warm();
    await Promise.all(
      Array.from({ length: atOnce }, async (_, place) => {
        for (let i = 0; i < rehearsals / atOnce; i++) await lane.send(rehearsal(place * rehearsals + i));
      }),
    );
    lane.close();
  } finally {
    server.close();
  }
}

function listen(server: Http2Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address !== null && typeof address === 'object') resolve(address.port);
    });
  });
}

function rehearsal(exchange: number): Shipment {
  return {
    exchange,
    lane: '',
    protocol: 'grpc',
    startAt: 0,
    endAt: 0,
    method,
    head: { headers: ['content-type', 'application/grpc', 'te', 'trailers', 'x-rehearsal', 'true'] },
    parts: [
      { offsetNs: 0, bytes: frame, kind: 'message' },
      { offsetNs: 0, bytes: new Uint8Array(0), kind: 'end' },
    ],
    deadlineNs: 10e9,
  };
}

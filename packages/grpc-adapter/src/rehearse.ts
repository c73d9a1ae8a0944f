import type { RunTimer, Shipment } from '@gardenhose/core';
import type { GrpcLibrary } from './library.ts';
import { type ChannelOptions, Channels } from './sender-channel.ts';
import { GrpcLane, type LaneFacts } from './sender-lane.ts';

const rehearsals = 200;
const atOnce = 4;
const method = '/gardenhose.Rehearsal/Call';

/**
 * Calls a server of its own on the loopback interface, over the same code: without it the first calls of a run are late while
 * this code, and that of grpc-js, is being compiled.
 */
export async function rehearse(facts: LaneFacts, options: ChannelOptions, timer: RunTimer): Promise<void> {
  const { library } = facts;
  const server = new library.Server();
  try {
    const port = await listen(library, server);
    const url = new URL(`http://127.0.0.1:${port}`);
    const channels = new Channels(library, { ...options, url, tls: {} });
    const lane = new GrpcLane(facts, timer, channels, () => channels.close());
    await lane.warm();
    await Promise.all(
      Array.from({ length: atOnce }, async (_, place) => {
        for (let i = 0; i < rehearsals / atOnce; i++) await lane.send(rehearsal(place * rehearsals + i));
      }),
    );
    lane.close();
  } finally {
    server.forceShutdown();
  }
}

type Server = InstanceType<GrpcLibrary['Server']>;

function listen(library: GrpcLibrary, server: Server): Promise<number> {
  const asIs = (message: Buffer): Buffer => message;
  const handler = (
    call: { readonly request: Buffer },
    answer: (error: null, message: Buffer) => void,
  ): void => answer(null, call.request);
  server.register(method, handler, asIs, asIs, 'unary');
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', library.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
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
    head: { headers: ['x-rehearsal', 'true'] },
    parts: [
      { offsetNs: 0, bytes: new Uint8Array(200), kind: 'message' },
      { offsetNs: 0, bytes: new Uint8Array(0), kind: 'end' },
    ],
    deadlineNs: 10e9,
  };
}

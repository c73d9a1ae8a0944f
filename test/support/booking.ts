import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { TapTarget } from '@gardenhose/core';
import * as grpcTap from '@gardenhose/grpc-adapter';
import { tapServer } from '@gardenhose/http-adapter';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const ticketsProto = fileURLToPath(new URL('tickets.proto', import.meta.url));
const definitions = loadSync(ticketsProto, { keepCase: true, longs: String });
const tickets = definitions['booking.v1.Tickets'];
if (tickets === undefined || 'format' in tickets) throw new Error('tickets.proto holds no service');
export const ticketsService: grpc.ServiceDefinition = tickets;

/** The one password of all accounts. */
export const password = 'correct horse battery staple';

interface Booking {
  readonly id: string;
  readonly item: string;
  version: string;
}

interface Session {
  readonly csrf: string;
  readonly bookings: Booking[];
  readonly cursors: Map<string, number>;
}

interface Asked {
  readonly booking: string;
  readonly number: string;
  readonly gate_pass: string;
}

export interface RunningBooking extends AsyncDisposable {
  readonly server: Server;
  readonly origin: string;
  readonly port: number;
  readonly grpcOrigin: string;
  readonly grpcPort: number;
}

// In one piece: now and then those between dashes look like words, which say nothing of where they came from.
const secret = (bytes = 18) => `${randomBytes(bytes).toString('base64url').replace(/[-_]/g, 'x')}9z`;

/**
 * A service that makes up all that it hands out: sessions, access tokens, CSRF tokens, ids, versions, cursors, and tickets over
 * gRPC. It takes back only what it gave.
 *
 * @param isWrong - Whether it answers with the id of another booking than was asked for. Default false
 */
export async function booking(target?: TapTarget, isWrong: boolean = false): Promise<RunningBooking> {
  const sessions = new Map<string, Session>();
  const access = new Map<string, string>();
  const known = new Map<string, Booking>();

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://booking.test');
    const [, root = '', id = '', action = ''] = pathname.split('/');
    const route = `${request.method} /${root}`;
    const send = (status: number, value?: unknown, headers: Record<string, string | string[]> = {}) =>
      value === undefined
        ? response.writeHead(status, headers).end()
        : response
            .writeHead(status, { 'content-type': 'application/json', ...headers })
            .end(JSON.stringify(value));
    if (route === 'POST /login') {
      if (JSON.parse(body).password !== password) return void send(401, { error: 'wrong' });
      const [sid, token, csrf] = [secret(), secret(24), secret(12)];
      sessions.set(sid, { csrf, bookings: [], cursors: new Map() });
      access.set(token, sid);
      return void send(
        200,
        { accessToken: token, csrfToken: csrf, plan: 'standard' },
        {
          'set-cookie': [`sid=${sid}; Path=/; HttpOnly; Max-Age=3600`, 'theme=dark; Path=/'],
        },
      );
    }
    if (route === 'GET /shared') {
      const shared = known.get(id);
      if (shared === undefined) return void send(404, { error: 'unknown' });
      return void send(200, isWrong ? { ...shared, id: `bk_${randomBytes(9).toString('hex')}` } : shared);
    }
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const sid = /(?:^|; )sid=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? access.get(bearer ?? '');
    const session = sessions.get(sid ?? '');
    if (session === undefined) return void send(401, { error: 'no session' });
    if (route === 'POST /bookings' && id === '') {
      if (request.headers['x-csrf-token'] !== session.csrf) return void send(403, { error: 'csrf' });
      const made: Booking = {
        id: `bk_${randomBytes(9).toString('hex')}`,
        item: JSON.parse(body).item,
        version: secret(6),
      };
      session.bookings.push(made);
      known.set(made.id, made);
      return void send(
        201,
        { id: made.id, item: made.item, seats: 2, active: true },
        {
          location: `/bookings/${made.id}`,
          etag: `"${made.version}"`,
        },
      );
    }
    if (route === 'GET /bookings' && id === '') {
      const cursor = searchParams.get('cursor');
      const from = cursor === null ? 0 : session.cursors.get(cursor);
      if (from === undefined) return void send(400, { error: 'cursor' });
      const next = secret(9);
      session.cursors.set(next, from + 2);
      const items = session.bookings.slice(from, from + 2).map((one) => ({ id: one.id, item: one.item }));
      return void send(200, { items, next: `/bookings?cursor=${next}&limit=2`, cursor: next });
    }
    const found = session.bookings.find((one) => one.id === id);
    if (found === undefined) return void send(404, { error: 'unknown' });
    const etag = `"${found.version}"`;
    if (route === 'GET /bookings' && action === '') {
      if (request.headers['if-none-match'] === etag) return void send(304, undefined, { etag });
      return void send(200, { id: found.id, item: found.item }, { etag });
    }
    if (route === 'PUT /bookings') {
      if (request.headers['if-match'] !== etag) return void send(412, { error: 'version' });
      found.version = secret(6);
      return void send(200, { id: found.id }, { etag: `"${found.version}"` });
    }
    if (route === 'POST /bookings' && action === 'pay') {
      const form = new URLSearchParams(body);
      const fine = form.get('csrf_token') === session.csrf && form.get('booking') === found.id;
      return void send(fine ? 200 : 422, { paid: fine });
    }
    send(404, { error: 'route' });
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  if (target !== undefined) tapServer(server, target);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  const calls = new grpc.Server();
  if (target !== undefined) grpcTap.tapServer(calls, target);
  const passes = new Map<string, string>();
  const mayScan = ({ number, gate_pass }: Asked) => passes.get(number) === gate_pass;
  calls.addService(ticketsService, {
    Open({ request, metadata }: grpc.ServerUnaryCall<Asked, object>, done: grpc.sendUnaryData<object>) {
      if (!access.has(String(metadata.get('x-access-token')[0]))) {
        return done({ code: grpc.status.UNAUTHENTICATED, details: 'no access' });
      }
      if (!known.has(request.booking)) return done({ code: grpc.status.NOT_FOUND, details: 'no booking' });
      const number = `T-${secret(9)}`;
      // Of 12 digits: one in ten of 13 and more may be that of a card, and masks leave a zero of those.
      passes.set(number, String(randomInt(200_000_000_000, 280_000_000_000)));
      return done(null, { number, gate_pass: passes.get(number), note: 'standard' });
    },
    Scan({ request }: grpc.ServerUnaryCall<Asked, object>, done: grpc.sendUnaryData<object>) {
      if (!mayScan(request)) return done({ code: grpc.status.PERMISSION_DENIED, details: 'no pass' });
      return done(null, { number: request.number, note: 'in' });
    },
    Follow(call: grpc.ServerDuplexStream<Asked, object>) {
      let fine = true;
      call.on('data', (asked: Asked) => {
        fine &&= mayScan(asked);
        call.write({ number: asked.number, note: fine ? 'in' : 'out' });
      });
      call.on('end', () => {
        if (fine) call.end();
        else call.emit('error', { code: grpc.status.PERMISSION_DENIED, details: 'no pass' });
      });
    },
  });
  const grpcPort = await new Promise<number>((resolve, reject) => {
    calls.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    server,
    origin: `http://127.0.0.1:${port}`,
    port,
    grpcOrigin: `http://127.0.0.1:${grpcPort}`,
    grpcPort,
    async [Symbol.asyncDispose]() {
      calls.forceShutdown();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

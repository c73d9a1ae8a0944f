import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import * as grpc from '@grpc/grpc-js';
import { password, type RunningBooking, ticketsService } from './booking.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // The client knows what it gets.
  readonly body: Record<string, string>;
}

type Send = (
  method: string,
  path: string,
  headers?: Record<string, string>,
  body?: string,
) => Promise<Answer>;

/** Sends over one connection of its own. */
function connection(port: number): { readonly send: Send; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    send: (method, path, headers = {}, body) =>
      new Promise((resolve, reject) => {
        const sent = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent }, (response) => {
          text(response)
            .then((told) => {
              const parsed = told === '' ? {} : JSON.parse(told);
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed });
            })
            .catch(reject);
        });
        sent.on('error', reject);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}

const json = { 'content-type': 'application/json' };

/** One visitor's session, over two connections and a channel; `read` is a booking of somebody else. Gives back its first booking. */
export async function visit(at: RunningBooking, name: string, read?: string): Promise<string> {
  const main = connection(at.port);
  const side = connection(at.port);
  const Tickets = grpc.makeGenericClientConstructor(ticketsService, 'Tickets');
  const client = new Tickets(`127.0.0.1:${at.grpcPort}`, grpc.credentials.createInsecure());
  try {
    const login = await main.send('POST', '/login', json, JSON.stringify({ user: name, password }));
    const { accessToken = '', csrfToken = '' } = login.body;
    const sid = /sid=([^;]+)/.exec(login.headers['set-cookie']?.[0] ?? '')?.[1] ?? '';
    const cookie = { cookie: `sid=${sid}; theme=dark; lang=en` };
    const bearer = { authorization: `Bearer ${accessToken}` };
    const ids: string[] = [];
    let etag = '';
    for (const item of ['pitch', 'hut', 'tent']) {
      const headers = {
        ...json,
        ...cookie,
        'x-csrf-token': csrfToken,
        'idempotency-key': `own-${name}-4f9a8b7c-${item}`,
      };
      const made = await main.send(
        'POST',
        '/bookings',
        headers,
        JSON.stringify({ item, seats: 2, plan: 'standard' }),
      );
      ids.push(made.body.id ?? '');
      etag = String(made.headers.etag);
    }
    const [first = '', second = '', last = ''] = ids;
    await main.send('GET', `/bookings/${last}`, { ...bearer, 'if-none-match': etag });
    const changed = await main.send(
      'PUT',
      `/bookings/${last}`,
      { ...json, ...cookie, 'if-match': etag },
      '{"seats":3}',
    );
    await side.send('GET', `/bookings/${last}`, { ...bearer, 'if-none-match': String(changed.headers.etag) });
    const page = await side.send('GET', '/bookings?limit=2', bearer);
    const next = await side.send('GET', page.body.next ?? '', bearer);
    await side.send('GET', `/bookings?limit=2&cursor=${next.body.cursor}`, cookie);
    const form = { ...cookie, 'content-type': 'application/x-www-form-urlencoded' };
    await main.send(
      'POST',
      `/bookings/${second}/pay`,
      form,
      `csrf_token=${csrfToken}&booking=${second}&amount=20`,
    );
    await main.send('GET', '/bookings/bk_404', bearer);
    if (read !== undefined) await side.send('GET', `/shared/${read}?lang=en&page=2`);
    await call(client, first, accessToken);
    return first;
  } finally {
    client.close();
    main.close();
    side.close();
  }
}

async function call(client: grpc.Client, booking: string, accessToken: string): Promise<void> {
  const { Open, Scan, Follow } = ticketsService;
  if (Open === undefined || Scan === undefined || Follow === undefined) throw new Error('no methods');
  const unary = (
    method: grpc.MethodDefinition<object, Record<string, string>>,
    sent: object,
    metadata: grpc.Metadata,
  ) =>
    new Promise<Record<string, string>>((resolve) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        sent,
        metadata,
        (_, told) => resolve(told ?? {}),
      );
    });
  const metadata = new grpc.Metadata();
  metadata.set('x-access-token', accessToken);
  const { number, gate_pass } = await unary(Open, { booking }, metadata);
  await unary(Scan, { number, gate_pass }, new grpc.Metadata());
  await unary(Scan, { number, gate_pass: '1' }, new grpc.Metadata());
  await new Promise<void>((resolve) => {
    const follow = client.makeBidiStreamRequest(
      Follow.path,
      Follow.requestSerialize,
      Follow.responseDeserialize,
    );
    follow
      .on('data', () => undefined)
      .on('error', () => undefined)
      .on('status', () => resolve());
    follow.write({ number, gate_pass });
    follow.end({ number, gate_pass });
  });
}

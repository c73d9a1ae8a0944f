import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  bodyBytes,
  type Capture,
  createMasker,
  createRecorder,
  type Exchange,
  fileSink,
  headerValue,
  isNumberOfToken,
  openCapture,
  type Policy,
  type ReplayHooks,
  replay,
} from '@gardenhose/core';
import { createSender, tapServer } from '@gardenhose/http-adapter';
import { expect, onTestFinished, test } from 'vitest';

const key = { base64: Buffer.alloc(32, 7).toString('base64') };
const newerKey = { base64: Buffer.alloc(32, 9).toString('base64') };
const policy: Policy = {
  version: 1,
  key,
  rules: [
    {
      id: 'shop/user',
      at: ['path:/users/:id/orders', 'query:user', 'json:$.user.id'],
      mask: { do: 'token', type: 'user' },
    },
    {
      id: 'shop/order',
      at: ['path:/orders/:id', 'json:$.order'],
      mask: { do: 'format', kind: 'uuid', injective: true },
    },
  ],
};

/** A shop with sessions: it serves only who sends back the session and the CSRF token that it gave. */
function shop(): RequestListener {
  const sessions = new Map<string, string>();
  const orders = new Map<string, string>();
  const json = (response: ServerResponse, status: number, value: unknown, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const { pathname } = new URL(request.url ?? '/', 'http://shop.test');
    if (pathname === '/login') {
      const [session, csrf] = [randomBytes(12).toString('hex'), randomBytes(12).toString('base64url')];
      sessions.set(session, csrf);
      const user = { id: 4_711_001, email: 'bob@shop.test' };
      json(response, 200, { csrf, user }, { 'set-cookie': `app_session=${session}; Path=/; HttpOnly` });
      return;
    }
    const session = /app_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    const csrf = sessions.get(session);
    const form = new URLSearchParams(body);
    const given = request.method === 'POST' ? form.get('_csrf') : request.headers['x-csrf-token'];
    if (csrf === undefined || given !== csrf) {
      json(response, 403, { error: 'no session' });
    } else if (request.method === 'POST') {
      const order = randomUUID();
      orders.set(order, form.get('email') ?? '');
      json(response, 201, { order });
    } else {
      const order = pathname.split('/')[2]?.toLowerCase() ?? '';
      json(response, orders.has(order) ? 200 : 404, { order });
    }
  };
  return (request, response) => void answer(request, response);
}

async function listening(
  app: RequestListener,
): Promise<{ origin: string; server: ReturnType<typeof createServer> }> {
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { origin: `http://127.0.0.1:${address.port}`, server };
}

/** Logs in, orders, and reads the order by its id in other letters. */
async function record(): Promise<Capture> {
  const folder = await mkdtemp(join(tmpdir(), 'gardenhose-joins-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'shop.hose');
  const { origin, server } = await listening(shop());
  const recorder = createRecorder({ service: 'shop', sink: fileSink({ path }), mask: policy });
  const detach = tapServer(server, recorder);
  const login = await fetch(`${origin}/login`, {
    method: 'POST',
    body: '{"email":"Bob@Shop.test","password":"x"}',
  });
  const { csrf, user } = JSON.parse(await login.text());
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const made = await fetch(`${origin}/users/${user.id}/orders`, {
    method: 'POST',
    headers: { cookie },
    body: new URLSearchParams({ _csrf: csrf, email: 'BOB@shop.test' }),
  });
  const { order } = JSON.parse(await made.text());
  const read = await fetch(`${origin}/orders/${order.toUpperCase()}?user=${user.id}`, {
    headers: { cookie, 'x-csrf-token': csrf },
  });
  await read.text();
  expect([login.status, made.status, read.status]).toEqual([200, 201, 200]);
  detach();
  await recorder.close();
  const capture = await openCapture(path);
  onTestFinished(() => capture[Symbol.asyncDispose]());
  return capture;
}

const json = (side: Exchange['request'] | Exchange['response']) =>
  JSON.parse(side === undefined ? 'null' : Buffer.from(bodyBytes(side)).toString());

async function three(capture: Capture): Promise<[Exchange, Exchange, Exchange]> {
  const all: Exchange[] = [];
  for await (const exchange of capture.exchanges()) all.push(exchange);
  const [login, made, read] = all;
  if (login === undefined || made === undefined || read === undefined) throw new Error('three were recorded');
  return [login, made, read];
}

test('what an answer gave and later requests sent back is one token, wherever it stands', async () => {
  const [login, made, read] = await three(await record());
  const session = /app_session=(mk_\w+_[\w-]{16})/.exec(
    headerValue(login.response?.headers ?? [], 'set-cookie') ?? '',
  )?.[1];
  expect(session).toBeDefined();
  expect(headerValue(made.request.headers, 'cookie')).toBe(`app_session=${session}`);
  expect(headerValue(read.request.headers, 'cookie')).toBe(`app_session=${session}`);

  const { csrf, user } = json(login.response);
  const form = new URLSearchParams(Buffer.from(bodyBytes(made.request)).toString());
  expect(csrf).toMatch(/^mk_secret_/);
  expect(form.get('_csrf')).toBe(csrf);
  expect(headerValue(read.request.headers, 'x-csrf-token')).toBe(csrf);

  expect(user.email).toMatch(/^mk_email_/);
  expect(json(login.request).email).toBe(user.email);
  expect(form.get('email')).toBe(user.email);

  const inPath = made.request.target.split('/')[2] ?? '';
  expect(inPath).toMatch(/^mk_user_/);
  expect(new URL(read.request.target, 'http://x').searchParams.get('user')).toBe(inPath);
  expect(user.id).toBeTypeOf('number');
  expect(isNumberOfToken(inPath, String(user.id))).toBe(true);

  const { order } = json(made.response);
  expect(order).toMatch(/^[0-9a-f-]{13}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(read.request.target.startsWith(`/orders/${order}?`)).toBe(true);
});

/** Sends what the live answers gave in place of what the recorded ones did: the same few texts everywhere. */
function correlating(): ReplayHooks {
  const live = new Map<string, string>();
  const put = (given: string) => {
    let out = given;
    for (const [recorded, now] of live) out = out.replaceAll(recorded, now);
    return out;
  };
  const session = (exchange: Exchange) =>
    /app_session=([\w-]+)/.exec(headerValue(exchange.response?.headers ?? [], 'set-cookie') ?? '')?.[1];
  return {
    onSend: (exchange) => {
      const { request } = exchange;
      const chunks = request.chunks.map((chunk) => {
        const data = Buffer.from(put(Buffer.from(chunk.data ?? []).toString()));
        return { ...chunk, data, size: data.length };
      });
      return {
        ...exchange,
        request: { ...request, target: put(request.target), headers: request.headers.map(put), chunks },
      };
    },
    onOutcome: (recorded, { replayed }) => {
      const [before, now] = [json(recorded.response), json(replayed.response)];
      for (const name of ['csrf', 'order']) if (before[name] !== undefined) live.set(before[name], now[name]);
      const [given, got] = [session(recorded), session(replayed)];
      if (given !== undefined && got !== undefined) live.set(given, got);
    },
  };
}

test('a service with sessions and CSRF tokens of its own answers a replay as it did', async () => {
  const capture = await record();
  const masker = createMasker(policy);
  const run = async (hooks: ReplayHooks | undefined) => {
    const sender = createSender((await listening(shop())).origin);
    const statuses: number[] = [];
    const report = await replay(capture.exchanges(), sender, {
      hooks,
      pace: 'asap',
      order: 'serial',
      guard: { keepCredentials: true },
      compare: { masker, recordedPolicy: capture.header.policy, ignore: ['body:$.order'] },
      onResult: ({ replayed }) => void statuses.push(replayed?.response?.status ?? 0),
    });
    await sender.close();
    return { report, statuses };
  };
  // Tokens are not what the service gave out.
  expect((await run(undefined)).statuses).toEqual([200, 403, 403]);
  const { report, statuses } = await run(correlating());
  expect(statuses).toEqual([200, 201, 200]);
  expect(report).toMatchObject({
    verdict: 0,
    comparison: 'clean',
    differences: { changed: 0, unverified: 0 },
  });
});

test('a capture of an older key is compared under that key', async () => {
  const capture = await record();
  const rotated = { ...policy, key: [newerKey, key] };
  const { keyId } = capture.header.policy;
  expect(createMasker(rotated).summary.keyId).not.toBe(keyId);
  const compared = async (id: string | undefined) => {
    const sender = createSender((await listening(shop())).origin);
    const report = await replay(capture.exchanges(), sender, {
      hooks: correlating(),
      pace: 'asap',
      order: 'serial',
      guard: { keepCredentials: true },
      compare: {
        masker: createMasker(rotated, { keyId: id }),
        recordedPolicy: capture.header.policy,
        ignore: ['body:$.order'],
      },
    });
    await sender.close();
    return report.differences;
  };
  expect(await compared(keyId)).toMatchObject({ changed: 0, unverified: 0 });
  expect((await compared(undefined))?.unverified).toBeGreaterThan(0);
});

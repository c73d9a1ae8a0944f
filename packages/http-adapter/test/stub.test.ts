import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import {
  createMasker,
  createRecorder,
  type Exchange,
  memorySink,
  type Policy,
  type StubTlsOptions,
} from '@gardenhose/core';
import { anExchange, assembleAll } from '@gardenhose/core/testing';
import { expect, test, vi } from 'vitest';
import { createStub, type HttpStubOptions } from '../src/stub.ts';
import { tapServer } from '../src/tap-server.ts';
import { certificate } from './support/certificate.ts';
import { listening } from './support/servers.ts';

const none: Policy = { version: 1, extends: 'none' };
const key = { base64: Buffer.alloc(32, 7).toString('base64') };

/** Records what a service answers. */
async function recorded(
  listener: RequestListener,
  drive: (origin: string) => Promise<unknown>,
  mask: Policy = none,
): Promise<Exchange[]> {
  const sink = memorySink();
  const recorder = createRecorder({ service: 'test', sink, mask, pipeline: 'inline' });
  {
    await using app = await listening(createServer(listener));
    const detach = tapServer(app.server, recorder);
    await drive(`http://127.0.0.1:${app.port}`);
    detach();
  }
  await recorder.close();
  return assembleAll(sink.events);
}

async function served<T>(
  exchanges: readonly Exchange[],
  drive: (origin: string) => Promise<T>,
  options: HttpStubOptions = {},
) {
  await using stub = await createStub(exchanges, options);
  const seen = await drive(`http://${await stub.listen()}`);
  // A client may have its answer before the last of its steps was given out.
  await vi.waitFor(() => expect(stub.summary().underWay).toBe(0), { interval: 1 });
  return { seen, summary: stub.summary() };
}

const answer = async (response: Response) => ({
  status: response.status,
  headers: [...response.headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name)),
  body: await response.text(),
});

test('requests are answered as they were, in status, headers and body', async () => {
  const listener: RequestListener = async (req, res) => {
    const body = await text(req);
    if (req.url?.startsWith('/gone')) return void res.writeHead(410, 'So Gone').end();
    res.setHeader('X-Two', ['1', '2']);
    res.writeHead(201, { 'content-type': 'text/plain' });
    res.write(`${req.method} `);
    res.end(body);
  };
  const drive = async (origin: string) => [
    await answer(await fetch(`${origin}/items?a=1&b=2`, { method: 'PUT', body: 'tea' })),
    await answer(await fetch(`${origin}/gone`)),
    await answer(await fetch(`${origin}/items`, { method: 'HEAD' })),
  ];
  let before: unknown;
  const exchanges = await recorded(listener, async (origin) => {
    before = await drive(origin);
  });
  const { seen, summary } = await served(exchanges, drive);
  expect(seen).toEqual(before);
  expect(summary).toMatchObject({ verdict: 0, matched: 3 });
});

test('the order of a query does not matter, its values and the body do', async () => {
  const exchanges = await recorded(
    async (req, res) => res.end(`got ${(await text(req)).length}`),
    async (origin) => {
      await fetch(`${origin}/a?x=1&y=2`);
      await fetch(`${origin}/a`, {
        method: 'POST',
        body: '{"n":1,"at":7}',
        headers: { 'content-type': 'application/json' },
      });
    },
  );
  const post = (origin: string, value: object) =>
    fetch(`${origin}/a`, {
      method: 'POST',
      body: JSON.stringify(value),
      headers: { 'content-type': 'application/json' },
    }).then(answer);
  const { seen, summary } = await served(
    exchanges,
    async (origin) => [
      await answer(await fetch(`${origin}/a?y=2&x=1`)),
      await answer(await fetch(`${origin}/a?y=3&x=1`)),
      await post(origin, { n: 2, at: 7 }),
      await post(origin, { at: 8, n: 1 }),
    ],
    { ignore: ['body:$.at'] },
  );
  expect(seen.map(({ status }) => status)).toEqual([200, 599, 599, 200]);
  expect(seen[1]?.headers).toContainEqual(['gardenhose-stub', 'miss']);
  expect(seen[2]?.body).toMatch(
    /^no recorded request of POST \/a is like this one; the nearest is exchange 2: body:\$\.n is 2, was recorded as 1/,
  );
  expect(summary).toMatchObject({ matched: 2, missed: 2, approximate: 0, verdict: 1 });
});

test('the pieces of a body come at their recorded times', async () => {
  const exchanges = await recorded(
    (_req, res) => {
      res.write('one,');
      setTimeout(() => res.end('two'), 120);
    },
    (origin) => fetch(`${origin}/live`).then((response) => response.text()),
  );
  const { seen } = await served(exchanges, async (origin) => {
    const from = performance.now();
    const body = await (await fetch(`${origin}/live`)).text();
    return { body, ms: performance.now() - from };
  });
  expect(seen.body).toBe('one,two');
  expect(seen.ms).toBeGreaterThanOrEqual(110);
});

test('masked requests are found by their tokens, and lengths are those of the masked bodies', async () => {
  const policy: Policy = { version: 1, key };
  const exchanges = await recorded(
    (_req, res) => {
      const body = '{"email":"ann@example.com"}';
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
    },
    async (origin) => {
      await fetch(`${origin}/who?email=ann@example.com`);
      await fetch(`${origin}/who?email=bob@example.com`);
    },
    policy,
  );
  const recordedPolicy = createMasker(policy).summary;
  const ask = (origin: string) =>
    fetch(`${origin}/who?email=bob@example.com`).then((response) => response.json());
  const withKey = await served(exchanges, ask, { mask: policy, recordedPolicy });
  expect(withKey.seen).toMatchObject({ email: expect.stringMatching(/^mk_email_/) });
  expect(withKey.summary).toMatchObject({ matched: 1, approximate: 0, verdict: 0 });
  const other = (origin: string) => fetch(`${origin}/who/eve@example.com?email=eve@example.com`).then(answer);
  const missed = await served(exchanges, other, { mask: policy, recordedPolicy });
  expect(missed.seen.status).toBe(599);
  expect(JSON.stringify(missed)).not.toContain('eve@example.com');
  const without = await served(exchanges, ask, { recordedPolicy });
  expect(without.summary).toMatchObject({ matched: 1, approximate: 1, verdict: 2 });
});

test('an answer that was broken off is broken off', async () => {
  const exchanges = [
    anExchange({
      abort: { at: 3_000_000, by: 'server', code: 'ECONNRESET' },
      response: { headers: [], complete: false, endAt: undefined },
    }),
  ];
  const { seen } = await served(exchanges, (origin) =>
    fetch(`${origin}/orders/7`).then((response) => response.text().catch(() => 'broken')),
  );
  expect(seen).toBe('broken');
});

test('what cannot be sent is not served, and a recording with nothing else is refused', async () => {
  const odd = anExchange({ response: { headers: ['bad name', 'x'] } });
  await expect(createStub([odd])).rejects.toThrow(
    /^none of the recorded exchanges can be served: 1 because its headers cannot be sent/,
  );
  await expect(createStub([])).rejects.toThrow(/^the recording has no exchange of this protocol/);
});

test('a stub with a certificate is asked with TLS; one without, or with half of it, is refused', async () => {
  await using stub = await createStub([anExchange()], { tls: certificate });
  const { target } = anExchange().request;
  const port = Number((await stub.listen('localhost:0')).split(':').at(-1));
  const options = { host: 'localhost', port, path: target, ca: certificate.cert };
  const [response] = await once(request(options).end(), 'response');
  expect(response.statusCode).toBe(200);
  response.resume();
  for (const tls of ['{}', '{"cert":"x"}', '{"key":"x"}', '{"cert":"x","key":"y"}']) {
    const half: StubTlsOptions = JSON.parse(tls);
    await expect(createStub([anExchange()], { tls: half })).rejects.toThrow(/^tls/);
  }
});

test('a body over the limit is refused', async () => {
  const exchanges = await recorded(
    (req, res) => void text(req).then(() => res.end()),
    (origin) => fetch(origin, { method: 'POST', body: 'tea' }),
  );
  const { seen, summary } = await served(
    exchanges,
    async (origin) => {
      const response = await fetch(origin, { method: 'POST', body: 'x'.repeat(50) });
      return [response.status, (await fetch(origin, { method: 'POST', body: 'tea' })).status];
    },
    { maxBodyBytes: 10 },
  );
  expect(seen).toEqual([413, 200]);
  expect(summary).toMatchObject({ matched: 1, abandoned: 1 });
});

test('a path that was never recorded is told as it was masked', async () => {
  const mask: Policy = { version: 1, key };
  const exchanges = await recorded(
    (_req, res) => res.end(),
    (origin) => fetch(`${origin}/users/x`),
    mask,
  );
  const told: string[] = [];
  const drive = async (origin: string) => {
    for (const path of ['/users/ada@example.com', '/pay/a/b/4111111111111111']) {
      const response = await fetch(`${origin}${path}`);
      told.push(await response.text(), JSON.stringify([...response.headers]));
    }
  };
  const onCall: HttpStubOptions['onCall'] = (call) => void told.push(JSON.stringify(call));
  const { summary } = await served(exchanges, drive, { mask, onCall });
  expect(summary).toMatchObject({ missed: 2 });
  expect(JSON.stringify([summary, told])).not.toMatch(/ada@|4111111111111111/);
  expect(summary.misses[0]?.operation).toMatch(/^GET \/users\/mk_email_/);
});

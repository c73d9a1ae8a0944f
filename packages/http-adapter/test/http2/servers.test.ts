import { connect, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { attachShadow, isShadow, koaShadow, shadowOf } from '../../src/index.ts';
import { ask, listeningHttp2 } from '../support/http2-scene.ts';

const marks = {
  'x-shadow-traffic': 'true',
  'x-shadow-run': 'r1',
  'x-shadow-seq': '3',
  baggage: 'tenant=a, shadow=true, shadow.run=r1',
};

/** Serves one request with these headers, and gives what the application saw. */
async function served(
  headers: Record<string, string>,
  api: 'stream' | 'request',
  wait = true,
): Promise<unknown> {
  const seen: unknown[] = [];
  const app = createServer();
  if (api === 'stream') {
    app.on(
      'stream',
      async (stream: ServerHttp2Stream, given: IncomingHttpHeaders, _: number, raw: string[]) => {
        if (wait) await turn();
        seen.push({ shadow: isShadow(), of: shadowOf(), baggage: given.baggage, names: namesIn(raw) });
        stream.respond();
        stream.end();
      },
    );
  } else {
    app.on('request', async (req, res) => {
      if (wait) await turn();
      seen.push({
        shadow: isShadow(),
        of: shadowOf(),
        baggage: req.headers.baggage,
        names: namesIn(req.rawHeaders),
      });
      res.end();
    });
  }
  await using at = await listeningHttp2(app);
  const client = connect(at.origin);
  await ask(client, { ':path': '/', ...headers });
  client.destroy();
  return seen[0];
}

const namesIn = (raw: readonly string[]): string[] =>
  raw.filter((name, i) => i % 2 === 0 && !name.startsWith(':'));

for (const api of ['stream', 'request'] as const) {
  test(`attachShadow() lets servers of HTTP/2 know replayed requests, by their ${api}s`, async () => {
    const detach = attachShadow({ trust: ['127.0.0.1/32'] });
    expect(await served(marks, api)).toMatchObject({ shadow: true, of: { runId: 'r1', seq: 3 } });
    expect(await served({}, api)).toMatchObject({ shadow: false, of: undefined });
    detach();
    expect(await served(marks, api)).toMatchObject({ shadow: false, names: Object.keys(marks) });
  });

  test(`attachShadow() takes out of ${api}s of HTTP/2 the marks of those who are not believed`, async () => {
    const detach = attachShadow({ trust: ['10.0.0.0/8'] });
    expect(await served({ ...marks, 'x-other': '1' }, api)).toEqual({
      shadow: false,
      of: undefined,
      baggage: 'tenant=a',
      names: ['baggage', 'x-other'],
    });
    detach();
  });
}

test('attachShadow() leaves calls of gRPC to their own adapter', async () => {
  const detach = attachShadow({ trust: ['10.0.0.0/8'] });
  const call = { ...marks, ':method': 'POST', 'content-type': 'application/grpc+proto' };
  expect(await served(call, 'stream')).toMatchObject({
    shadow: false,
    names: expect.arrayContaining(['x-shadow-run']),
  });
  detach();
});

test('the middleware of Koa knows replayed requests over HTTP/2', async () => {
  const middleware = koaShadow({ trust: ['127.0.0.1/32'] });
  const seen: unknown[] = [];
  const app = createServer((req, res) => {
    void middleware({ req }, async () => {
      seen.push(isShadow());
      res.end();
    });
  });
  await using at = await listeningHttp2(app);
  const client = connect(at.origin);
  await ask(client, { ':path': '/', ...marks });
  client.destroy();
  expect(seen).toEqual([true]);
});

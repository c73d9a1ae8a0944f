import { createServer } from 'node:http';
import { createRecorder, memorySink } from '@gardenhose/core';
import { attach, controlRecorder } from '@gardenhose/http-adapter';
import { expect, test } from 'vitest';

async function service() {
  const server = createServer((_, response) => response.end('ok'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  return {
    serve: async () => (await fetch(`${origin}/`, { headers: { connection: 'close' } })).text(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

test('a recorder is paused, turned down and killed over HTTP, and its capture says so', async () => {
  await using shop = await service();
  const sink = memorySink();
  const recorder = createRecorder({ service: 'shop', sink, mask: { version: 1 } });
  attach(recorder);
  await using endpoint = await controlRecorder(recorder, { token: 'sixteen-letters!' });
  const ask = async (path: string, method = 'GET', body?: unknown) => {
    const headers = { authorization: 'Bearer sixteen-letters!', 'content-type': 'application/json' };
    const response = await fetch(endpoint.origin + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  };
  expect((await ask('/control')).body).toEqual({
    ...{ paused: false, killed: false },
    ratio: null,
    rules: 0,
    sampling: 'always',
  });
  await shop.serve();
  expect((await ask('/pause', 'POST')).body).toMatchObject({ paused: true });
  expect((await ask('/healthz')).body).toEqual({ status: 'paused' });
  await shop.serve();
  expect((await ask('/control', 'POST', { paused: false, ratio: 0 })).body).toMatchObject({
    sampling: 'ratio 0',
  });
  await shop.serve();
  for (const wrong of [{ ratio: 2 }, { keep: 1 }, []]) {
    expect(await ask('/control', 'POST', wrong)).toMatchObject({ status: 400 });
  }
  expect(await ask('/control', 'POST')).toMatchObject({ status: 400 });
  expect((await ask('/stats')).body).toMatchObject({
    offered: 3,
    recorded: 1,
    sampledOut: 1,
    dropped: { paused: 1 },
  });
  expect((await ask('/kill', 'POST')).body).toMatchObject({ state: 'closed', recorded: 1 });
  // The taps are off: nothing is offered any more.
  await shop.serve();
  expect((await ask('/stats')).body).toMatchObject({ offered: 3 });
  expect(await ask('/healthz')).toEqual({ status: 200, body: { status: 'killed' } });
  expect(sink.closed).toBe(true);
  expect(
    sink.events.flatMap((event) => (event.type === 'control' ? `${event.name} ${event.value}` : [])),
  ).toEqual([...['pause http', 'sampling ratio 0 (http)', 'resume http', 'kill http']]);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Capture,
  createMasker,
  createRecorder,
  fileSink,
  openCapture,
  type ReplayRunOptions,
  type Report,
  recordRulesModule,
  renderReport,
  replay,
} from '@gardenhose/core';
import { createInProcessSender, createSender, tapServer } from '@gardenhose/http-adapter';
import { expect, onTestFinished, test } from 'vitest';

const key = { base64: Buffer.alloc(32, 7).toString('base64') };

/** A small shop; its second build forgets the discount. */
function shop(build: 1 | 2): RequestListener {
  return (request, response) => {
    const url = new URL(request.url ?? '/', 'http://shop.test');
    const id = Number(url.pathname.split('/')[2] ?? 0);
    if (url.pathname === '/health') {
      response.end('ok');
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.setHeader(
      'set-cookie',
      `sid=${Math.random().toString(36).slice(2)}${Date.now()}; Path=/; HttpOnly`,
    );
    const total = build === 2 && id % 5 === 0 ? 100 : 90;
    const customer = { email: `c${id}@shop.test`, phone: '+32 470 12 34 56' };
    response.end(JSON.stringify({ id, total, customer, servedAt: new Date().toISOString() }));
  };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

/** Records thirty requests through the worker into a file, and opens it. */
async function record(): Promise<Capture> {
  const folder = await mkdtemp(join(tmpdir(), 'gardenhose-compare-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'shop.hose');
  const server = createServer(shop(1));
  const origin = await listening(server);
  const hooks = recordRulesModule([{ do: 'drop', where: { path: '/health' } }]);
  const sink = fileSink({ path });
  const recorder = createRecorder({
    service: 'shop',
    sink,
    mask: { version: 1, key },
    hooks,
    pipeline: 'worker',
  });
  const detach = tapServer(server, recorder);
  for (let i = 1; i <= 30; i++) await (await fetch(`${origin}/orders/${i}`)).text();
  await (await fetch(`${origin}/health`)).text();
  detach();
  await recorder.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const capture = await openCapture(path);
  onTestFinished(() => capture[Symbol.asyncDispose]());
  return capture;
}

async function replayInto(
  app: RequestListener,
  capture: Capture,
  options: ReplayRunOptions,
): Promise<Report> {
  const server = createServer(app);
  const sender = createSender(await listening(server));
  try {
    return await replay(capture.exchanges(), sender, options);
  } finally {
    await sender.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const masker = createMasker({ version: 1, key });
const compareWith = (capture: Capture) => ({ masker, recordedPolicy: capture.header.policy });

test('what one build answered is replayed into the next, and what changed is pointed out', async () => {
  const capture = await record();
  const report = await replayInto(shop(2), capture, { compare: compareWith(capture), speed: 2 });
  expect(report).toMatchObject({
    verdict: 1,
    comparison: 'changed',
    exchanges: { total: 30, sent: 30, answered: 30 },
    differences: { compared: 30, exchangesChanged: 6, changed: 6, suspect: 60, unverified: 0 },
    order: { sendInversions: 0, answerInversions: 0 },
    run: { thread: 'worker' },
  });
  const text = renderReport(report);
  expect(text).toMatch(
    /^ {2}6 × GET \/orders\/:id {2}body:\$\.total {2}\(value\)\n {6}90 → 100 {3}exchange \d+, /m,
  );
  expect(text + JSON.stringify(report)).not.toMatch(/@shop\.test|470 12/);
});

test('the same build, in process, is clean', async () => {
  const sender = await createInProcessSender(shop(1));
  const capture = await record();
  const report = await replay(capture.exchanges(), sender, { compare: compareWith(capture), pace: 'asap' });
  await sender.close();
  expect(report).toMatchObject({
    verdict: 0,
    comparison: 'clean',
    differences: { compared: 30, changed: 0 },
  });
});

test('rules reach the wire, headers that a guard would take out too, and leave the engine in its worker', async () => {
  const seen = new Set<string>();
  const app: RequestListener = (request, response) => {
    const { host, authorization } = request.headers;
    seen.add(`${host} ${authorization} ${request.url?.replace(/\d+/, 'N')}`);
    shop(1)(request, response);
  };
  const capture = await record();
  const report = await replayInto(app, capture, {
    rules: [
      { do: 'rewrite-host', to: 'shop.test' },
      { do: 'set-header', name: 'authorization', value: 'Bearer test' },
      { do: 'rewrite-path', from: '/orders/:id', to: '/orders/:id/v2' },
      { do: 'patch-body', side: 'response', patch: [{ op: 'replace', path: '/total', value: 91 }] },
    ],
    compare: compareWith(capture),
    speed: 4,
  });
  expect([...seen]).toEqual(['shop.test Bearer test /orders/N/v2']);
  expect(report.run?.thread).toBe('worker');
  expect(report.differences?.groups[0]).toMatchObject({
    path: 'body:$.total',
    count: 30,
    example: { recorded: '91', replayed: '90' },
  });
});

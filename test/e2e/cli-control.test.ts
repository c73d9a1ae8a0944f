import { writeFileSync } from 'node:fs';
import { createRecorder, fileSink } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { afterAll, expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { closedPort, httpServer } from '../support/http-server.ts';
import { runCli, startCli } from '../support/run-cli.ts';
import { shop } from '../support/shop.ts';

const dir = tempDir();
afterAll(() => dir[Symbol.dispose]());

const token = 'a-token-for-this-test';
const tokenFile = dir.file('token');
writeFileSync(tokenFile, `${token}\n`);
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };

/** A capture of so many requests, one each tenth of a second. */
async function longCapture(count: number): Promise<string> {
  const path = dir.file('long.hose');
  let now = 0;
  const clock = { nowNs: () => now, wallMs: () => 1e12 + now / 1e6, after: () => () => undefined };
  const sink = fileSink({ path, overwrite: true });
  const recorder = createRecorder({ service: 'shop', sink, mask: { version: 1 }, pipeline: 'inline', clock });
  const { method, target } = anExchange().request;
  for (let i = 0; i < count; i++) {
    now = i * 1e8;
    const start = {
      direction: 'inbound',
      protocol: 'http',
      lane: 'a',
      scheme: 'http',
      version: '1.1',
    } as const;
    const tap = recorder.begin({ ...start, method, target, headers: ['Host', 'shop.test'] }, true);
    tap?.headers(200, 'OK', '1.1', ['Content-Length', '0']);
    tap?.end('response');
  }
  await recorder.close();
  return path;
}

test('a replay is looked at and ended over HTTP, with a report on what was sent', async () => {
  const file = await longCapture(600);
  const at = `127.0.0.1:${await closedPort()}`;
  const control = ['--control-listen', at, '--control-token-file', tokenFile];
  const answers: unknown[] = [];
  let asked = false;
  await using service = await httpServer(async (_, response) => {
    response.end();
    if (asked) return;
    asked = true;
    answers.push((await fetch(`http://${at}/stop`, { method: 'POST' })).status);
    answers.push(await (await fetch(`http://${at}/healthz`)).json());
    answers.push(await (await fetch(`http://${at}/stop`, { method: 'POST', headers })).json());
    answers.push(await (await fetch(`http://${at}/progress`, { headers })).json());
  });
  const to = ['replay', file, '--to', service.origin, '--no-own-processor'];
  const plan = await runCli([...to, '--dry-run', ...control]);
  expect(plan).toMatchObject({ code: 0 });
  expect(plan.stdout).toContain(`  ends when http://${at}/stop is posted to, with its token\n`);
  expect(asked).toBe(false);

  const { code, stdout, stderr } = await runCli([...to, '--json', ...control]);
  const report = JSON.parse(stdout);
  expect(report.run.stopped).toBe('signal');
  expect(report.exchanges.sent).toBeGreaterThan(0);
  expect(report.exchanges.sent).toBeLessThan(300);
  expect(code).not.toBe(0);
  expect(stderr).toContain(`curl -X POST -H 'Authorization: Bearer TOKEN' http://${at}/stop`);
  expect(stdout + stderr).not.toContain(token);
  expect(answers).toEqual([
    401,
    { status: 'sending' },
    { status: 'stopping' },
    expect.objectContaining({ status: 'stopping' }),
  ]);
  await expect(fetch(`http://${at}/healthz`)).rejects.toThrow();
});

test.each([
  [['--control-listen', '0.0.0.0:9464'], 'must be on loopback'],
  [['--control-token-file', tokenFile], '--control-token-file has an effect only with --control-listen'],
])('replay refuses %j before anything is sent', async (flags, message) => {
  const file = await longCapture(1);
  const { code, stderr } = await runCli([
    'replay',
    file,
    '--to',
    'http://127.0.0.1:9',
    '--dry-run',
    ...flags,
  ]);
  expect(stderr).toContain(message);
  expect(code).toBe(64);
});

test('a service that run started is paused by a file and killed over HTTP, and goes on to serve', async () => {
  const at = `127.0.0.1:${await closedPort()}`;
  const port = await closedPort();
  const script = dir.file('service.mjs');
  writeFileSync(
    script,
    `import { createServer } from 'node:http';
    createServer((_, response) => response.end('served')).listen(${port}, '127.0.0.1', () => console.log('up'));`,
  );
  const controlFile = dir.file('control.json');
  writeFileSync(controlFile, '{"rules":[{"where":{"path":"/health"},"ratio":0}]}');
  const control = ['--control-listen', at, '--control-token-file', tokenFile, '--control-file', controlFile];
  const file = dir.file('run.hose');
  const cli = startCli(['run', '-o', file, ...control, '--', process.execPath, script]);
  await cli.output(/up/);
  const serve = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  const ask = async (path: string, method = 'GET') =>
    (await fetch(`http://${at}${path}`, { method, headers })).json();
  for (const path of ['/health', '/orders', '/health']) expect(await serve(path)).toBe('served');
  expect(await ask('/control')).toMatchObject({ rules: 1, ratio: null });
  expect(await ask('/kill', 'POST')).toMatchObject({ state: 'closed', recorded: 1, sampledOut: 2 });
  expect(await serve('/orders')).toBe('served');
  cli.child.kill('SIGTERM');
  const { stdout } = await cli.done;
  expect(stdout).toContain('1 exchange recorded');
  const inspected = await runCli(['inspect', file]);
  expect(inspected.stdout).toContain('sampling /health: ratio 0; otherwise: always (file)');
  expect(inspected.stdout).toContain('kill http');
}, 60_000);

test('record is controlled like a service', async () => {
  await using service = await httpServer(shop());
  const file = dir.file('record.hose');
  const flags = ['--listen', ':0', '--to', service.origin, '-o', file, '--control-listen', ':0'];
  const cli = startCli(['record', ...flags]);
  const [, key, origin] = await cli.output(/Bearer (\S+)' (http:\S+)\/kill/);
  const [, front] = await cli.output(/listening on (http:\S+),/);
  await (await fetch(`${front}/orders/a1`)).text();
  const killed = await fetch(`${origin}/kill`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });
  expect(await killed.json()).toMatchObject({ state: 'closed', recorded: 1 });
  expect((await fetch(`${front}/orders/a1`)).status).toBe(404);
  cli.child.kill('SIGINT');
  expect((await cli.done).code).toBe(0);
}, 60_000);

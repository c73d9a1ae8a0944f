import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { exchangeEvents } from '@gardenhose/core/testing';
import { expect, test, vi } from 'vitest';
import { tempDir, writeCapture } from '../support/captures.ts';
import { httpServer } from '../support/http-server.ts';
import { runCli, startCli } from '../support/run-cli.ts';

// Processes that start, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

/** A service that notes what it was asked, and lets a test wait for it. */
async function asked(stream = false) {
  const news = new PassThrough({ objectMode: true });
  const seen: string[] = [];
  const server = await httpServer((request, response) => {
    if (request.headers['x-shadow-traffic'] !== undefined) seen.push('marked');
    seen.push(`${request.method} ${request.url}`);
    news.emit('asked');
    if (stream && request.url === '/endless') response.write('data: 1\n\n');
    else response.end('{"ok":true}');
  });
  return {
    ...{ server, seen },
    async until(line: string) {
      while (!seen.includes(line)) await once(news, 'asked');
    },
  };
}

test('a recording on standard input is mirrored while it goes on', async () => {
  const service = await asked(true);
  const shadow = await asked();
  await using _service = service.server;
  await using _shadow = shadow.server;
  const recording = startCli(['record', '--listen', '127.0.0.1:0', '--to', service.server.origin, '-o', '-']);
  const mirroring = startCli([
    'replay',
    '-',
    '--to',
    shadow.server.origin,
    '--mirror',
    '--delay',
    '3s',
    '--json',
  ]);
  const { stdout } = recording.child;
  const { stdin } = mirroring.child;
  if (stdout === null || stdin === null) throw new Error('no pipes');
  // At once: what comes before is gone.
  stdout.pipe(stdin);
  const [, origin = ''] = await recording.output(/listening on (http:\/\/\S+?),/);
  await mirroring.output(/mirroring standard input to/);
  // One that never ends holds up nothing.
  const endless = await fetch(`${origin}/endless`);
  await fetch(`${origin}/orders`, { method: 'POST', body: '{"item":"hose"}' }).then((answer) =>
    answer.text(),
  );
  await fetch(`${origin}/orders/1`).then((answer) => answer.text());
  await shadow.until('GET /orders/1');
  expect(shadow.seen).toContain('POST /orders');
  expect(shadow.seen).toContain('marked');
  expect(shadow.seen).not.toContain('GET /endless');
  expect(recording.child.exitCode).toBeNull();
  await endless.body?.cancel();
  recording.child.kill('SIGINT');
  await recording.done;
  const { code, stdout: text, stderr } = await mirroring.done;
  const report = JSON.parse(text);
  expect(report.exchanges).toMatchObject({ total: 3, sent: 2, answered: 2, skipped: 1 });
  expect(stderr).toContain('1 exchange not over within the delay');
  // A skip that nobody asked for: the run cannot be called faithful.
  expect(code).toBe(2);
});

test('flags that a mirror cannot keep to are refused', async () => {
  using dir = tempDir();
  const capture = await writeCapture(dir.file('a.hose'), exchangeEvents());
  const to = ['--to', 'http://127.0.0.1:9'];
  const refused = [
    [[capture, '--mirror'], /--mirror takes a recording that goes on from standard input/],
    [['-', '--mirror', '--speed', '2'], /--speed does not go with --mirror/],
    [['-', '--mirror', '--dry-run'], /--dry-run does not go with --mirror/],
    [['-', '--delay', '1s'], /--delay has an effect only with --mirror/],
    [['-', '--mirror', '--delay', '20m'], /delayMs must be at most 600000/],
  ] as const;
  const bytes = readFileSync(capture);
  for (const [args, said] of refused) {
    const { code, stderr } = await runCli(['replay', ...args, ...to], bytes);
    expect(stderr).toMatch(said);
    expect(code).toBe(64);
  }
});

test('record --mirror replays what it records to a second build, and the capture knows nothing of it', async () => {
  using dir = tempDir();
  const service = await asked();
  const shadow = await asked();
  await using _service = service.server;
  await using _shadow = shadow.server;
  const file = dir.file('mirrored.hose');
  const mirror = ['--mirror', shadow.server.origin, '--delay', '3s', '--json'];
  const cli = startCli([
    'record',
    '--listen',
    '127.0.0.1:0',
    '--to',
    service.server.origin,
    '-o',
    file,
    ...mirror,
  ]);
  const [, origin = ''] = await cli.output(/listening on (http:\/\/\S+?),/);
  const headers = { authorization: 'Bearer s3cr3t' };
  await fetch(`${origin}/orders`, { method: 'POST', headers, body: '{"item":"hose"}' }).then((answer) =>
    answer.text(),
  );
  await shadow.until('POST /orders');
  expect(shadow.seen).toContain('marked');
  await fetch(`${origin}/orders/1`).then((answer) => answer.text());
  cli.child.kill('SIGINT');
  const { code, stdout } = await cli.done;
  // What was recorded last is mirrored too.
  expect(shadow.seen).toContain('GET /orders/1');
  expect(JSON.parse(stdout)).toMatchObject({
    stats: { recorded: 2, exchangesLost: { 'sink-failed': 0 } },
    mirror: { to: shadow.server.origin, dropped: 0, exchanges: { sent: 2, answered: 2 } },
  });
  expect(service.seen).toEqual(['POST /orders', 'GET /orders/1']);
  expect(code).toBe(0);
});

test('record --mirror refuses what may not be sent to, before anything is made', async () => {
  using dir = tempDir();
  const out = dir.file('none.hose');
  const base = ['record', '--listen', '127.0.0.1:0', '--to', 'http://127.0.0.1:9', '-o', out];
  const refused = [
    [['--mirror', 'https://staging.example'], 3, /staging\.example is not a loopback address/],
    [['--mirror', 'http://127.0.0.1:9'], 3, /the recorded service itself/],
    [['--allow-mutations'], 64, /--allow-mutations has an effect only with --mirror/],
    [['--delay', '3s'], 64, /--delay has an effect only with --mirror/],
  ] as const;
  for (const [args, exit, said] of refused) {
    const { code, stderr } = await runCli([...base, ...args]);
    expect(stderr).toMatch(said);
    expect(code).toBe(exit);
    expect(existsSync(out)).toBe(false);
  }
});

import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { exchangeEvents, interleave } from '@gardenhose/core/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { whyNoOwnProcessor } from '../support/affinity.ts';
import { tempDir, writeCapture } from '../support/captures.ts';
import { closedPort, httpServer, tcpServer } from '../support/http-server.ts';
import { newerCapture } from '../support/newer-capture.ts';
import { recordShop } from '../support/recorded-shop.ts';
import { runCli, runCliProcess, startCli } from '../support/run-cli.ts';
import { shop } from '../support/shop.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const dir = tempDir();
const capture = dir.file('shop.hose');
beforeAll(() => recordShop(capture));

// `fetch` may have used several connections: only one at a time is the session what it was.
const inTurn = ['--pace', 'asap', '--order', 'serial'];

afterAll(() => dir[Symbol.dispose]());

test('replay sends a capture in order and finds nothing changed in the same build', async () => {
  await using target = await httpServer(shop());
  const { code, stdout, stderr } = await runCli([
    'replay',
    capture,
    '--to',
    target.origin,
    '--compare',
    ...inTurn,
  ]);
  expect(stderr).toMatch(/^plan: send 5 of 5 exchanges to .*, pace asap, without a schedule\n/);
  expect(stderr).toContain('PUT 2, GET 3; 2 may change state at the target');
  expect(stdout).toContain('Replay: fine');
  expect(code).toBe(0);
});

test('replay finds what a changed build answers differently, and ends with 1', async () => {
  await using target = await httpServer(shop({ discount: 10 }));
  const args = ['replay', capture, '--to', target.origin, '--compare', ...inTurn, '--json'];
  const { code, stdout, stderr } = await runCli(args);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    verdict: 1,
    comparison: 'changed',
    exchanges: { sent: 5, answered: 5 },
  });
  expect(stderr).toContain('gardenhose: 4 of 5 exchanges were answered differently\n');
  const ignoring = await runCli([...args, '--ignore', 'body:$.total']);
  expect({ code: ignoring.code, ignored: JSON.parse(ignoring.stdout).comparison }).toEqual({
    code: 0,
    ignored: 'clean',
  });
});

test('replay says why masked values could not be compared', async () => {
  const order = JSON.stringify({ id: 'a1', item: 'hose', email: 'a1@example.com', total: 100 });
  await using target = await httpServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(order);
  });
  const { stderr } = await runCli(['replay', capture, '--to', target.origin, '--compare', ...inTurn]);
  expect(stderr).toMatch(
    /the tokens of the capture were made with the key ephemeral-\w+, those of now with ephemeral-\w+, so they do not join/,
  );
});

test('replay keeps the recorded times, faster by --speed, and at a rate with --pace', async () => {
  await using target = await httpServer(shop());
  const spread = dir.file('spread.hose');
  const lists = [0, 1, 2, 3].map((i) =>
    exchangeEvents({ exchange: i + 1, at: 1e6 + i * 100e6, masked: true }),
  );
  await writeCapture(spread, interleave(...lists));
  const run = async (...flags: string[]) =>
    JSON.parse((await runCli(['replay', spread, '--to', target.origin, '--json', ...flags])).stdout).timing;
  expect((await run()).plannedMs).toBeCloseTo(300, 0);
  expect((await run('--speed', '3')).plannedMs).toBeCloseTo(100, 0);
  expect((await run('--pace', '50')).plannedMs).toBeCloseTo(60, 0);
  expect((await run('--pace', 'asap')).plannedMs).toBeCloseTo(0, 0);
});

test('replay sends from a processor of its own where it can, without a word where not, and not with --no-own-processor', async ({
  skip,
}) => {
  const why = whyNoOwnProcessor();
  skip(why !== undefined, why);
  await using target = await httpServer(shop());
  const args = ['replay', capture, '--to', target.origin, '--json', '--quiet'];
  const had = async (flags: readonly string[], env: NodeJS.ProcessEnv = process.env) => {
    const { stdout, stderr } = await startCli([...args, ...flags], { env }).done;
    // Nothing, or that the machine had other things to do.
    expect(stderr).toMatch(/^(gardenhose: The p99 of lag is .*\n)?$/);
    return JSON.parse(stdout).run.ownProcessor;
  };
  expect(await had([])).toBe(true);
  expect(await had(['--no-own-processor'])).toBe(false);
  expect(await had(['--pace', 'asap'])).toBe(false);
  expect(await had([], { ...process.env, PATH: '/nowhere' })).toBe(false);
});

test('replay reads standard input and writes the report to files, in the form that each asks for', async () => {
  await using target = await httpServer(shop());
  const report = dir.file('report.json');
  const args = [
    'replay',
    '-',
    '--to',
    target.origin,
    '--pace',
    'asap',
    '--report',
    report,
    '--report',
    dir.file('report.html'),
    '--report',
    dir.file('report.txt'),
    '--order',
    'serial',
  ];
  const { code, stderr } = await runCliProcess(args, readFileSync(capture));
  expect(code).toBe(0);
  expect(stderr).toContain('replaying standard input');
  expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
    format: 'gardenhose-report/1',
    exchanges: { total: 5 },
    run: { order: 'serial' },
  });
  expect(readFileSync(dir.file('report.html'), 'utf8')).toMatch(/^<!doctype html>\n.*<\/html>\n$/s);
  expect(readFileSync(dir.file('report.txt'), 'utf8')).toMatch(/^Replay: /);
});

test('requests are marked, rewritten by --patch and given headers by --header', async () => {
  const seen: Record<string, unknown>[] = [];
  await using target = await httpServer((req, res) => {
    seen.push({
      method: req.method,
      url: req.url,
      token: req.headers['x-token'],
      agent: req.headers['user-agent'],
      shadow: req.headers['x-shadow-traffic'],
    });
    req.resume().once('end', () => res.end('{}'));
  });
  const rules = [
    { do: 'rewrite-path', from: '/orders/:id', to: '/v2/orders/:id' },
    { do: 'drop', where: { method: 'PUT' } },
  ];
  writeFileSync(dir.file('rules.json'), JSON.stringify(rules));
  const flags = ['--patch', dir.file('rules.json'), '--header', 'X-Token: live', '--header', 'user-agent:'];
  const { stderr, code } = await runCli([
    'replay',
    capture,
    '--to',
    target.origin,
    '--pace',
    'asap',
    ...flags,
  ]);
  // It answers with another status than recorded.
  expect({ stderr, code }).toEqual({ stderr: expect.stringContaining('plan: send 5'), code: 1 });
  expect(seen).toHaveLength(3);
  for (const request of seen) {
    expect(request).toEqual({
      method: 'GET',
      url: expect.stringMatching(/^\/v2\/orders\//),
      token: 'live',
      agent: undefined,
      shadow: 'true',
    });
  }
});

test('--dry-run prints the plan and sends nothing', async () => {
  let requests = 0;
  await using target = await httpServer((_req, res) => {
    requests++;
    res.end();
  });
  const text = await runCli(['replay', capture, '--to', target.origin, '--dry-run']);
  expect(text).toMatchObject({ code: 0, stdout: expect.stringContaining('plan: send 5 of 5 exchanges') });
  const json = await runCli(
    ['replay', '-', '--to', target.origin, '--dry-run', '--json'],
    readFileSync(capture),
  );
  expect(JSON.parse(json.stdout)).toMatchObject({
    plan: { toSend: 5, mutations: 2, methods: { PUT: 2, GET: 3 } },
  });
  expect(requests).toBe(0);
});

test('a target that is not loopback is refused with 3, and mutations are held back when it is allowed', async () => {
  const refused = await runCli(['replay', capture, '--to', 'http://192.0.2.1']);
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  expect(refused.stderr).toMatch(
    /^gardenhose: http:\/\/192\.0\.2\.1 is not a loopback address .* add --allow ORIGIN[^\n]*\n$/,
  );
  const allow = ['--allow', 'http://192.0.2.1', '--dry-run', '--json'];
  const held = await runCli(['replay', capture, '--to', 'http://192.0.2.1', ...allow]);
  expect(JSON.parse(held.stdout)).toMatchObject({ plan: { toSend: 3, skipped: { mutation: 2 } } });
  const all = await runCli(['replay', capture, '--to', 'http://192.0.2.1', ...allow, '--allow-mutations']);
  expect(JSON.parse(all.stdout)).toMatchObject({ plan: { toSend: 5, skipped: {} } });
});

test('a target that nothing listens on ends with 74, and one that closes connections with 1', async () => {
  const to = `http://127.0.0.1:${await closedPort()}`;
  const unreachable = await runCli(['replay', capture, '--to', to, '--quiet']);
  expect(unreachable).toMatchObject({ code: 74, stdout: '' });
  expect(unreachable.stderr).toMatch(/^gardenhose: Nothing listens at [^\n]*\n$/);

  await using rude = await tcpServer((socket) => socket.once('data', () => socket.destroy()));
  const closed = await runCli(['replay', capture, '--to', rude.origin, '--pace', 'asap', '--quiet']);
  expect(closed.code).toBe(1);
  expect(closed.stderr).toMatch(
    /^gardenhose: 5 exchanges failed that were answered when recorded[^\n]*connection-closed[^\n]*\n$/,
  );
});

test('an interrupt ends a run in order, with a report that says so', async () => {
  const long = dir.file('long.hose');
  const lists = Array.from({ length: 50 }, (_, i) =>
    exchangeEvents({ exchange: i + 1, at: 1e6 + i * 1e9, masked: true }),
  );
  await writeCapture(long, interleave(...lists));
  let first = () => undefined as void;
  const arrived = new Promise<void>((resolve) => {
    first = resolve;
  });
  await using target = await httpServer((_req, res) => {
    res.end('{}');
    first();
  });
  const page = dir.file('stopped.html');
  const cli = startCli(['replay', long, '--to', target.origin, '--json', '--report', page]);
  await arrived;
  cli.child.kill('SIGINT');
  const { code, stdout, stderr } = await cli.done;
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 2, fidelity: { verdict: 'stopped' } });
  expect(readFileSync(page, 'utf8')).toContain('The run was stopped (signal)');
  expect(stderr).not.toContain('was not closed');
});

test('a capture that is cut off is replayed as far as it goes, and ends with 65', async () => {
  const cut = dir.file('cut.hose');
  writeFileSync(cut, readFileSync(capture));
  truncateSync(cut, readFileSync(capture).length - 40);
  await using target = await httpServer(shop());
  const { code, stderr, stdout } = await runCli([
    'replay',
    cut,
    '--to',
    target.origin,
    '--pace',
    'asap',
    '--quiet',
  ]);
  expect(code).toBe(65);
  expect(stdout).toContain('5 read, 5 sent');
  expect(stderr).toMatch(/^gardenhose: [^\n]*cut\.hose is cut off [^\n]*recover[^\n]*\n$/);
});

test('replay says in one sentence what is wrong', async () => {
  await using target = await httpServer(shop());
  const damaged = readFileSync(capture);
  damaged[700] = (damaged[700] ?? 0) ^ 0xff;
  writeFileSync(dir.file('damaged.hose'), damaged);
  writeFileSync(dir.file('empty.hose'), '');
  writeFileSync(dir.file('newer.hose'), newerCapture());
  writeFileSync(dir.file('bad-rules.json'), '[{"do":"dance"}]');
  const to = ['--to', target.origin];
  const cases: [args: string[], exit: number, sentence: RegExp][] = [
    [[capture], 64, /^gardenhose: --to is missing: name where to send/],
    [[capture, '--to', 'localhost:3000'], 64, /Expected an origin/],
    [[capture, ...to, '--pace', 'fast'], 64, /Expected "recorded", "asap" or a number/],
    [[capture, ...to, '--pace', 'asap', '--speed', '2'], 64, /speed has no meaning with pace/],
    [[capture, ...to, '--order', 'any'], 64, /Allowed choices are causal, lane, none, serial/],
    [[capture, ...to, '--header', 'no colon'], 64, /found no colon/],
    [[capture, ...to, '--ignore', 'status'], 64, /--ignore has an effect only with --compare/],
    [[capture, ...to, '--compare', '--ignore', 'nonsense'], 64, /ignore\[0\]/],
    [[capture, ...to, '--report', dir.file('r.xml')], 64, /ends in \.json, \.html or \.txt/],
    [[capture, ...to, '--report', dir.file('none/r.json')], 74, /none: no such file/],
    [[capture, ...to, '--patch', dir.file('bad-rules.json')], 64, /bad-rules\.json\[0\].*dance/],
    [[capture, ...to, '--patch', dir.file('none.json')], 74, /none\.json: no such file/],
    [[dir.file('none.hose'), ...to], 74, /none\.hose/],
    [[dir.path, ...to], 65, /is a directory/],
    [[dir.file('empty.hose'), ...to], 65, /it is empty/],
    [[dir.file('newer.hose'), ...to], 65, /newer\.hose .*version 2/],
    [[dir.file('damaged.hose'), ...to], 65, /damaged\.hose/],
  ];
  for (const [args, exit, sentence] of cases) {
    const { code, stderr, stdout } = await runCli(['replay', ...args]);
    expect({ args, code, stderr, stdout }).toEqual({
      args,
      code: exit,
      stderr: expect.stringMatching(sentence),
      stdout: '',
    });
    expect(stderr).toMatch(/^gardenhose: [^\n]*\n$/);
  }
  expect(existsSync(dir.file('r.html'))).toBe(false);
});

test('replay says what the capture lacks, of a file and of standard input', async () => {
  await using target = await httpServer(shop());
  const gappy = dir.file('gappy.hose');
  const lists = [0, 1].map((i) => exchangeEvents({ exchange: i + 1, at: 1e6 + i * 1e6, masked: true }));
  const events = interleave(...lists);
  const gap = { type: 'gap', reason: 'buffer-full', exchanges: 3, events: 0, fromSeq: 0 } as const;
  await writeCapture(gappy, [...events, { ...gap, seq: events.length + 1, at: 5e6, fromAt: 3e6, toAt: 5e6 }]);
  const args = (file: string) => ['replay', file, '--to', target.origin, '--pace', 'asap'];
  const { code, stdout } = await runCli(args(gappy));
  expect(stdout).toContain('the capture lacks 3 exchanges: buffer-full (1 gap)');
  expect(stdout).toContain('The capture lacks 3 exchanges beside the 2 in it');
  // Besides, the shop answers with another status.
  expect(code).toBe(1);
  const streamed = await runCli([...args('-'), '--json'], readFileSync(gappy));
  expect(JSON.parse(streamed.stdout).losses).toMatchObject({ state: 'complete', exchanges: 3 });
});

test('a refused replay ends with 3, and the target has seen no connection', async () => {
  let connections = 0;
  await using target = await tcpServer(() => connections++);
  const { port } = new URL(target.origin);
  const stopFile = dir.file('stop');
  writeFileSync(stopFile, '');
  for (const args of [
    ['--to', `http://0.0.0.0:${port}`],
    ['--to', `http://[::ffff:0:0]:${port}`, '--allow', `http://0.0.0.0:${port}`],
    ['--to', target.origin, '--stop-file', stopFile],
    ['--to', `http://0.0.0.0:${port}`, '--allow', `http://0.0.0.0:${port}`, '--stop-file', stopFile],
  ]) {
    const { code, stdout } = await runCli(['replay', capture, ...args]);
    expect({ args, code, stdout }).toEqual({ args, code: 3, stdout: '' });
  }
  expect(connections).toBe(0);
});

test('limits and marks are those that flags ask for', async () => {
  const seen: Record<string, unknown>[] = [];
  await using target = await httpServer((request, response) => {
    seen.push(request.headers);
    response.end('{}');
  });
  const keyFile = dir.file('mark-key');
  writeFileSync(keyFile, `${'k'.repeat(32)}\n`);
  const marks = ['--run-id', 'r1', '--mark-key-file', keyFile, '--tenancy', 'x-tenant: shadow/{runId}'];
  const to = ['replay', capture, '--to', target.origin, ...inTurn, '--json'];
  const { code, stdout } = await runCli([...to, ...marks, '--max-requests', '2']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    run: { runId: 'r1', stopped: 'max-requests' },
    exchanges: { sent: 2 },
  });
  expect(seen).toHaveLength(2);
  for (const [i, headers] of seen.splice(0).entries()) {
    expect(headers).toMatchObject({
      'x-tenant': 'shadow/r1',
      'x-shadow-run': 'r1',
      'x-shadow-seq': String(i),
    });
    expect(headers['x-shadow-signature']).toMatch(/^v1\./);
  }
  await runCli([...to, '--no-mark']);
  expect(JSON.stringify(seen)).not.toContain('shadow');
});

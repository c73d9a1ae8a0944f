import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type CaptureEvent, readCapture } from '@gardenhose/core';
import { assembleAll } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';

// These run the built package in processes of its own.

const root = fileURLToPath(new URL('../../..', import.meta.url));

const server = `
import { createServer } from 'node:http';
const server = createServer((req, res) => {
  if (req.url === '/exit') { res.end('bye', () => process.exit(7)); return; }
  if (req.url === '/throw') { res.end('bye', () => { throw new Error('planned'); }); return; }
  if (req.url === '/close') { res.end('bye', () => { server.close(); server.closeAllConnections(); }); return; }
  res.end('hello');
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

interface Running {
  readonly child: ChildProcess;
  readonly origin: string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
}

async function start(script: string, env: Record<string, string>, name = 'app.mjs'): Promise<Running> {
  const file = join(mkdtempSync(join(tmpdir(), 'gardenhose-')), name);
  writeFileSync(file, script);
  const child = spawn(process.execPath, ['--import', '@gardenhose/http-adapter/register', file], {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stderr = text(child.stderr);
  const ended = once(child, 'exit').then(async ([code, signal]) => ({ code, signal, stderr: await stderr }));
  const [port] = await once(createInterface(child.stdout), 'line');
  return { child, origin: `http://127.0.0.1:${port}`, ended };
}

const folder = (): string => mkdtempSync(join(tmpdir(), 'gardenhose-'));

/** Nothing here depends on what is masked. */
const policy = join(folder(), 'policy.json');
writeFileSync(policy, '{"version":1,"extends":"none"}');

/** Where to record, in a folder of its own. */
function recording(): { file: string; env: Record<string, string> } {
  const file = join(folder(), 'a.hose');
  return { file, env: { GARDENHOSE_OUTPUT: file, GARDENHOSE_MASK_POLICY: policy } };
}

/** The exchanges that a whole capture holds. */
async function recorded(file: string): Promise<string[]> {
  const events: CaptureEvent[] = [];
  const capture = await readCapture(createReadStream(file), { mode: 'strict' });
  for await (const event of capture.events) events.push(event);
  return assembleAll(events).map(
    ({ request, response, abort }) => `${request.target} ${response?.status}${abort ? ` ${abort.code}` : ''}`,
  );
}

const get = async (url: string): Promise<string> => (await fetch(url)).text();

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends the process as it would without the tap, with everything recorded`, async () => {
    const { file, env } = recording();
    const app = await start(server, env);
    expect(await get(`${app.origin}/one`)).toBe('hello');
    expect(await get(`${app.origin}/two`)).toBe('hello');
    app.child.kill(signal);
    expect(await app.ended).toEqual({ code: null, signal, stderr: '' });
    expect(await recorded(file)).toEqual(['/one 200', '/two 200']);
  });
}

test('a flight recorder saves at SIGTERM and at an uncaught error, with and without a file beside it', async () => {
  const { file, env } = recording();
  for (const [path, over, reason] of [
    ['', { GARDENHOSE_OUTPUT: '' }, 'SIGTERM'],
    ['/throw', {}, 'uncaughtException'],
  ] as const) {
    const flights = folder();
    const app = await start(server, { ...env, ...over, GARDENHOSE_FLIGHT: flights });
    await get(`${app.origin}/one`);
    if (path === '') app.child.kill('SIGTERM');
    else await get(`${app.origin}${path}`);
    const { signal } = await app.ended;
    expect(signal).toBe(path === '' ? 'SIGTERM' : null);
    const [name = '', ...others] = readdirSync(flights);
    expect(others).toEqual([]);
    const { header } = await readCapture(createReadStream(join(flights, name)), { mode: 'strict' });
    expect(header.trigger?.reason).toBe(reason);
    expect((await recorded(join(flights, name)))[0]).toBe('/one 200');
    expect(existsSync(file)).toBe(path !== '');
  }
});

test('an application that answers a signal itself decides when and how it ends', async () => {
  const { file, env } = recording();
  const app = await start(
    `${server} process.on('SIGTERM', () => { console.error('closing'); server.close(() => process.exit(3)); server.closeIdleConnections(); });`,
    env,
  );
  await get(`${app.origin}/one`);
  app.child.kill('SIGTERM');
  expect(await app.ended).toEqual({ code: 3, signal: null, stderr: 'closing\n' });
  expect(await recorded(file)).toEqual(['/one 200']);
});

test('process.exit() and an uncaught error keep their exit codes and lose nothing', async () => {
  for (const [path, code, said] of [
    ['/exit', 7, ''],
    ['/throw', 1, 'Error: planned'],
  ] as const) {
    const { file, env } = recording();
    const app = await start(server, env);
    await get(`${app.origin}/one`);
    await get(`${app.origin}${path}`);
    const ended = await app.ended;
    expect([ended.code, ended.signal]).toEqual([code, null]);
    expect(ended.stderr).toContain(said);
    expect((await recorded(file)).map((line) => line.slice(0, 9))).toEqual([
      '/one 200',
      `${path} 200`.slice(0, 9),
    ]);
  }
});

test('a process whose work is done ends, and is not kept by the recording', async () => {
  const { file, env } = recording();
  const app = await start(server, env);
  await get(`${app.origin}/close`);
  expect((await app.ended).code).toBe(0);
  expect(await recorded(file)).toEqual(['/close 200']);
});

test('a process that serves no request makes no file', async () => {
  const { file, env } = recording();
  const app = await start(server, env);
  app.child.kill('SIGTERM');
  await app.ended;
  expect(existsSync(file)).toBe(false);
});

test('a process that starts the service leaves the file to it', async () => {
  const { file, env } = recording();
  const app = await start(
    `import { spawn } from 'node:child_process';
     const child = spawn(process.execPath, ['--input-type=module', '-e', process.env.SERVER], { stdio: 'inherit' });
     child.on('exit', (code) => process.exit(code));`,
    { ...env, SERVER: server, NODE_OPTIONS: '--import @gardenhose/http-adapter/register' },
  );
  await get(`${app.origin}/one`);
  await get(`${app.origin}/exit`);
  expect((await app.ended).code).toBe(7);
  expect(readdirSync(dirname(file))).toEqual(['a.hose']);
});

test('where the file exists, and in each worker of a cluster, the process id stands in the name', async () => {
  const { file, env } = recording();
  writeFileSync(file, 'something of mine');
  const app = await start(server, env);
  await get(`${app.origin}/exit`);
  await app.ended;
  expect(readFileSync(file, 'utf8')).toBe('something of mine');
  expect(readdirSync(dirname(file)).sort()).toEqual(['a.hose', `a.pid-${app.child.pid}.hose`]);

  const many = recording();
  const cluster = await start(
    `import cluster from 'node:cluster';
     if (cluster.isPrimary) {
       const workers = [cluster.fork(), cluster.fork()];
       let listening = 0;
       cluster.on('listening', (_, { port }) => { listening += 1; if (listening === 2) console.log(port); });
       cluster.on('exit', () => { if (Object.keys(cluster.workers).length === 0) process.exit(0); });
       cluster.on('message', () => { for (const one of workers) one.kill(); });
     } else {
       const { createServer } = await import('node:http');
       createServer((req, res) => { res.end(String(process.pid)); if (req.url === '/end') process.send('end'); }).listen(0, '127.0.0.1');
     }`,
    many.env,
  );
  const pids = new Set<string>();
  while (pids.size < 2)
    pids.add(await (await fetch(cluster.origin, { headers: { connection: 'close' } })).text());
  await get(`${cluster.origin}/end`);
  await cluster.ended;
  expect(readdirSync(dirname(many.file)).sort()).toEqual([...pids].map((pid) => `a.pid-${pid}.hose`).sort());
});

test('a service that cannot be recorded runs all the same, and says once why', async () => {
  const closed = join(folder(), 'missing', 'a.hose');
  for (const [env, said] of [
    [
      {},
      'gardenhose: nothing is recorded: GARDENHOSE_OUTPUT is not set; expected the file to write, or GARDENHOSE_FLIGHT\n',
    ],
    [
      { GARDENHOSE_OUTPUT: closed, GARDENHOSE_OUTBUND: '1' },
      expect.stringMatching(
        /^gardenhose: nothing is recorded: a recording has no option "GARDENHOSE_OUTBUND"; known are .*: did you mean "GARDENHOSE_OUTBOUND"\?\n$/,
      ),
    ],
    [
      { GARDENHOSE_OUTPUT: closed },
      `gardenhose: nothing is recorded: cannot write to the folder ${dirname(closed)}\n`,
    ],
  ] as const) {
    const app = await start(server, { ...env });
    expect(await get(app.origin)).toBe('hello');
    expect(await get(app.origin)).toBe('hello');
    app.child.kill('SIGTERM');
    expect(await app.ended).toEqual({ code: null, signal: 'SIGTERM', stderr: said });
  }
});

test('a recorder that fails to start is reported, and the service runs', async () => {
  const { env } = recording();
  const app = await start(server, { ...env, GARDENHOSE_HOOKS: '/there/is/no/such/hooks.js' });
  expect(await get(app.origin)).toBe('hello');
  if (app.child.stderr === null) throw new Error('no stderr');
  await once(app.child.stderr, 'data');
  expect(await get(`${app.origin}/exit`)).toBe('bye');
  const ended = await app.ended;
  expect(ended.code).toBe(7);
  expect(ended.stderr).toMatch(/^gardenhose: nothing is recorded: .*hooks\.js/);
});

test('the application’s own threads are recorded, each to a file of its own', async () => {
  const { file, env } = recording();
  const thread = `
    const { createServer } = require('node:http');
    const { parentPort, threadId } = require('node:worker_threads');
    const server = createServer((_, res) => res.end(String(threadId), () => { server.close(); server.closeAllConnections(); }));
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
  `;
  const path = join(folder(), 'thread.cjs');
  writeFileSync(path, thread);
  const app = await start(
    `import { Worker } from 'node:worker_threads';
     const ports = [];
     for (let i = 0; i < 2; i++) new Worker(process.env.THREAD).on('message', (port) => {
       if (ports.push(port) === 2) console.log(ports.join(' '));
     });`,
    { ...env, THREAD: path },
  );
  const [first = '', second = ''] = app.origin.slice('http://127.0.0.1:'.length).split(' ');
  const threads = [await get(`http://127.0.0.1:${first}/`), await get(`http://127.0.0.1:${second}/`)];
  expect((await app.ended).code).toBe(0);
  const files = readdirSync(dirname(file)).sort();
  expect(files).toEqual(threads.sort().map((id) => `a.pid-${app.child.pid}.thread-${id}.hose`));
  for (const each of files) expect(await recorded(join(dirname(file), each))).toEqual(['/ 200']);
});

test('a file says what to record: also what the service asks others, and for which request', async () => {
  const { file, env } = recording();
  const config = join(dirname(file), 'recording.json');
  writeFileSync(
    config,
    JSON.stringify({ output: 'other.hose', outbound: true, parents: true, service: 'told by the file' }),
  );
  const { GARDENHOSE_OUTPUT: _, ...rest } = env;
  const app = await start(
    `const { createServer, get } = require('node:http');
     const server = createServer((req, res) => {
       if (req.url === '/inner') res.end('inner');
       else get({ port: server.address().port, path: '/inner' }, (inner) => inner.pipe(res));
     });
     server.listen(0, '127.0.0.1', () => console.log(server.address().port));`,
    { ...rest, GARDENHOSE_CONFIG: config, GARDENHOSE_SERVICE: 'told by the environment' },
    'app.cjs',
  );
  expect(await get(`${app.origin}/outer`)).toBe('inner');
  app.child.kill('SIGTERM');
  expect((await app.ended).stderr).toBe('');
  const events: CaptureEvent[] = [];
  const capture = await readCapture(createReadStream(join(dirname(file), 'other.hose')), { mode: 'strict' });
  for await (const event of capture.events) events.push(event);
  expect(capture.header.service).toBe('told by the environment');
  const family = assembleAll(events).map(({ direction, parent, request }) => [
    direction,
    parent,
    request.target,
  ]);
  expect(family).toHaveLength(3);
  expect(family).toEqual(
    expect.arrayContaining([
      ['inbound', undefined, '/outer'],
      ['outbound', 1, '/inner'],
      ['inbound', undefined, '/inner'],
    ]),
  );
});

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, getPriority, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CaptureEvent, Recorder, RecorderOptions } from '@gardenhose/core';
import { createRecorder, memorySink, nullSink, recordRulesModule } from '@gardenhose/core';
import { aStart, assembleAll, ManualClock } from '@gardenhose/core/testing';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';

const here = (name: string): string => new URL(`./support/${name}`, import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'gardenhose-worker-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const newPath = (): string => join(folder, `${files++}.jsonl`);

function recorderTo(path: string, options: Partial<RecorderOptions> = {}, sink: object = {}): Recorder {
  return createRecorder({
    service: 'shop',
    mask: { version: 1, extends: 'none' },
    sink: {
      open: () => Promise.reject(new Error('only a worker opens this sink')),
      module: { url: here('json-lines-sink.js'), options: { path, ...sink } },
    },
    ...options,
  });
}

/** What the JSON lines sink wrote: header, events, and whether it was closed. */
function read(path: string): { header: Record<string, unknown>; events: CaptureEvent[]; closed: boolean } {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const closed = lines.at(-1) === 'closed';
  const [header, ...events] = lines
    .slice(0, closed ? -1 : undefined)
    .map((line) => JSON.parse(line, (key, value) => (key === 'data' ? Buffer.from(value, 'base64') : value)));
  return { header, events, closed };
}

function serve(recorder: Recorder, target = '/orders/7', body = 1000): boolean {
  const tap = recorder.begin(aStart({ target }));
  tap?.end('request');
  tap?.headers(200, 'OK', '1.1', ['Content-Type', 'text/plain']);
  tap?.chunk('response', Buffer.alloc(body, 'x'));
  tap?.end('response');
  return tap !== undefined;
}

/** Threads of this process that let others go first. */
const yielding = (): number =>
  readdirSync('/proc/self/task').filter(
    (task) => getPriority(Number(task)) === constants.priority.PRIORITY_BELOW_NORMAL,
  ).length;

/** Linux lets few processes take back what they gave away. */
function mayHurry(): boolean {
  const own = getPriority();
  try {
    setPriority(own - 1);
    setPriority(own);
    return true;
  } catch {
    return false;
  }
}

test.runIf(process.platform === 'linux')(
  'the worker yields to everything else; the process does not',
  async () => {
    const before = { yielding: yielding(), own: getPriority() };
    const recorder = recorderTo(newPath());
    await recorder.ready;
    expect({ yielding: yielding(), own: getPriority() }).toEqual({
      ...before,
      yielding: before.yielding + 1,
    });
    await recorder.close();
  },
);

test.runIf(process.platform === 'linux' && mayHurry())(
  'a worker yields to nothing any more when a close waits for it, where that is allowed',
  async () => {
    const before = yielding();
    const recorder = recorderTo(newPath(), {}, { delayMs: 50 });
    await recorder.ready;
    serve(recorder);
    const closing = recorder.close();
    expect(yielding()).toBe(before);
    await closing;
    const early = recorderTo(newPath(), {}, { delayMs: 50 });
    serve(early);
    const closed = early.close();
    await early.ready;
    expect(yielding()).toBe(before);
    await closed;
  },
);

test('a worker writes what was recorded, flushes on demand and closes the sink', async () => {
  const path = newPath();
  const recorder = recorderTo(path);
  await recorder.ready;
  expect(recorder.stats().state).toBe('recording');
  for (let i = 0; i < 1000; i++) serve(recorder);
  await recorder.flush();
  expect(read(path)).toMatchObject({ closed: false, header: { id: recorder.captureId, service: 'shop' } });
  expect(read(path).events).toHaveLength(5000);
  const stats = await recorder.close();

  expect(read(path).closed).toBe(true);
  expect(stats).toMatchObject({
    state: 'closed',
    recorded: 1000,
    events: 5000,
    queueBytes: 0,
    sinkErrors: 0,
  });
  expect(stats.lastFlushAt).toBeGreaterThan(0);
});

const command = fc.oneof(
  fc.record({ kind: fc.constant('begin' as const), target: fc.constantFrom('/a', '/b', '/drop', '/throw') }),
  fc.record({
    kind: fc.constantFrom('end', 'abort', 'mark', 'headers', 'trailers').map((kind) => kind),
    of: fc.nat(9),
  }),
  fc.record({
    kind: fc.constant('chunk' as const),
    of: fc.nat(9),
    size: fc.constantFrom(0, 1, 900, 70_000, 300_000),
  }),
  fc.record({ kind: fc.constant('message' as const), of: fc.nat(9), size: fc.nat(5000) }),
);

test('property: a worker and the inline pipeline give the sink identical events', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 60 }), async (commands) => {
      const paths = [newPath(), newPath()];
      for (const [i, pipeline] of (['worker', 'inline'] as const).entries()) {
        const path = paths[i] ?? '';
        const { openSink } = await import(here('json-lines-sink.js'));
        const { createHooks } = await import(here('hooks.js'));
        const recorder = recorderTo(path, {
          clock: new ManualClock(),
          maxBodyBytes: 100_000,
          ...(pipeline === 'worker'
            ? { pipeline, hooks: { module: here('hooks.js') } }
            : { pipeline, hooks: createHooks(), sink: { open: (header) => openSink({ path }, header) } }),
        });
        const taps = [];
        for (const command of commands) {
          if (command.kind === 'begin') {
            taps.push(recorder.begin(aStart({ target: command.target })));
            continue;
          }
          const tap = taps[command.of % Math.max(1, taps.length)];
          if (command.kind === 'chunk') tap?.chunk('response', Buffer.alloc(command.size, 'c'));
          else if (command.kind === 'message') tap?.message('request', 1, Buffer.alloc(command.size, 'm'));
          else if (command.kind === 'end') tap?.end(command.of % 2 === 0 ? 'request' : 'response');
          else if (command.kind === 'abort') tap?.abort('client', 'gone');
          else if (command.kind === 'mark') tap?.mark('größe', '✓');
          else if (command.kind === 'trailers') tap?.trailers('request', ['X', 'y']);
          else tap?.headers(200, 'OK', '1.1', ['A', 'b']);
        }
        await recorder.close();
      }
      const [worker, inline] = paths.map(read);
      expect(worker?.events).toEqual(inline?.events);
      expect(worker?.closed && inline?.closed).toBe(true);
    }),
    { numRuns: 10 },
  );
});

test('hooks of a module run in the worker', async () => {
  const path = newPath();
  const recorder = recorderTo(path, {
    hooks: { module: here('hooks.js'), options: { name: 'mine' } },
    hookTimeoutMs: 50,
  });
  for (const target of ['/a', '/throw', '/drop', '/hang', '/b']) serve(recorder, target);
  const stats = await recorder.close();

  const exchanges = assembleAll(read(path).events);
  expect(exchanges.map(({ request, marks }) => [request.target, marks])).toEqual([
    ['/a?hooked', [{ name: 'by', value: 'mine' }]],
    ['/b?hooked', [{ name: 'by', value: 'mine' }]],
  ]);
  expect(stats).toMatchObject({ exchangesLost: { hook: 3 }, hookDrops: 1 });
});

test('declarative rules run in the worker, and what they drop is declared in few gaps', async () => {
  const path = newPath();
  const rules = [
    { do: 'drop', where: { path: '/health' } },
    { do: 'set-header', name: 'x-tenant', value: 'garden' },
  ] as const;
  const recorder = recorderTo(path, { hooks: recordRulesModule(rules) });
  for (let i = 0; i < 50; i++) serve(recorder, '/health');
  serve(recorder);
  const stats = await recorder.close();

  expect(stats).toMatchObject({ hookDrops: 50, exchangesLost: { hook: 50 } });
  const { events } = read(path);
  expect(events.map(({ type }) => type)).toEqual(['gap', 'start', 'end', 'headers', 'chunk', 'end']);
  expect(events[0]).toMatchObject({ reason: 'hook', exchanges: 50, events: 250, fromSeq: 1 });
  expect(assembleAll(events)[0]?.request.headers).toContain('x-tenant');
});

test('a sink, or hooks, that cannot be opened: ready rejects with what the worker met, taps stop', async () => {
  const noSink = recorderTo(newPath(), {}, { fail: true });
  await expect(noSink.ready).rejects.toMatchObject({ code: 'io', message: /this sink never opens/ });
  const noHooks = recorderTo(newPath(), { hooks: { module: here('hooks.js'), options: { fail: true } } });
  await expect(noHooks.ready).rejects.toMatchObject({
    code: 'hook-failed',
    message: /these hooks never load/,
  });
  const noModule = recorderTo(newPath(), {
    sink: { ...nullSink, module: { url: 'file:///nowhere.js', options: 0 } },
  });
  await expect(noModule.ready).rejects.toMatchObject({ code: 'io' });

  for (const recorder of [noSink, noHooks, noModule]) {
    expect(serve(recorder)).toBe(false);
    expect(await recorder.close()).toMatchObject({ state: 'failed', dropped: { failed: 1 } });
  }
});

test('options that cannot be cloned are refused at once, with what to do', () => {
  expect(() => recorderTo(newPath(), {}, { onFull: () => undefined })).toThrow(
    /can be cloned.*pipeline: 'inline'/,
  );
});

test.each([
  ['throws where nobody can catch it', '/crash'],
  ['ends its thread', '/exit'],
])(
  'a worker in which a hook %s: the recorder has failed, which is a warning of the process, and the application goes on',
  async (_, target) => {
    const warning = once(process, 'warning');
    const recorder = recorderTo(newPath(), { hooks: { module: here('hooks.js') } });
    await recorder.ready;
    serve(recorder);
    await recorder.flush();
    serve(recorder, target);
    await recorder.flush();

    expect(recorder.stats()).toMatchObject({ state: 'failed', eventsLost: { failed: 5 }, underWay: 0 });
    expect(recorder.stats().lastError).toMatch(/worker failed/);
    expect(String((await warning)[0])).toMatch(/^GardenhoseWarning: nothing more is recorded: /);
    expect(serve(recorder)).toBe(false);
    const stats = await recorder.close();
    expect(stats).toMatchObject({ state: 'failed', offered: 3, recorded: 2, dropped: { failed: 1 } });
  },
);

test('of what a worker that dies was given, only what it had not processed counts as lost', async () => {
  const recorder = recorderTo(newPath(), { hooks: { module: here('hooks.js') } });
  await recorder.ready;
  // A buffer each: no message tells of them one by one.
  for (let i = 0; i < 5; i++) serve(recorder, '/orders/7', 200_000);
  serve(recorder, '/exit', 10);
  await recorder.flush();

  // The last buffer: chunk and end of the fifth exchange, and the sixth.
  expect(recorder.stats()).toMatchObject({ state: 'failed', events: 30, eventsLost: { failed: 7 } });
});

test('stats tell what the worker has done at the moment they are asked for', async () => {
  const recorder = recorderTo(newPath(), { mask: { version: 1 } });
  await recorder.ready;
  recorder.begin(aStart({ headers: ['Authorization', 'Bearer 0123456789abcdef'] }))?.abort('client', 'gone');
  void recorder.flush();
  // No message of the worker arrives meanwhile.
  const until = Date.now() + 10_000;
  while (recorder.stats().queueBytes > 0 && Date.now() < until);
  expect(recorder.stats()).toMatchObject({ queueBytes: 0, masked: 1 });
  await recorder.close();
});

test('a flush says whether it was done, and waits no longer than flushWaitMs for a sink that is stuck', async () => {
  const path = newPath();
  const recorder = recorderTo(path, { flushWaitMs: 20 }, { delayMs: 300 });
  await recorder.ready;
  serve(recorder);
  expect(await recorder.flush()).toBe(false);
  expect(recorder.stats()).toMatchObject({
    state: 'recording',
    lastError: expect.stringMatching(/within 20 ms/),
  });
  const stats = await recorder.close();
  expect(stats).toMatchObject({ state: 'closed', eventsLost: { failed: 0 } });
  expect(read(path).events).toHaveLength(5);
  const quick = recorderTo(newPath());
  serve(quick);
  expect(await quick.flush()).toBe(true);
  await quick.close();
});

test('a flush that comes after a close waits for that', async () => {
  const recorder = recorderTo(newPath());
  serve(recorder);
  const closing = recorder.close();
  expect(await recorder.flush()).toBe(true);
  expect(await closing).toMatchObject({ state: 'closed' });
  expect(await recorder.flush()).toBe(true);
});

test('a slow sink fills memory to its bound and no further: the rest is dropped, counted and declared', async () => {
  const path = newPath();
  // How long it may take to close is not what this is about, and the worker comes last where processors are short.
  const recorder = recorderTo(path, { maxBufferedBytes: 2_000_000, closeWaitMs: 60_000 }, { delayMs: 20 });
  await recorder.ready;
  for (let i = 0; i < 20; i++) {
    for (let k = 0; k < 20; k++) serve(recorder, '/orders/7', 50_000);
    expect(recorder.stats().queueBytes).toBeLessThanOrEqual(2_000_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const stats = await recorder.close();

  expect(stats.dropped['buffer-full']).toBeGreaterThan(0);
  expect(stats.offered).toBe(400);
  expect(stats.recorded + stats.dropped['buffer-full']).toBe(400);
  const { events } = read(path);
  const gaps = events.filter((event) => event.type === 'gap');
  const declared = gaps.reduce((sum, gap) => sum + gap.exchanges, 0);
  expect(declared).toBe(stats.dropped['buffer-full']);
  const exchanges = assembleAll(events);
  expect(exchanges).toHaveLength(stats.recorded);
  for (const { partial, abort, response } of exchanges) {
    expect(partial).toEqual(abort === undefined ? [] : ['no-end']);
    expect(abort?.code === 'buffer-full' || response?.complete === true).toBe(true);
  }
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function recordAndEnd(path: string, ending: string, env: Record<string, string> = {}): Promise<Ended> {
  const script = fileURLToPath(here('record-and-end.js'));
  const child = execFile(process.execPath, [script, path, ending], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data) => (stdout += data));
  child.stderr?.on('data', (data) => (stderr += data));
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

test.each([
  ['ends by itself', 'natural', 0],
  ['calls process.exit', 'exit', 0],
  ['dies of an uncaught error', 'throw', 1],
  ['ends before the worker is ready', 'at-once', 0],
])('a process that %s leaves a complete capture', async (_, ending, code) => {
  const path = newPath();
  const ended = await recordAndEnd(path, ending);

  expect(ended.code).toBe(code);
  const { events, closed } = read(path);
  expect(closed).toBe(true);
  const exchanges = assembleAll(events);
  expect(exchanges).toHaveLength(500);
  expect(exchanges.flatMap(({ partial }) => partial)).toEqual(['no-end']);
  expect(exchanges.at(-1)?.abort).toMatchObject({ by: 'recorder', code: 'process-exit' });
});

test('close() keeps the process alive until all is written', async () => {
  const path = newPath();
  const ended = await recordAndEnd(path, 'close');

  expect(JSON.parse(ended.stdout)).toMatchObject({ state: 'closed', recorded: 500 });
  expect(read(path).closed).toBe(true);
});

test('the worker does not load what the application preloads', async () => {
  const preload = here('preload.js');
  const ended = await recordAndEnd(newPath(), 'close', { NODE_OPTIONS: `--import ${preload}` });

  expect(ended.stderr.match(/preloaded.*/g)).toEqual(['preloaded main=true']);
});

test('a recorder whose sink can stay on its thread only runs inline', async () => {
  const sink = memorySink();
  const recorder = createRecorder({ service: 'shop', sink, mask: { version: 1, extends: 'none' } });
  serve(recorder);
  await recorder.close();

  expect(sink.events).toHaveLength(5);
});

test('a hook that loops for ever holds up neither the application nor, for long, its close', async () => {
  const recorder = recorderTo(newPath(), { hooks: { module: here('hooks.js') }, closeWaitMs: 300 });
  await recorder.ready;
  serve(recorder, '/loop');
  serve(recorder);
  const stats = await recorder.close();
  expect(stats).toMatchObject({ state: 'failed', offered: 2, recorded: 2, underWay: 0, queueBytes: 0 });
  expect(stats.lastError).toMatch(/did not close within 300 ms/);
  expect(stats.eventsLost.failed).toBe(stats.events);
});

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  type CaptureEvent,
  createRecorder,
  type Exchange,
  fileSink,
  type Masker,
  memorySink,
  noMask,
  type RecorderOptions,
  readCapture,
  type SinkSource,
} from '@gardenhose/core';
import { assembleAll, ManualClock } from '@gardenhose/core/testing';
import * as grpc from '@grpc/grpc-js';
import { expect, test, vi } from 'vitest';
import { attach } from '../../src/attach.ts';
import { tapChannel } from '../../src/tap-channel.ts';
import { tapServer } from '../../src/tap-server.ts';
import { chat, seen } from '../support/hard-case.ts';
import { recording } from '../support/recording.ts';
import { type Running, serve, unary } from '../support/service.ts';

// What becomes of calls between the tap and the file: parts, failures, kills, clocks, copies of grpc-js.

const root = fileURLToPath(new URL('../../../../', import.meta.url));

class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'gardenhose-grpc-'));
  file(name: string): string {
    return join(this.path, name);
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

async function eventsIn(path: string, mode: 'strict' | 'salvage'): Promise<CaptureEvent[]> {
  const all: CaptureEvent[] = [];
  for await (const event of (await readCapture(createReadStream(path), { mode })).events) all.push(event);
  return all;
}

const answers = ({ response }: Exchange): string[] =>
  (response?.messages ?? []).map(({ data }) => Buffer.from(data).toString());

/** Sends a message, and waits until it has come back. */
async function ping(call: grpc.ClientDuplexStream<Buffer, Buffer>, text: string): Promise<void> {
  const back = once(call, 'data');
  call.write(Buffer.from(text));
  await back;
}

test('case 22: a stream that is open over many parts of a capture is whole in all of them together', async () => {
  using folder = new Folder();
  const sink = fileSink({ path: folder.file('calls.hose'), maxFileBytes: 4096, chunkBytes: 512 });
  const recorder = createRecorder({
    service: 's',
    sink,
    mask: noMask,
    pipeline: 'inline',
    flushIntervalMs: 1,
  });
  {
    await using running = await serve({}, (server) => {
      tapServer(server, recorder);
    });
    const call = chat(running.client);
    const all = seen(call);
    for (let i = 0; i < 60; i++) {
      await ping(call, `message ${i} ${'x'.repeat(50)}`);
      await unary(running.client, `between ${i} ${Math.random()} ${'y'.repeat(60)}`);
      await recorder.flush();
    }
    call.end();
    expect((await all).at(-1)).toMatch(/^status 0/);
    await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
  }
  await recorder.close();
  const parts = await Promise.all(
    readdirSync(folder.path).map((name) => eventsIn(folder.file(name), 'strict')),
  );
  expect(parts.length).toBeGreaterThan(3);
  const events = parts.sort(([a], [b]) => (a?.seq ?? 0) - (b?.seq ?? 0)).flat();
  const exchanges = assembleAll(events);
  expect(exchanges).toHaveLength(61);
  for (const { partial } of exchanges) expect(partial).toEqual([]);
  const [stream] = exchanges.filter(({ operation }) => operation === 'test.Echo/Chat');
  expect(stream === undefined ? [] : answers(stream)).toEqual(
    Array.from({ length: 60 }, (_, i) => `message ${i} ${'x'.repeat(50)}`),
  );
});

/** A service that is asked for one answer, recorded in this way. Gives what the recorder said in the end. */
async function askedOnce(options: Partial<RecorderOptions>, drive: (running: Running) => Promise<unknown>) {
  const sink = memorySink();
  const recorder = createRecorder({ service: 's', sink, mask: noMask, pipeline: 'inline', ...options });
  {
    await using running = await serve(
      {},
      (server) => {
        tapServer(server, recorder);
      },
      { client: tapChannel(recorder, { grpc }) },
    );
    await drive(running);
    await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
  }
  return { stats: await recorder.close().catch(() => recorder.stats()), sink };
}

/** All that is said in a call must come back, whatever becomes of its recording. */
const talk = async ({ client }: Running): Promise<void> => {
  expect((await unary(client, 'hunter2')).toString()).toBe('hunter2');
  const call = chat(client);
  const all = seen(call);
  await ping(call, 'one');
  call.end(Buffer.from('two'));
  const heard = (await all).filter((line) => line.startsWith('message') || line.startsWith('status'));
  expect(heard.slice(0, 2)).toEqual(['message one', 'message two']);
  expect(heard.at(-1)).toMatch(/^status 0/);
};

test('case 37: with a sink that fails, calls go on, and what was lost is counted', async () => {
  const full: SinkSource = {
    open: async () => ({
      write: () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' })),
      flush: async () => undefined,
      close: async () => undefined,
    }),
  };
  const { stats } = await askedOnce({ sink: full }, talk);
  expect(stats.sinkErrors).toBeGreaterThan(0);
  expect(stats.tapFailures).toBe(0);
});

test('case 37: with a hook that throws, calls go on, and lose their exchanges', async () => {
  const hooks = {
    onEvent: () => {
      throw new Error('hunter2');
    },
  };
  const { stats, sink } = await askedOnce({ hooks }, talk);
  expect(stats.tapFailures).toBe(0);
  expect(sink.events.filter(({ type }) => type === 'message')).toEqual([]);
});

test('case 37: with a masker that throws, calls go on, and nothing unmasked is kept', async () => {
  const mask: Masker = {
    ...noMask,
    mask: () => {
      throw new Error('hunter2');
    },
  };
  const { stats, sink } = await askedOnce({ mask }, talk);
  expect(stats.tapFailures).toBe(0);
  const kept = sink.events.map((event) => JSON.stringify(event));
  expect(kept.join()).not.toContain('hunter2');
  expect(sink.events.filter((event) => event.type === 'message' && event.data !== undefined)).toEqual([]);
});

/** A service of gRPC that calls itself, says what it was answered and what the recorder lost, and has the disk grow at last. */
const cramped = `
  import { execFileSync } from 'node:child_process';
  import * as grpc from '@grpc/grpc-js';
  import { createRecorder, fileSink } from '@gardenhose/core';
  import { attach, tapChannel } from '@gardenhose/grpc-adapter';
  process.on('SIGXFSZ', () => {});
  const sink = fileSink({ path: process.argv[1], compression: 'none', chunkBytes: 4096 });
  const recorder = createRecorder({ service: 's', sink, mask: { version: 1, extends: 'none' } });
  await recorder.ready;
  attach(recorder, { grpc });
  const bytes = (message) => message;
  const codecs = { requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes };
  const get = { path: '/a.Service/Get', requestStream: false, responseStream: false, ...codecs };
  const server = new grpc.Server();
  server.addService({ get }, { get: (call, answer) => answer(null, call.request) });
  const port = await new Promise((resolve) => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_, bound) => resolve(bound)));
  const client = new grpc.Client('127.0.0.1:' + port, grpc.credentials.createInsecure(), tapChannel(recorder, { grpc }));
  let answered = 0;
  const ask = async (count) => {
    for (let i = 0; i < count; i++) {
      const message = Buffer.from(i + 'x'.repeat(1000));
      const answer = await new Promise((resolve, reject) => client.makeUnaryRequest(get.path, bytes, bytes, message, (error, value) => error === null ? resolve(value) : reject(error)));
      if (message.equals(answer)) answered++;
    }
    await recorder.flush();
    return recorder.stats();
  };
  const full = await ask(60);
  execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']);
  const room = await ask(20);
  client.close();
  await new Promise((resolve) => server.tryShutdown(resolve));
  const { tapFailures, sinkErrors } = await recorder.close();
  process.stdout.write(JSON.stringify({ answered, full: full.sinkErrors, room: room.sinkErrors, tapFailures, sinkErrors }));
`;

const canLimit = spawnSync('sh', ['-c', 'ulimit -S -f 64 && prlimit --version']).status === 0;

test.skipIf(!canLimit)(
  'case 37: on a disk that is really full, calls are answered, what is lost is counted, and what fits later is recorded (needs prlimit)',
  async () => {
    using folder = new Folder();
    const path = folder.file('cramped.hose');
    const run = spawnSync(
      'sh',
      ['-c', 'ulimit -S -f 64; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, cramped, path],
      { cwd: join(root, 'packages/grpc-adapter'), encoding: 'utf8' },
    );
    const told = JSON.parse(run.stdout || JSON.stringify(run.stderr));
    expect(told).toMatchObject({ answered: 80, tapFailures: 0 });
    expect(told.full).toBeGreaterThan(0);
    // With room again, nothing more fails.
    expect(told.sinkErrors).toBe(told.room);
    const events = await eventsIn(path, 'strict');
    const gaps = events.flatMap((event) => (event.type === 'gap' ? [event] : []));
    expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['sink-failed']));
    // Seven events for each side of each call, there or counted.
    const lost = gaps.reduce((sum, gap) => sum + gap.events, 0);
    expect(lost).toBeGreaterThan(0);
    expect(events.length - gaps.length + lost).toBe(80 * 2 * 7);
    // The server and the client record each call.
    const whole = assembleAll(events).filter(({ partial }) => partial.length === 0);
    expect(whole.length).toBeGreaterThanOrEqual(40);
    expect(whole.length).toBeLessThan(160);
    expect(whole.at(-1)?.response?.complete).toBe(true);
  },
  20_000,
);

/** A service of gRPC that calls itself until it is killed, with one stream that never ends. */
const endless = `
  import * as grpc from '@grpc/grpc-js';
  import { createRecorder, fileSink } from '@gardenhose/core';
  import { attach } from '@gardenhose/grpc-adapter';
  const recorder = createRecorder({ service: 's', sink: fileSink({ path: process.argv[1] }), mask: { version: 1, extends: 'none' } });
  await recorder.ready;
  attach(recorder, { grpc });
  const bytes = (message) => message;
  const codecs = { requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes };
  const chat = { path: '/a.Service/Chat', requestStream: true, responseStream: true, ...codecs };
  const get = { path: '/a.Service/Get', requestStream: false, responseStream: false, ...codecs };
  const server = new grpc.Server();
  server.addService({ chat, get }, { chat: (call) => call.pipe(call), get: (call, answer) => answer(null, call.request) });
  const port = await new Promise((resolve) => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_, bound) => resolve(bound)));
  const client = new grpc.Client('127.0.0.1:' + port, grpc.credentials.createInsecure());
  const stream = client.makeBidiStreamRequest(chat.path, bytes, bytes);
  for (let i = 1; ; i++) {
    stream.write(Buffer.from('message ' + i));
    await new Promise((resolve) => stream.once('data', resolve));
    for (let k = 0; k < 10; k++)
      await new Promise((resolve) => client.makeUnaryRequest(get.path, bytes, bytes, Buffer.from('get ' + i), resolve));
    if (i % 5 === 0) {
      await recorder.flush();
      process.stdout.write(i + '\\n');
    }
  }
`;

test('case 38: of a service that is killed, everything that was flushed is there; calls without an end say so', async () => {
  using folder = new Folder();
  const path = folder.file('killed.hose');
  const child = spawn(process.execPath, ['--input-type=module', '-e', endless, path], {
    cwd: join(root, 'packages/grpc-adapter'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let flushed = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    flushed = Number(line);
    if (flushed >= 50 && child.exitCode === null) child.kill('SIGKILL');
  }
  const exchanges = assembleAll(await eventsIn(path, 'salvage'));
  const [stream] = exchanges.filter(({ operation }) => operation === 'a.Service/Chat');
  expect(stream?.partial).toEqual(['no-end']);
  expect(stream === undefined ? [] : answers(stream).slice(0, flushed)).toEqual(
    Array.from({ length: flushed }, (_, i) => `message ${i + 1}`),
  );
  const gets = exchanges.filter(({ operation }) => operation === 'a.Service/Get');
  expect(gets.filter(({ partial }) => partial.length === 0).length).toBeGreaterThanOrEqual(flushed * 10);
});

test('case 39: a wall clock that steps while a call is open changes neither its order nor its distances', async () => {
  const clock = new ManualClock({ nowNs: 5e9, wallMs: 1_000_000 });
  const { sink } = await askedOnce({ clock }, async ({ client }) => {
    const call = chat(client);
    const all = seen(call);
    await ping(call, 'before');
    clock.advanceMs(20);
    clock.stepWallMs(-3_600_000);
    await ping(call, 'after');
    clock.advanceMs(20);
    call.end();
    await all;
  });
  const times = sink.events.filter(({ type }) => type === 'message').map(({ at }) => at / 1e6);
  expect(new Set(times)).toEqual(new Set([0, 20]));
  const ends = sink.events.filter(({ type }) => type === 'end').map(({ at }) => at / 1e6);
  expect(new Set(ends)).toEqual(new Set([40]));
  expect(sink.header?.wallMs).toBe(1_000_000);
});

test('case 11: a connection that is as old as it may be is closed after its calls; later ones have another, and another lane', async () => {
  const { recorder, told, sink } = recording();
  {
    await using running = await serve(
      {},
      (server) => {
        tapServer(server, recorder);
      },
      { server: { 'grpc.max_connection_age_ms': 60, 'grpc.max_connection_age_grace_ms': 10_000 } },
    );
    const call = chat(running.client);
    const all = seen(call);
    const lanes = () => new Set(sink.events.flatMap((event) => (event.type === 'start' ? [event.lane] : [])));
    await ping(call, 'one');
    await vi.waitFor(
      async () => {
        await unary(running.client, 'again');
        await recorder.flush();
        expect(lanes().size).toBeGreaterThan(1);
      },
      { timeout: 5000, interval: 5 },
    );
    await ping(call, 'two');
    call.end();
    expect((await all).at(-1)).toMatch(/^status 0/);
  }
  const lines = await told();
  expect(lines).toContain('1 response 1 "two"');
  expect(lines).toContain('1 end response');
});

test('case 27: what a client does to its buffers after it has sent them does not change what was recorded', async () => {
  const { recorder, told } = recording();
  {
    await using running = await serve({}, undefined, { client: tapChannel(recorder, { grpc }) });
    const call = chat(running.client);
    const all = seen(call);
    const message = Buffer.from('hello');
    call.write(message, () => message.fill(0x21));
    call.once('data', (answer: Buffer) => {
      answer.fill(0x3f);
      call.end();
    });
    await all;
  }
  const lines = await told();
  expect(lines).toContain('1 request 0 "hello"');
  expect(lines).toContain('1 response 0 "hello"');
});

test('case 28: grpc-js is one whether it is imported or required, and is recorded once', async () => {
  const required: typeof grpc = createRequire(import.meta.url)('@grpc/grpc-js');
  expect(required.Server).toBe(grpc.Server);
  const { recorder, told } = recording();
  const detaches = [attach(recorder, { grpc }), attach(recorder, { grpc: required })];
  {
    await using running = await serve({});
    await unary(running.client, 'hello');
  }
  for (const detach of detaches) detach();
  const lines = await told();
  expect(lines.filter((line) => line.includes('start'))).toHaveLength(1);
});

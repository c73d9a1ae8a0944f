import { assembleAll } from '@gardenhose/core/testing';
import type * as grpc from '@grpc/grpc-js';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { tapServer } from '../../src/tap-server.ts';
import {
  callHead,
  converse,
  flags,
  frame,
  framesIn,
  frameType,
  headerBlock,
  isOver,
  isPonged,
  preface,
  reset,
} from '../support/frames.ts';
import { framed } from '../support/hard-case.ts';
import { type Recording, recording, unaryCall } from '../support/recording.ts';
import { type Handlers, serve, unary } from '../support/service.ts';

// What a tapped server records of clients that write frames of HTTP/2 as no library would.

const settings = frame(frameType.settings, 0, 0);
const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));
const { endHeaders, endStream, padded } = flags;

/** What a server answers to the same frames without the tap and with it must be the same. Gives what was recorded. */
async function answeredAlike(
  pieces: readonly Uint8Array[],
  enough: (answer: Buffer) => boolean = isOver(1),
  handlers: Handlers = {},
): Promise<{ lines: string[]; sink: Recording['sink'] }> {
  const { recorder, told, sink } = recording();
  const answers: unknown[] = [];
  for (const tapped of [false, true]) {
    await using running = await serve(handlers, (server) => {
      if (tapped) tapServer(server, recorder);
    });
    const answer = await converse(running.port, [preface, settings, ...pieces], enough);
    const shown = framesIn(answer).filter(
      ({ stream, type }) => stream === 1 && type !== frameType.windowUpdate,
    );
    // Heads are not compared: the time is in them.
    answers.push(
      shown.map(({ type, flag, payload }) => [type, flag, type === frameType.data ? payload : '']),
    );
    if (tapped) await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
  }
  expect(answers[1]).toEqual(answers[0]);
  expect(recorder.stats()).toMatchObject({ tapFailures: 0 });
  return { lines: await told(), sink };
}

const head = (...more: readonly (readonly [string, string | Uint8Array])[]): Buffer =>
  frame(frameType.headers, endHeaders, 1, headerBlock(callHead('/test.Echo/Unary', ...more)));
const hello = frame(frameType.data, endStream, 1, framed('hello'));
const valuesOf = (sink: Recording['sink'], name: string): string[] => {
  const start = sink.events.find((event) => event.type === 'start');
  return (start?.headers ?? []).filter((_, i, all) => i % 2 === 1 && all[i - 1] === name);
};

test('case 14: a call of JSON, and one of gRPC-Web that reaches a server of gRPC, are calls by their type', async () => {
  for (const type of ['application/grpc+json', 'application/grpc-web', 'application/grpc-web-text']) {
    const fields = callHead('/test.Echo/Unary').map(([name, value]) =>
      name === 'content-type' ? ([name, type] as const) : ([name, value] as const),
    );
    const start = frame(frameType.headers, endHeaders, 1, headerBlock(fields));
    const { lines, sink } = await answeredAlike([start, hello]);
    expect(lines).toEqual(unaryCall);
    expect(valuesOf(sink, 'content-type')).toEqual([type]);
  }
});

test('case 14: a request that is no call at all is recorded with the refusal', async () => {
  const fields = [[':method', 'GET'] as const, ...callHead('/').filter(([name]) => /^:[sa]/.test(name))];
  const { lines } = await answeredAlike([
    frame(frameType.headers, endHeaders | endStream, 1, headerBlock([...fields, [':path', '/page']])),
  ]);
  expect(lines).toEqual(['1 start /page', '1 end request', '1 headers 415', '1 end response']);
});

test('case 18: padded frames, frames of nothing, and a prefix in two of them', async () => {
  const pad = (length: number, bytes: Uint8Array) =>
    Buffer.concat([Buffer.of(length), bytes, Buffer.alloc(length)]);
  const message = framed('hello');
  const { lines } = await answeredAlike([
    head(),
    frame(frameType.data, padded, 1, pad(7, message.subarray(0, 3))),
    frame(frameType.data, 0, 1),
    frame(frameType.data, padded, 1, pad(0, message.subarray(3, 6))),
    frame(frameType.data, endStream, 1, message.subarray(6)),
  ]);
  expect(lines).toEqual(unaryCall);
});

test('case 18: a head over many frames, and trailers behind the request', async () => {
  const long = 'v'.repeat(12_000);
  const block = headerBlock(callHead('/test.Echo/Unary', ['long', long]));
  const { lines, sink } = await answeredAlike([
    frame(frameType.headers, 0, 1, block.subarray(0, 3)),
    frame(frameType.continuation, 0, 1, block.subarray(3, 1000)),
    frame(frameType.continuation, endHeaders, 1, block.subarray(1000)),
    frame(frameType.data, 0, 1, framed('hello')),
    frame(frameType.headers, endHeaders | endStream, 1, headerBlock([['x-behind', 'it']])),
  ]);
  expect(lines).toEqual(unaryCall);
  expect(valuesOf(sink, 'long')).toEqual([long]);
});

test('case 19: values beyond ASCII, empty ones and those of two equal names are recorded as Node reads them', async () => {
  vi.spyOn(console, 'error').mockReturnValue();
  const { lines, sink } = await answeredAlike([
    head(
      ['colour', 'grün'],
      ['raw', Buffer.of(0xff, 0xfe)],
      ['empty', ''],
      ['sum-bin', 'AQ'],
      ['sum-bin', 'Ag=='],
    ),
    hello,
  ]);
  expect(lines).toEqual(unaryCall);
  // A character for each byte; grpc-js drops both.
  expect(valuesOf(sink, 'colour')).toEqual([Buffer.from('grün').toString('latin1')]);
  expect(valuesOf(sink, 'raw')).toEqual(['ÿþ']);
  expect(valuesOf(sink, 'empty')).toEqual(['']);
  expect(valuesOf(sink, 'sum-bin')).toEqual(['AQ', 'Ag==']);
  vi.restoreAllMocks();
});

test('case 19: a value with spaces around it is recorded as the application gets it, which Node decides', async () => {
  const got: unknown[] = [];
  const handler = (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
    got.push(call.metadata.get('spaced'), call.metadata.get('plain'));
    answer(null, call.request);
  };
  const pieces = [head(['spaced', '  one, two '], ['plain', 'one, two']), hello];
  const { lines, sink } = await answeredAlike(pieces, isOver(1), { unary: handler });
  expect(lines).toEqual(unaryCall);
  expect(got.slice(2)).toEqual([valuesOf(sink, 'spaced'), ['one, two']]);
});

test('case 20: both of two credentials are recorded', async () => {
  const { lines, sink } = await answeredAlike([
    head(['authorization', 'Bearer one'], ['authorization', 'Bearer two']),
    hello,
  ]);
  expect(lines).toEqual(unaryCall);
  expect(valuesOf(sink, 'authorization')).toEqual(['Bearer one', 'Bearer two']);
});

test.each(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', ':odd'])(
  'case 20: a request with %s is refused by Node before it is a call, and not recorded',
  async (name) => {
    const { lines } = await answeredAlike([head([name, 'x']), hello]);
    expect(lines).toEqual([]);
  },
);

test('case 26: pings between messages are answered, and are nothing of the call', async () => {
  const { lines } = await answeredAlike([
    head(),
    ping,
    frame(frameType.data, 0, 1, framed('hello').subarray(0, 4)),
    ping,
    frame(frameType.data, endStream, 1, framed('hello').subarray(4)),
  ]);
  expect(lines).toEqual(unaryCall);
});

test('a stream that is reset twice, and written to afterwards, is one call that broke off', async () => {
  const { lines } = await answeredAlike(
    [
      frame(frameType.headers, endHeaders, 1, headerBlock(callHead('/test.Echo/Chat'))),
      frame(frameType.data, 0, 1, framed('one')),
      reset(1, 8),
      reset(1, 2),
      frame(frameType.data, 0, 1, framed('two')),
      ping,
    ],
    isPonged,
  );
  expect(lines[0]).toBe('1 start /test.Echo/Chat');
  expect(lines.filter((line) => line.includes('abort'))).toEqual(['1 abort client RST_STREAM 8']);
  expect(lines.at(-1)).toMatch(/abort/);
  expect(lines.join()).not.toContain('two');
});

const anyBytes = fc.uint8Array({ maxLength: 40 });
const stream = fc.constantFrom(1, 1, 1, 3, 3, 5, 2, 0);
const piece = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(stream, anyBytes).map(([id, bytes]) => frame(0, 0, id, framed(Buffer.from(bytes)))),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(stream, fc.nat(9), anyBytes).map(([id, flag, bytes]) => frame(0, flag, id, bytes)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom(1, 3, 5),
        fc.constantFrom('Unary', 'Chat', 'List', 'Upload', 'None', ''),
        fc.constantFrom<readonly [string, string]>(
          ['grpc-encoding', 'gzip'],
          ['grpc-timeout', '1m'],
          ['grpc-timeout', '-1'],
          ['x-shadow-traffic', 'truely'],
          ['content-type', 'text/plain'],
          ['x', '\u0000'],
        ),
      )
      .map(([id, name, field]) =>
        frame(1, endHeaders, id, headerBlock(callHead(`/test.Echo/${name}`, field))),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(stream, fc.nat(0x2f), anyBytes).map(([id, flag, bytes]) => frame(1, flag, id, bytes)),
  },
  { weight: 2, arbitrary: fc.tuple(stream, fc.nat(15)).map(([id, code]) => reset(id, code)) },
  { weight: 1, arbitrary: fc.constant(ping) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(10), fc.nat(255), stream, anyBytes).map((all) => frame(...all)) },
);

test('whatever frames a client writes, the tap neither fails nor leaves a call without its end, and the server goes on', async () => {
  const { recorder, sink } = recording();
  const chat = frame(frameType.headers, endHeaders, 1, headerBlock(callHead('/test.Echo/Chat')));
  {
    await using running = await serve({}, (server) => {
      tapServer(server, recorder);
    });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), async (pieces) => {
        await converse(running.port, [preface, settings, chat, ...pieces, ping], isPonged);
        expect((await unary(running.client, 'still here')).toString()).toBe('still here');
      }),
      { numRuns: 300, endOnFailure: true },
    );
  }
  // Node keeps streams of a connection that it has refused until the server is closed.
  await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
  const { tapFailures, recorded } = await recorder.close();
  expect(tapFailures).toBe(0);
  const all = assembleAll(sink.events);
  expect(all.length).toBe(recorded);
  expect(recorded).toBeGreaterThanOrEqual(600);
  expect(all.filter(({ partial }) => partial.length > 0)).toEqual([]);
}, 60_000);

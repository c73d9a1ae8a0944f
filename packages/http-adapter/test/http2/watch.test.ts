import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import {
  connect,
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Stream,
} from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { ask, behavesAlike, seen } from '../support/http2-scene.ts';
import type { MemoryTarget, Seen } from '../support/memory-target.ts';

/** The events of an exchange behind its start, without its number, and with the dates left out. */
function rest(target: MemoryTarget, exchange = 1): unknown[] {
  return target
    .of(exchange)
    .slice(1)
    .map(({ exchange: _, ...event }) => shown(event));
}

function shown(event: Omit<Seen, 'exchange'>): unknown {
  if (!('headers' in event) || !Array.isArray(event.headers)) return event;
  const headers: readonly string[] = event.headers;
  return { ...event, headers: headers.map((text, i) => (headers[i - 1] === 'date' ? '(now)' : text)) };
}

const dated = ['date', '(now)'];
const requestEnd = { type: 'end', side: 'request', complete: true };
const responseEnd = { type: 'end', side: 'response', complete: true };
const head = (status: number, headers: readonly string[]) => ({
  type: 'headers',
  status,
  reason: '',
  version: '2',
  headers,
});
const chunk = (side: string, data: string) => ({ type: 'chunk', side, data: Buffer.from(data, 'latin1') });

type Handler = (req: Http2ServerRequest, res: Http2ServerResponse) => void;

test('a request of the compatibility API: raw headers, pseudo-headers apart, body and answer', () =>
  behavesAlike({
    app: (server, { note }) => {
      const handler: Handler = async (req, res) => {
        const body = await text(req);
        note([body, req.rawHeaders.slice(8)]);
        res.setHeader('X-Own-Case', ['1', '2']);
        res.writeHead(201, { 'content-length': body.length + 3 });
        res.write('got');
        res.end(body);
      };
      server.on('request', handler);
    },
    drive: ({ client }) =>
      ask(client, { ':path': '/a?b=1', ':method': 'POST', 'x-b': ['1', '2'], 'x-a': '3' }, 'hello'),
    recorded: (target) => {
      const [start] = target.starts;
      expect(start).toMatchObject({
        direction: 'inbound',
        protocol: 'http',
        method: 'POST',
        target: '/a?b=1',
        version: '2',
        scheme: 'http',
        authority: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        headers: ['x-b', '1', 'x-b', '2', 'x-a', '3'],
      });
      expect(rest(target)).toEqual([
        chunk('request', 'hello'),
        requestEnd,
        head(201, ['x-own-case', '1', 'x-own-case', '2', 'content-length', '8', ...dated]),
        chunk('response', 'got'),
        chunk('response', 'hello'),
        responseEnd,
      ]);
    },
  }));

test('the stream API: respond, write, end, in the order given', () =>
  behavesAlike({
    app: (server) => {
      server.on('stream', (stream) => {
        stream.respond({ 'X-B': 'Größe'.normalize(), ':status': 202, 'x-n': 7 });
        stream.write(Buffer.from('one,'));
        stream.write('74776f', 'hex');
        stream.end(',three');
      });
    },
    drive: ({ client }) => ask(client, { ':path': '/' }),
    recorded: (target) => {
      expect(rest(target)).toEqual([
        requestEnd,
        head(202, ['x-b', 'Größe', 'x-n', '7', ...dated]),
        chunk('response', 'one,'),
        chunk('response', 'two'),
        chunk('response', ',three'),
        responseEnd,
      ]);
    },
  }));

test('an answer without respond() has the head that Node makes, before its body', () =>
  behavesAlike({
    app: (server) => {
      server.on('stream', (stream) => {
        stream.cork();
        stream.write('a');
        process.nextTick(() => {
          stream.uncork();
          stream.end('b');
        });
      });
    },
    drive: ({ client }) => ask(client, { ':path': '/' }),
    recorded: (target) => {
      expect(rest(target)).toEqual([
        requestEnd,
        head(200, dated),
        chunk('response', 'a'),
        chunk('response', 'b'),
        responseEnd,
      ]);
    },
  }));

test('informational heads: 100 before the body comes, 103 with its links', () =>
  behavesAlike({
    app: (server) => {
      const handler: Handler = async (req, res) => {
        res.writeEarlyHints({ link: '</a.css>; rel=preload' });
        res.end(await text(req));
      };
      server.on('request', handler);
    },
    drive: async ({ client }) => {
      const stream = client.request({ ':path': '/', ':method': 'POST', expect: '100-continue' });
      stream.on('continue', () => stream.end('body'));
      return seen(stream);
    },
    recorded: (target) => {
      expect(rest(target)).toEqual([
        head(100, []),
        head(103, ['link', '</a.css>; rel=preload']),
        chunk('request', 'body'),
        requestEnd,
        head(200, dated),
        chunk('response', 'body'),
        responseEnd,
      ]);
    },
  }));

test('trailers of both sides', () =>
  behavesAlike({
    app: (server, { note }) => {
      const handler: Handler = async (req, res) => {
        const body = await text(req);
        note(req.rawTrailers);
        res.setHeader('trailer', 'x-sum');
        res.write(body);
        res.addTrailers({ 'X-Sum': '9' });
        res.end();
      };
      server.on('request', handler);
    },
    drive: ({ client }) => {
      const stream = client.request({ ':path': '/', ':method': 'POST' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-a': '1', 'x-b': '2' }));
      stream.end('body');
      return seen(stream);
    },
    recorded: (target) => {
      expect(rest(target)).toEqual([
        chunk('request', 'body'),
        { type: 'trailers', side: 'request', headers: ['x-a', '1', 'x-b', '2'] },
        requestEnd,
        head(200, ['trailer', 'x-sum', ...dated]),
        chunk('response', 'body'),
        { type: 'trailers', side: 'response', headers: ['x-sum', '9'] },
        responseEnd,
      ]);
    },
  }));

for (const [name, method, status, given] of [
  ['HEAD', 'HEAD', 200, 'body'],
  ['204', 'GET', 204, ''],
  ['304', 'GET', 304, ''],
  ['a redirect without a body', 'GET', 302, ''],
] as const) {
  test(`an answer without a body: ${name}`, () =>
    behavesAlike({
      app: (server) => {
        const handler: Handler = (_, res) => {
          res.statusCode = status;
          res.end(given);
        };
        server.on('request', handler);
      },
      drive: ({ client }) => ask(client, { ':path': '/', ':method': method }),
      recorded: (target) => {
        expect(rest(target)).toEqual([requestEnd, head(status, dated), responseEnd]);
      },
    }));
}

test('a body of 3 MB each way passes whole, and the tap sees every byte once', () => {
  const large = Buffer.alloc(3_000_000, 'abcdefghij');
  return behavesAlike({
    app: (server) => {
      server.on('stream', (stream) => {
        stream.respond();
        stream.pipe(stream);
      });
    },
    drive: async ({ client }) => (await ask(client, { ':path': '/', ':method': 'POST' }, large)).body.length,
    recorded: (target) => {
      expect(target.body(1, 'request').equals(large)).toBe(true);
      expect(target.body(1, 'response').equals(large)).toBe(true);
      expect(rest(target)).toContainEqual(requestEnd);
      expect(rest(target).at(-1)).toEqual(responseEnd);
    },
  });
});

test('a body that is read late is recorded as it came, and one that nobody reads as far as it came', () =>
  behavesAlike({
    app: (server, { note }) => {
      const handler: Handler = async (req, res) => {
        if (req.url === '/late') {
          await new Promise((resolve) => setImmediate(resolve));
          note(await text(req));
        }
        res.end('ok');
      };
      server.on('request', handler);
    },
    drive: async ({ client }) => {
      const late = await ask(client, { ':path': '/late', ':method': 'POST' }, 'hello');
      const stream = client.request({ ':path': '/never', ':method': 'POST' });
      stream.write('half');
      const never = seen(stream);
      await new Promise((resolve) => stream.once('response', resolve));
      stream.close();
      return [late, (await never).head];
    },
    over: 2,
    recorded: (target) => {
      expect(target.body(1, 'request').toString()).toBe('hello');
      expect(rest(target, 1)).toContainEqual(requestEnd);
      expect(rest(target, 2)).toContainEqual(responseEnd);
      expect(rest(target, 2)).toContainEqual({ ...requestEnd, complete: false });
    },
  }));

test('buffers that the application uses again were recorded as they were', () =>
  behavesAlike({
    app: (server) => {
      server.on('stream', (stream) => {
        const buffer = Buffer.from('AAAA');
        stream.respond();
        stream.write(buffer, () => {
          buffer.fill('B');
          stream.end(buffer);
          setImmediate(() => buffer.fill('C'));
        });
      });
    },
    drive: async ({ client }) => (await ask(client, { ':path': '/' })).head,
    recorded: (target) => expect(target.body(1, 'response').toString()).toBe('AAAABBBB'),
  }));

test('a client that resets within the answer, or within its body, is told as such', () =>
  behavesAlike({
    app: (server, { note }) => {
      server.on('stream', (stream, headers) => {
        stream.on('aborted', () => note(`aborted ${String(headers[':path'])}`));
        stream.on('error', () => undefined);
        stream.resume();
        if (headers[':path'] === '/down') stream.respond();
        if (headers[':path'] === '/down') stream.write('some');
      });
    },
    drive: async ({ client, noted }) => {
      const down = client.request({ ':path': '/down' });
      down.once('data', () => down.close(constants.NGHTTP2_CANCEL));
      const downView = await seen(down);
      await noted('aborted /down');
      const up = client.request({ ':path': '/up', ':method': 'POST' });
      const upView = seen(up);
      up.write('half', () => up.close(constants.NGHTTP2_INTERNAL_ERROR));
      await noted('aborted /up');
      return [downView.rstCode, (await upView).rstCode];
    },
    over: 2,
    recorded: (target) => {
      expect(rest(target, 1).slice(2)).toEqual([
        chunk('response', 'some'),
        { type: 'abort', by: 'client', code: 'RST_STREAM 8' },
      ]);
      expect(rest(target, 2).at(-1)).toEqual({ type: 'abort', by: 'client', code: 'RST_STREAM 2' });
      expect(rest(target, 2)).not.toContainEqual(requestEnd);
    },
  }));

test('a client whose connection goes away is told as such', () =>
  behavesAlike({
    app: (server) => {
      server.on('stream', (stream) => {
        stream.on('error', () => undefined);
        stream.respond();
        stream.write('some');
      });
    },
    drive: async ({ origin }) => {
      const client = connect(origin);
      client.on('error', () => undefined);
      const stream = client.request({ ':path': '/' });
      const view = seen(stream);
      stream.once('data', () => client.destroy());
      return (await view).ended;
    },
    recorded: (target) => {
      // A client that destroys its connection may say so by a GOAWAY before.
      expect(rest(target).at(-1)).toMatchObject({ type: 'abort', by: 'client' });
    },
  }));

for (const [name, act, code] of [
  [
    'closes the stream with a code',
    (stream) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    'RST_STREAM 11',
  ],
  ['closes it without one', (stream) => stream.close(), 'RST_STREAM 0'],
  ['destroys it', (stream) => stream.destroy(), 'RST_STREAM 0'],
  ['destroys it with an error', (stream) => stream.destroy(new Error('own')), 'RST_STREAM 2'],
  ['destroys the connection', (stream) => stream.session?.destroy(), 'destroyed'],
] as const satisfies readonly (readonly [string, (stream: ServerHttp2Stream) => void, string])[]) {
  test(`an application that ${name} is told as such`, () =>
    behavesAlike({
      app: (server) => {
        server.on('stream', (stream) => {
          stream.on('error', () => undefined);
          stream.respond();
          stream.write('some', () => setImmediate(act, stream));
        });
      },
      drive: async ({ client }) => {
        const { body, rstCode, ended } = await seen(client.request({ ':path': '/' }));
        return { body, rstCode, ended };
      },
      recorded: (target) => expect(rest(target).at(-1)).toEqual({ type: 'abort', by: 'server', code }),
    }));
}

test('a file: its head is recorded, and that its bytes were not seen', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gardenhose-'));
  const path = join(folder, 'a.txt');
  writeFileSync(path, 'of the file');
  const fd = openSync(path, 'r');
  return behavesAlike({
    app: (server) => {
      server.on('stream', (stream, headers) => {
        if (headers[':path'] === '/fd') stream.respondWithFD(fd, { 'x-a': '1' }, { offset: 0, length: 6 });
        else stream.respondWithFile(path, { 'x-b': '1' });
      });
    },
    drive: async ({ client }) => [
      await ask(client, { ':path': '/fd' }),
      await ask(client, { ':path': '/file' }),
    ],
    over: 2,
    recorded: (target) => {
      const unseen = { ...responseEnd, complete: false };
      expect(rest(target, 1)).toEqual([requestEnd, head(200, ['x-a', '1', ...dated]), unseen]);
      expect(rest(target, 2)).toMatchObject([requestEnd, { type: 'headers', status: 200 }, unseen]);
    },
  }).finally(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
});

test('pushed streams and CONNECT are left alone', () =>
  behavesAlike({
    app: (server) => {
      server.on('stream', (stream, headers) => {
        if (headers[':method'] === 'CONNECT') {
          stream.respond();
          stream.end('tunnel');
          return;
        }
        stream.pushStream({ ':path': '/pushed' }, (error, pushed) => {
          if (error === null) {
            pushed.respond();
            pushed.end('more');
          }
        });
        stream.respond();
        stream.end('asked');
      });
    },
    drive: async ({ client }) => {
      const pushed = new Promise((resolve) => {
        client.once(
          'stream',
          (stream, headers) => void text(stream).then((body) => resolve([headers[':path'], body])),
        );
      });
      const tunnel = await ask(client, { ':method': 'CONNECT', ':authority': 'a:1' });
      return [tunnel, await ask(client, { ':path': '/' }), await pushed];
    },
    recorded: (target) => {
      expect(target.starts.map((start) => start.target)).toEqual(['/']);
      expect(target.body(1, 'response').toString()).toBe('asked');
    },
  }));

test('exchanges of one connection share a lane, and each has its own events', () =>
  behavesAlike({
    app: (server) => {
      server.on('stream', (stream, headers) => {
        stream.respond();
        setImmediate(() => stream.end(String(headers[':path'])));
      });
    },
    drive: async ({ client, origin }) => {
      const other = connect(origin);
      const views = await Promise.all([
        ...Array.from({ length: 20 }, (_, i) => ask(client, { ':path': `/${i}` })),
        ask(other, { ':path': '/other' }),
      ]);
      other.destroy();
      return views;
    },
    over: 21,
    recorded: (target) => {
      const lanes = new Map(target.starts.map(({ target: path, lane }) => [path, lane]));
      expect(new Set(lanes.values()).size).toBe(2);
      expect(lanes.get('/0')).toBe(lanes.get('/19'));
      for (const { exchange, target: path } of target.starts) {
        expect(target.body(exchange, 'response').toString()).toBe(path);
      }
    },
  }));

test('the application sees the same listeners on its streams', () =>
  behavesAlike({
    app: (server, { note }) => {
      const handler: Handler = (req, res) => {
        const names = req.stream.eventNames().map(String).sort();
        note(names.map((name) => [name, req.stream.listenerCount(name)]));
        res.end();
      };
      server.on('request', handler);
    },
    drive: ({ client }) => ask(client, { ':path': '/', ':method': 'POST' }, 'a'),
    recorded: (target) => expect(target.starts).toHaveLength(1),
  }));

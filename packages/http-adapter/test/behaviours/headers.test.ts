// Behaviours 18 to 26 of docs/notes/node-http.md: heads, trailers and informational heads.

import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { expect } from 'vitest';
import { asked, behaviour } from '../support/behaviour.ts';

behaviour('18 and 19 repeated headers keep their number, case and order, both ways', {
  app:
    ({ note }) =>
    (req, res) => {
      note(req.rawHeaders);
      res.setHeader('Set-Cookie', ['a=1', 'b=2']);
      res.setHeader('x-LOUD', 'yes');
      res.end('ok');
    },
  drive: async ({ client }) => {
    client.write(asked('GET /', ['x-B: 2', 'X-a: 1', 'X-b: 3', 'Cookie: c=1', 'cookie: d=2']));
    await client.until('ok');
  },
  recorded: (target) => {
    const sent = ['Host', 'a', 'x-B', '2', 'X-a', '1', 'X-b', '3', 'Cookie', 'c=1', 'cookie', 'd=2'];
    expect(target.starts[0]?.headers).toEqual(sent);
    const back = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'x-LOUD', 'yes'];
    expect(target.last(1, 'headers')?.headers.slice(0, 6)).toEqual(back);
  },
});

behaviour('18 and 19 headers given to writeHead() as object, list or pairs are recorded as they go out', {
  app: () => (req, res) => {
    if (req.url === '/object') res.writeHead(200, { 'X-A': ['1', '2'], 'x-b': '3' });
    else if (req.url === '/list') res.writeHead(200, ['X-A', '1', 'x-a', '2']);
    else res.setHeader('X-Set', '0').writeHead(200, 'Fine', { 'X-A': '1' });
    res.end(`(${req.url})`);
  },
  drive: async ({ client }) => {
    for (const path of ['/object', '/list', '/merged']) {
      client.write(asked(`GET ${path}`));
      await client.until(`(${path})`);
    }
  },
  over: 3,
  recorded: (target) => {
    const own = (exchange: number): unknown => target.last(exchange, 'headers')?.headers.slice(0, 6);
    expect(own(1)).toEqual(['X-A', '1', 'X-A', '2', 'x-b', '3']);
    expect(own(2)).toMatchObject(['X-A', '1', 'x-a', '2', 'Date', {}]);
    expect(own(3)).toMatchObject(['X-Set', '0', 'X-A', '1', 'Date', {}]);
  },
});

behaviour('20 the application sees repeated headers folded as ever, the capture sees each', {
  app:
    ({ note }) =>
    (req, res) => {
      note(req.headers);
      res.end('ok');
    },
  drive: async ({ client }) => {
    client.write(
      asked('GET /', ['Content-Type: a/a', 'content-type: b/b', 'X-D: 1', 'x-d: 2', 'Set-Cookie: e']),
    );
    await client.until('ok');
  },
  recorded: (target) => {
    expect(target.starts[0]?.headers.slice(2)).toEqual([
      'Content-Type',
      'a/a',
      'content-type',
      'b/b',
      'X-D',
      '1',
      'x-d',
      '2',
      'Set-Cookie',
      'e',
    ]);
  },
});

behaviour('21 as many headers as the application lets in are recorded', {
  app:
    ({ note }) =>
    (req, res) => {
      note(req.rawHeaders.length);
      for (let i = 0; i < 2100; i += 1) res.setHeader(`x-${i}`, i);
      res.end('ok');
    },
  server: (listener) => {
    const server = createServer({ maxHeaderSize: 1 << 20 }, listener);
    server.maxHeadersCount = 0;
    return server;
  },
  drive: async ({ client }) => {
    client.write(
      asked(
        'GET /',
        Array.from({ length: 2100 }, (_, i) => `x-${i}: ${i}`),
      ),
    );
    await client.until(/\r\n\r\nok$/);
  },
  recorded: (target) => {
    expect(target.starts[0]?.headers).toHaveLength(2 * 2101);
    expect(target.last(1, 'headers')?.headers.slice(4198, 4200)).toEqual(['x-2099', '2099']);
  },
});

behaviour('22 header values in latin1 keep their bytes', {
  app:
    ({ note }) =>
    (req, res) => {
      note(req.headers['x-name']);
      res.setHeader('X-Name', 'Größe');
      res.end('ok');
    },
  drive: async ({ client }) => {
    client.write(asked('GET /', ['X-Name: J\xfcrgen']));
    await client.until('ok');
  },
  recorded: (target) => {
    expect(target.starts[0]?.headers).toContain('J\xfcrgen');
    expect(target.last(1, 'headers')?.headers).toContain('Gr\xf6\xdfe');
  },
});

behaviour('23 a header named __proto__ is a header', {
  app:
    ({ note }) =>
    (req, res) => {
      note(Object.keys(req.headers).sort());
      res.writeHead(200, ['__proto__', 'back', 'constructor', 'too']);
      res.end('ok');
    },
  drive: async ({ client }) => {
    client.write(asked('GET /', ['__proto__: polluted', 'constructor: too']));
    await client.until('ok');
  },
  recorded: (target) => {
    expect(target.starts[0]?.headers.slice(2)).toEqual(['__proto__', 'polluted', 'constructor', 'too']);
    expect(target.last(1, 'headers')?.headers.slice(0, 4)).toEqual([
      '__proto__',
      'back',
      'constructor',
      'too',
    ]);
  },
});

behaviour('24 trailers, both ways, in their case and order', {
  app:
    ({ note }) =>
    async (req, res) => {
      await buffer(req);
      note([req.rawTrailers, req.trailers]);
      res.setHeader('Trailer', 'X-Sum');
      res.write('body');
      res.addTrailers([
        ['X-Sum', '1'],
        ['x-More', '2'],
      ]);
      res.end();
    },
  drive: async ({ client }) => {
    client.write(asked('POST /', ['Transfer-Encoding: chunked', 'Trailer: X-Up']));
    client.write('2\r\nhi\r\n0\r\nX-Up: 1\r\nx-up: 2\r\n\r\n');
    await client.until('x-More: 2\r\n\r\n');
  },
  recorded: (target) => {
    expect(target.of(1).filter((event) => event.type === 'trailers')).toEqual([
      { type: 'trailers', exchange: 1, side: 'request', headers: ['X-Up', '1', 'x-up', '2'] },
      { type: 'trailers', exchange: 1, side: 'response', headers: ['X-Sum', '1', 'x-More', '2'] },
    ]);
  },
});

behaviour('24 trailers that do not go out, for want of chunks, are not recorded', {
  app: () => (_, res) => {
    res.setHeader('Content-Length', 4);
    res.addTrailers({ 'X-Sum': '1' });
    res.end('body');
  },
  drive: async ({ client }) => {
    client.write(asked('GET /'));
    await client.until('body');
  },
  recorded: (target) => expect(target.last(1, 'trailers')).toBeUndefined(),
});

behaviour('25 status texts of one’s own, and none', {
  app: () => (req, res) => {
    res.statusMessage = req.url === '/own' ? 'Quite Good' : ' ';
    res.end(`(${req.url})`);
  },
  drive: async ({ client }) => {
    client.write(asked('GET /own'));
    await client.until('(/own)');
    client.write(asked('GET /none'));
    await client.until('(/none)');
  },
  over: 2,
  recorded: (target) => {
    expect(target.last(1, 'headers')?.reason).toBe('Quite Good');
    expect(target.last(2, 'headers')?.reason).toBe(' ');
  },
});

const heads = (target: { of(id: number): readonly { type: string }[] }): unknown =>
  target.of(1).flatMap((event) => ('status' in event ? [event.status] : []));

behaviour('26 100 Continue is sent by Node itself, and recorded', {
  app: () => async (req, res) => {
    const body = await buffer(req);
    res.end(body);
  },
  drive: async ({ client }) => {
    client.write(`${asked('POST /', ['Expect: 100-continue', 'Content-Length: 2'])}`);
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('hi');
    await client.until(/\r\n\r\nhi$/);
  },
  recorded: (target) => {
    expect(heads(target)).toEqual([100, 200]);
    expect(target.of(1).map(({ type }) => type)).toEqual([
      'start',
      'headers',
      'chunk',
      'end',
      'headers',
      'chunk',
      'end',
    ]);
  },
});

behaviour('26 100 Continue is sent or withheld by the application', {
  app: () => (_, res) => res.end('not this way'),
  server: (listener) =>
    createServer(listener).on('checkContinue', async (req, res) => {
      if (req.url === '/refuse') {
        res.writeHead(417).end('refused');
        return;
      }
      res.writeContinue();
      res.end(await buffer(req));
    }),
  drive: async ({ client, port }) => {
    client.write(asked('POST /', ['Expect: 100-continue', 'Content-Length: 2']));
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('hi');
    await client.until(/\r\n\r\nhi$/);
    client.write(asked('POST /refuse', ['Expect: 100-continue', 'Content-Length: 2']));
    await client.until('refused');
    return port > 0;
  },
  over: 2,
  recorded: (target) => {
    expect(heads(target)).toEqual([100, 200]);
    expect(target.last(2, 'headers')?.status).toBe(417);
    expect(target.of(2).filter((event) => event.type === 'end')).toMatchObject([
      { side: 'response', complete: true },
      { side: 'request', complete: false },
    ]);
  },
});

behaviour('26 early hints and 102 are recorded with their headers, in order', {
  app:
    ({ note }) =>
    (_, res) => {
      res.writeEarlyHints({ link: ['</a>; rel=preload', '</b>; rel=preload'], 'X-Own': '1' }, () =>
        note('hints out'),
      );
      res.writeEarlyHints({ link: [] });
      res.writeProcessing();
      res.end('ok');
    },
  drive: async ({ client }) => {
    client.write(asked('GET /'));
    await client.until(/\r\n\r\nok$/);
  },
  recorded: (target) => {
    expect(heads(target)).toEqual([103, 102, 200]);
    expect(target.of(1).find((event) => event.type === 'headers')).toMatchObject({
      reason: 'Early Hints',
      headers: ['Link', '</a>; rel=preload, </b>; rel=preload', 'X-Own', '1'],
    });
  },
});

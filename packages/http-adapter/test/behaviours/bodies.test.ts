// Behaviours 1 to 17 of docs/notes/node-http.md: bodies and their encodings.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer, json, text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { asked, behaviour, everyByte } from '../support/behaviour.ts';

const plain = JSON.stringify({ words: 'the garden hose '.repeat(40) });
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Answers with what came, under the same coding. */
const echo = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
  const body = await buffer(req);
  res.setHeader('Content-Length', body.length);
  if (req.headers['content-encoding'] !== undefined)
    res.setHeader('Content-Encoding', req.headers['content-encoding']);
  res.end(body);
};

behaviour('1 gzip with a length passes both ways as the bytes it is', {
  app:
    ({ note }) =>
    async (req, res) => {
      const body = await buffer(req);
      note(gunzipSync(body).toString());
      res.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': body.length });
      res.end(body);
    },
  drive: async ({ client }) => {
    client.write(asked('POST /', ['Content-Encoding: gzip'], latin1(gzipSync(plain))));
    await client.until(latin1(gzipSync(plain)));
  },
  recorded: (target) => {
    expect(target.body(1, 'request').equals(gzipSync(plain))).toBe(true);
    expect(target.body(1, 'response').equals(gzipSync(plain))).toBe(true);
  },
});

for (const [coding, bytes] of [
  ['br', brotliCompressSync(plain)],
  ['deflate', deflateSync(plain)],
  ['gzip, br', brotliCompressSync(gzipSync(plain))],
  ['x-own', Buffer.from('own coding')],
] as const) {
  behaviour(`2 and 4 the coding "${coding}", known or not, passes as the bytes it is`, {
    app: () => echo,
    drive: async ({ client }) => {
      client.write(asked('POST /', [`Content-Encoding: ${coding}`], latin1(bytes)));
      await client.until(latin1(bytes));
    },
    recorded: (target) => {
      expect(target.body(1, 'request').equals(bytes)).toBe(true);
      expect(target.body(1, 'response').equals(bytes)).toBe(true);
      expect(target.last(1, 'headers')?.headers).toContain(coding);
    },
  });
}

behaviour('3 a body that is not in the coding it declares gives the application its own error', {
  app:
    ({ note }) =>
    async (req, res) => {
      try {
        gunzipSync(await buffer(req));
      } catch (error) {
        note(String(error));
        res.writeHead(400).end('not gzip');
      }
    },
  drive: async ({ client }) => {
    client.write(asked('POST /', ['Content-Encoding: gzip'], 'plain'));
    await client.until('not gzip');
  },
  recorded: (target) => expect(target.body(1, 'request').toString()).toBe('plain'),
});

behaviour('5 bytes that are no UTF-8 pass both ways', {
  app: () => echo,
  drive: async ({ client }) => {
    client.write(asked('POST /', [], everyByte));
    await client.until(everyByte);
  },
  recorded: (target) => {
    expect(target.body(1, 'request').toString('latin1')).toBe(everyByte);
    expect(target.body(1, 'response').toString('latin1')).toBe(everyByte);
  },
});

behaviour('6 an empty body is not a missing one', {
  app:
    ({ note }) =>
    async (req, res) => {
      note([req.headers['content-length'], (await buffer(req)).length]);
      if (req.url === '/empty') res.writeHead(200, { 'Content-Length': 0 }).end();
      else res.end();
    },
  drive: async ({ client }) => {
    client.write(asked('POST /empty', [], ''));
    await client.until(/\r\n\r\n$/);
    client.write(asked('POST /missing'));
    await client.until(/\r\n\r\n[\s\S]+\r\n\r\n$/);
    client.write(`${asked('POST /chunked', ['Transfer-Encoding: chunked'])}0\r\n\r\n`);
    await client.until(/(\r\n\r\n[\s\S]+){2}\r\n\r\n$/);
  },
  over: 3,
  recorded: (target) => {
    expect(target.starts[0]?.headers).toContain('Content-Length');
    expect(target.starts[1]?.headers).not.toContain('Content-Length');
    for (const exchange of [1, 2, 3]) {
      expect(target.chunks(exchange, 'request')).toEqual([]);
      expect(target.chunks(exchange, 'response')).toEqual([]);
      expect(target.of(exchange).filter((event) => event.type === 'end')).toMatchObject([
        { side: 'request', complete: true },
        { side: 'response', complete: true },
      ]);
    }
  },
});

for (const [request, status] of [
  ['HEAD /', 200],
  ['GET /', 204],
  ['GET /', 304],
] as const) {
  behaviour(
    `7 ${request.slice(0, 4).trim()} with ${status} has no body on the wire, whatever the application writes`,
    {
      app:
        ({ note }) =>
        (_, res) => {
          res.statusCode = status;
          res.setHeader('X-Kept', '1');
          note(res.write('some'));
          res.end(' body', () => note('ended'));
        },
      drive: async ({ client, noted }) => {
        client.write(asked(request));
        await noted('ended');
        await client.until(/X-Kept: 1\r\n[\s\S]*\r\n\r\n$/);
      },
      recorded: (target) => {
        expect(target.last(1, 'headers')?.status).toBe(status);
        expect(target.chunks(1, 'response')).toEqual([]);
        expect(target.last(1, 'end')).toMatchObject({ side: 'response', complete: true });
      },
    },
  );
}

behaviour('8 GET with a body', {
  app: () => echo,
  drive: async ({ client }) => {
    client.write(asked('GET /search', [], '{"q":1}'));
    await client.until('{"q":1}');
  },
  recorded: (target) => expect(target.body(1, 'request').toString()).toBe('{"q":1}'),
});

behaviour('9 JSON that is none gives the application its own error', {
  app:
    ({ note }) =>
    async (req, res) => {
      await json(req).catch((error: Error) => note(error.name));
      res.writeHead(400, { 'Content-Type': 'application/json' }).end('{"no');
    },
  drive: async ({ client }) => {
    client.write(asked('POST /', ['Content-Type: application/json'], '{"a":'));
    await client.until('{"no');
  },
  recorded: (target) => {
    expect(target.body(1, 'request').toString()).toBe('{"a":');
    expect(target.body(1, 'response').toString()).toBe('{"no');
  },
});

behaviour('10 text of several bytes a character counts in bytes', {
  app: () => (_, res) => {
    const body = 'Größe 日本 🌷';
    res.setHeader('Content-Length', Buffer.byteLength(body));
    res.write(body.slice(0, 5));
    res.end(body.slice(5));
  },
  drive: async ({ client }) => {
    client.write(asked('GET /'));
    await client.until(Buffer.from('🌷').toString('latin1'));
  },
  recorded: (target) => expect(target.body(1, 'response').toString()).toBe('Größe 日本 🌷'),
});

behaviour('11 an upload of form data keeps its boundaries', {
  app: () => echo,
  drive: async ({ client }) => {
    const body = `--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n${everyByte}\r\n--x--\r\n`;
    client.write(asked('POST /', ['Content-Type: multipart/form-data; boundary=x'], body));
    await client.until('\r\n--x--\r\n');
  },
  recorded: (target) => {
    expect(target.body(1, 'request').toString('latin1')).toContain(`\r\n\r\n${everyByte}\r\n--x--\r\n`);
  },
});

behaviour('12 uploads as buffer, array buffer, text and stream arrive alike', {
  app:
    ({ note }) =>
    async (req, res) => {
      note((await buffer(req)).toString());
      res.end('ok');
    },
  drive: async ({ origin }) => {
    const bytes = new TextEncoder().encode('upload');
    const stream = (): ReadableStream => new Blob([bytes]).stream();
    for (const body of [Buffer.from(bytes), bytes.buffer, 'upload', stream()]) {
      const init = { method: 'POST', body, duplex: 'half' as const };
      await (await fetch(origin, init)).text();
    }
  },
  over: 4,
  recorded: (target) => {
    for (const exchange of [1, 2, 3, 4]) expect(target.body(exchange, 'request').toString()).toBe('upload');
  },
});

const large = 'gardenhose'.repeat(400_000);

behaviour('13 and 14 4 MB arrive whole, across pauses, and go out whole against a slow reader', {
  app:
    ({ note }) =>
    (req, res) => {
      let size = 0;
      req.on('data', (chunk: Buffer) => {
        size += chunk.length;
        req.pause();
        void setImmediate().then(() => req.resume());
      });
      req.on('end', () => {
        note(size);
        res.setHeader('Content-Length', large.length);
        res.end(large);
      });
    },
  events: 'lifecycle',
  drive: async ({ client }) => {
    client.write(asked('POST /', [], large));
    client.socket.pause();
    await setImmediate();
    client.socket.resume();
    while (client.text.length < large.length) await client.more();
    await client.until(/gardenhose$/);
  },
  recorded: (target) => {
    expect(target.body(1, 'request').equals(Buffer.from(large))).toBe(true);
    expect(target.body(1, 'response').equals(Buffer.from(large))).toBe(true);
  },
});

behaviour('15 setEncoding() in the application changes nothing of what is recorded', {
  app:
    ({ note }) =>
    (req, res) => {
      req.setEncoding('utf8');
      let body = '';
      req.on('data', (chunk: string) => {
        body += chunk;
      });
      req.on('end', () => {
        note(body);
        res.end(Buffer.from(body).toString('hex'), 'hex');
      });
    },
  drive: async ({ client }) => {
    const bytes = Buffer.from('Größe').toString('latin1');
    client.write(asked('POST /', ['Transfer-Encoding: chunked']));
    // The cut goes through a character.
    client.write(`3\r\n${bytes.slice(0, 3)}\r\n`);
    client.write(`${(bytes.length - 3).toString(16)}\r\n${bytes.slice(3)}\r\n0\r\n\r\n`);
    await client.until(/Gr\S+e$/);
  },
  recorded: (target) => {
    expect(target.body(1, 'request').toString()).toBe('Größe');
    expect(target.body(1, 'response').toString()).toBe('Größe');
  },
});

behaviour('16 a buffer that the application uses again was recorded as it was sent', {
  app: () => (_, res) => {
    const reused = Buffer.alloc(4);
    res.write(reused.fill('A'), () => {
      res.write(reused.fill('B'), () => {
        res.end(reused.fill('C'), () => reused.fill('D'));
      });
    });
  },
  drive: async ({ client }) => {
    client.write(asked('GET /'));
    await client.until('0\r\n\r\n');
  },
  recorded: (target) => expect(target.chunks(1, 'response').map(String)).toEqual(['AAAA', 'BBBB', 'CCCC']),
});

behaviour('17 writes of nothing call back and put nothing on the wire', {
  app:
    ({ note }) =>
    async (req, res) => {
      note(await text(req));
      res.write('', () => note('empty text'));
      res.write(Buffer.alloc(0), () => note('empty buffer'));
      res.write('a');
      res.end('', () => note('end'));
    },
  drive: async ({ client, noted }) => {
    client.write(asked('GET /'));
    await client.until('0\r\n\r\n');
    await noted('end');
  },
  recorded: (target) => expect(target.chunks(1, 'response').map(String)).toEqual(['a']),
});

behaviour('corked writes, which go out later in one piece, are told once each, as they were written', {
  app: () => (_, res) => {
    res.cork();
    res.write('HTTP/1.1 100 Continue\r\n\r\n');
    res.write('two');
    setImmediate().then(() => {
      res.uncork();
      res.end('three');
    });
  },
  drive: async ({ client }) => {
    client.write(asked('GET /'));
    await client.until('three');
  },
  recorded: (target) => {
    expect(target.body(1, 'response').toString()).toBe('HTTP/1.1 100 Continue\r\n\r\ntwothree');
    expect(target.events.filter(({ type }) => type === 'headers')).toHaveLength(1);
  },
});

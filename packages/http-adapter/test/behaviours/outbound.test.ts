// What is recorded of requests that go out, by each client that Node has. The numbers are those of docs/notes/node-http.md.

import { once } from 'node:events';
import { get, type IncomingMessage, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Client as Client7 } from 'undici7';
import { expect } from 'vitest';
import { clients } from '../support/clients.ts';
import type { MemoryTarget } from '../support/memory-target.ts';
import { answer, answerWhen, outbound } from '../support/outbound.ts';

const gzipped = gzipSync('in the clear '.repeat(20)).toString('latin1');

const abort = (target: MemoryTarget, exchange = 1): unknown => {
  const event = target.last(exchange, 'abort');
  return event && [event.by, event.code];
};

/** What a request's events say that went out on the wire, as its text. */
function asSent(target: MemoryTarget, exchange: number): string {
  const start = target.last(exchange, 'start');
  const lines: string[] = [];
  for (let i = 0; i + 1 < (start?.headers.length ?? 0); i += 2)
    lines.push(`${start?.headers[i]}: ${start?.headers[i + 1]}`);
  const head = [`${start?.method} ${start?.target} HTTP/${start?.version}`, ...lines, '', ''].join('\r\n');
  return (
    head.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:port') + target.body(exchange, 'request').toString('latin1')
  );
}

for (const [name, client] of clients) {
  outbound(`${name}: head and body are recorded as they went out and came in`, {
    server: answerWhen(
      '{"a":1}',
      answer('done', ['X-Own-Case: a', 'Set-Cookie: a=1', 'Set-Cookie: b=2'], '201 Was Made'),
    ),
    drive: ({ origin }) =>
      client(`${origin}/path?q=1`, { method: 'POST', headers: { 'X-Mine': 'yes' }, body: '{"a":1}' }),
    recorded: (target, sent) => {
      expect(asSent(target, 1)).toBe(sent[0]);
      expect(target.last(1, 'start')).toMatchObject({
        direction: 'outbound',
        scheme: 'http',
        method: 'POST',
      });
      expect(target.last(1, 'start')?.lane).toMatch(/^o\d+$/);
      expect(target.last(1, 'start')?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(target.last(1, 'headers')).toMatchObject({
        status: 201,
        reason: 'Was Made',
        headers: ['X-Own-Case', 'a', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Content-Length', '4'],
      });
      expect(target.body(1, 'response').toString()).toBe('done');
      expect(target.of(1).map(({ type }) => type)).toEqual([
        'start',
        'chunk',
        'end',
        'headers',
        'chunk',
        'end',
      ]);
    },
  });

  outbound(`${name}: a request without a body ends with its head`, {
    server: answerWhen('\r\n\r\n', answer('')),
    drive: ({ origin }) => client(origin),
    recorded: (target, sent) => {
      expect(asSent(target, 1)).toBe(sent[0]);
      expect(target.of(1).map(({ type }) => type)).toEqual(['start', 'end', 'headers', 'end']);
    },
  });

  outbound(`${name}: pieces of an upload are recorded as they go out, without their framing`, {
    server: answerWhen('0\r\n\r\n', answer('')),
    drive: ({ origin }) =>
      client(origin, {
        method: 'PUT',
        body: async function* () {
          yield Buffer.from('one');
          await setTimeout(5);
          yield Buffer.from('two');
        },
      }),
    recorded: (target) => {
      expect(target.chunks(1, 'request').map(String)).toEqual(['one', 'two']);
      expect(target.last(1, 'start')?.headers.join(':').toLowerCase()).toContain('transfer-encoding:chunked');
    },
  });

  outbound(`${name}: what is compressed on the wire is recorded compressed`, {
    server: answerWhen('\r\n\r\n', answer(gzipped, ['Content-Encoding: gzip'])),
    drive: async ({ origin }) => (await client(origin)).body.length,
    recorded: (target) => expect(target.body(1, 'response').toString('latin1')).toBe(gzipped),
  });

  outbound(`${name}: informational heads, chunks at their times and trailers are recorded`, {
    server: (connection) => {
      if (!connection.text().endsWith('\r\n\r\n')) return;
      const { socket } = connection;
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      socket.write('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
      void (async () => {
        // In turns, so that the client reads between them however slow the machine is.
        for (let i = 0; i < 5; i++) await setTimeout(5);
        socket.write('2\r\nbc\r\n0\r\nX-Sum: 3\r\n\r\n');
      })();
    },
    drive: ({ origin }) => client(origin),
    recorded: (target) => {
      expect(target.of(1).flatMap((event) => (event.type === 'headers' ? [event.status] : []))).toEqual([
        103, 200,
      ]);
      expect(target.chunks(1, 'response').map(String)).toEqual(['a', 'bc']);
      expect(target.last(1, 'trailers')).toMatchObject({ side: 'response', headers: ['X-Sum', '3'] });
      const times = target.events.flatMap((event, i) =>
        event.type === 'chunk' ? [target.times[i] ?? 0] : [],
      );
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(8);
    },
  });

  outbound(`${name}: answers to HEAD and 204 have no body`, {
    server: (connection) => {
      const head = /^GET/.test(connection.text()) ? '204 No Content' : '200 OK\r\nContent-Length: 5';
      connection.socket.end(`HTTP/1.1 ${head}\r\nConnection: close\r\n\r\n`);
    },
    drive: async ({ origin }) => [await client(origin, { method: 'HEAD' }), await client(origin)],
    over: 2,
    recorded: (target) => {
      for (const exchange of [1, 2]) {
        expect(target.body(exchange, 'response')).toHaveLength(0);
        expect(target.last(exchange, 'end')).toMatchObject({ side: 'response', complete: true });
      }
    },
  });

  const failure = (error: unknown): string => (error instanceof Error ? error.name : 'no error');

  outbound(`${name}: 50 a connection that is refused is an exchange that broke off before it went out`, {
    drive: async ({ note }) => {
      // A port that was free a moment ago.
      await client('http://127.0.0.1:4/refused').catch((error: unknown) => note(failure(error)));
    },
    recorded: (target) => {
      expect(target.last(1, 'start')).toMatchObject({ target: '/refused', peer: undefined });
      expect(target.last(1, 'start')?.headers).toContain('127.0.0.1:4');
      expect(abort(target)).toEqual(['server', 'ECONNREFUSED']);
      expect(target.last(1, 'mark')?.name).toBe('waited-ms');
    },
  });

  outbound(`${name}: a name that is not found is nobody's fault`, {
    drive: async ({ note }) => {
      await client('http://no.such.name.invalid/').catch((error: unknown) => note(failure(error)));
    },
    recorded: (target) => {
      expect(abort(target)).toEqual(['unknown', expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/)]);
      expect(target.last(1, 'start')?.headers).toContain('no.such.name.invalid');
    },
  });

  for (const [when, sent] of [
    ['before its head', ''],
    ['within its body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
  ] as const) {
    outbound(`${name}: a server that closes ${when} broke it off`, {
      server: ({ socket }) => {
        socket.end(sent);
      },
      // A POST: what may be sent again is, by some.
      drive: async ({ origin, note }) => {
        await client(origin, { method: 'POST', body: 'x' }).catch((error: unknown) => note(failure(error)));
      },
      recorded: (target) => {
        expect(abort(target)).toMatchObject([
          'server',
          expect.stringMatching(/^(UND_ERR_SOCKET|ECONNRESET|closed)$/),
        ]);
        expect(target.body(1, 'response').toString()).toBe(sent === '' ? '' : 'half');
      },
    });

    outbound(`${name}: 32 an application that gives up ${when} broke it off`, {
      server: ({ socket }) => {
        if (sent !== '') socket.write(sent);
      },
      drive: async ({ origin, note }) => {
        await client(origin, { signal: AbortSignal.timeout(60) }).catch((error: unknown) =>
          note(failure(error)),
        );
      },
      compareBytes: false,
      recorded: (target) => {
        const [by, code] = [target.last(1, 'abort')?.by, target.last(1, 'abort')?.code];
        expect(by).toBe('client');
        expect(code).toMatch(/^(ABORT_ERR|TIMEOUT_ERR|UND_ERR_ABORTED|destroyed)$/);
      },
    });
  }

  outbound(`${name}: exchanges of one connection are one lane`, {
    server: answerWhen('\r\n\r\n', answer('ok')),
    drive: async ({ origin }) => {
      const bodies = [];
      for (const path of ['/1', '/2', '/3']) {
        bodies.push((await client(origin + path, { headers: { connection: 'keep-alive' } })).body);
        // The client has its connection back.
        await setTimeout(2);
      }
      return bodies;
    },
    over: 3,
    compareBytes: false,
    recorded: (target, sent) => {
      expect(target.starts.map((start) => start.target)).toEqual(['/1', '/2', '/3']);
      expect(new Set(target.starts.map(({ lane }) => lane)).size).toBe(sent.length);
    },
  });
}

outbound('53 each hop of a redirect is an exchange', {
  server: (connection) => {
    const text = connection.text();
    if (text.endsWith('form')) connection.socket.write(answer('', ['Location: /next'], '303 See Other'));
    else if (/GET \/next .*\r\n\r\n$/s.test(text)) connection.socket.write(answer('there'));
  },
  drive: async ({ origin }) => (await fetch(origin, { method: 'POST', body: 'form' })).text(),
  over: 2,
  recorded: (target) => {
    expect(target.starts.map(({ method, target: path }) => `${method} ${path}`)).toEqual([
      'POST /',
      'GET /next',
    ]);
    expect(target.last(1, 'headers')?.status).toBe(303);
    expect(target.body(2, 'response').toString()).toBe('there');
  },
});

outbound('45 pipelined requests keep their answers', {
  server: (connection) => {
    if (connection.text().split('\r\n\r\n').length !== 4) return;
    connection.socket.write(['one', 'two', 'three'].map((body) => answer(body)).join(''));
  },
  drive: async ({ origin }) => {
    const client = new Client7(origin, { pipelining: 3 });
    const all = await Promise.all(
      ['/1', '/2', '/3'].map(async (path) =>
        (await client.request({ path, method: 'GET', blocking: false })).body.text(),
      ),
    );
    await client.close();
    return all;
  },
  over: 3,
  recorded: (target) => {
    expect(new Set(target.starts.map(({ lane }) => lane)).size).toBe(1);
    for (const [i, body] of ['one', 'two', 'three'].entries())
      expect(target.body(i + 1, 'response').toString()).toBe(body);
  },
});

outbound('48 an upgrade is recorded to its head, and what follows is left alone', {
  server: (connection) => {
    if (connection.text().endsWith('\r\n\r\n')) {
      connection.socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\nhello',
      );
    }
  },
  drive: async ({ origin }) => {
    const asked = request(origin, { headers: { Connection: 'Upgrade', Upgrade: 'own' } });
    asked.end();
    const [response, socket, head] = await once(asked, 'upgrade');
    const seen = [response.statusCode, String(head)];
    socket.write('bye');
    socket.destroy();
    return seen;
  },
  compareBytes: false,
  recorded: (target) => {
    expect(target.of(1).map(({ type }) => type)).toEqual(['start', 'end', 'headers', 'end']);
    expect(target.last(1, 'headers')?.status).toBe(101);
  },
});

outbound('26 a body that waits for 100 Continue is recorded after it', {
  server: (connection) => {
    if (connection.text().endsWith('later')) connection.socket.write(answer('ok'));
    else if (connection.text().endsWith('\r\n\r\n')) connection.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  },
  drive: async ({ origin, note }) => {
    const asked = request(origin, {
      method: 'POST',
      headers: { Expect: '100-continue', 'Content-Length': 5 },
    });
    asked.on('continue', () => {
      note('continue');
      asked.end('later');
    });
    asked.flushHeaders();
    const [response] = await once(asked, 'response');
    for await (const piece of response) note(String(piece));
  },
  recorded: (target) =>
    expect(target.of(1).map((event) => (event.type === 'headers' ? event.status : event.type))).toEqual([
      'start',
      100,
      'chunk',
      'end',
      200,
      'chunk',
      'end',
    ]),
});

outbound('16 buffers that are used again are recorded as they went out', {
  server: answerWhen('0\r\n\r\n', answer('ok')),
  drive: async ({ origin }) => {
    const asked = request(origin, { method: 'POST' });
    asked.flushHeaders();
    await once(asked, 'socket').then(([socket]) => (socket.connecting ? once(socket, 'connect') : undefined));
    const used = Buffer.from('AAAA');
    await new Promise<void>((sent) => asked.write(used, () => sent()));
    used.fill('B');
    asked.end(used);
    const [response] = await once(asked, 'response');
    response.resume();
    await once(response, 'end');
  },
  recorded: (target) => expect(target.chunks(1, 'request').map(String)).toEqual(['AAAA', 'BBBB']),
});

outbound('33 an answer that nobody listens to does not hold its connection', {
  server: answerWhen('\r\n\r\n', answer('nobody reads this')),
  drive: async ({ origin }) => {
    const asked = request(origin).end();
    await once(asked, 'close');
  },
  recorded: (target) => expect(target.last(1, 'end')).toMatchObject({ side: 'response', complete: false }),
});

outbound('35 a response that is not read yet is not set flowing', {
  server: answerWhen('\r\n\r\n', answer('x'.repeat(200_000))),
  drive: async ({ origin, note }) => {
    const asked = get(origin);
    const [response] = await once(asked, 'response');
    await setTimeout(20);
    note(response.readableFlowing);
    let size = 0;
    for await (const piece of response) size += piece.length;
    return size;
  },
  recorded: (target) => expect(target.body(1, 'response')).toHaveLength(200_000),
});

outbound('an answer that comes before the upload is done ends first', {
  server: (connection) => {
    const text = connection.text();
    if (text.endsWith('part\r\n')) connection.socket.write(answer('enough', [], '413 Too Large'));
  },
  drive: async ({ origin, note }) => {
    const asked = request(origin, { method: 'POST' });
    asked.write('part');
    const [response] = await once(asked, 'response');
    for await (const piece of response) note(String(piece));
    asked.end('rest');
    await once(asked, 'close');
  },
  compareBytes: false,
  recorded: (target) => {
    expect(target.last(1, 'headers')?.status).toBe(413);
    expect(target.chunks(1, 'request').map(String)).toEqual(['part', 'rest']);
  },
});

outbound('37 what is written after the end is not recorded', {
  server: answerWhen('once', answer('ok')),
  drive: async ({ origin, note }) => {
    const asked = request(origin, { method: 'POST' });
    asked.on('error', (error: NodeJS.ErrnoException) => note(error.code));
    asked.end('once');
    asked.end('twice');
    const response = await new Promise<IncomingMessage>((resolve) => asked.on('response', resolve));
    for await (const piece of response) note(String(piece));
  },
  compareBytes: false,
  recorded: (target) => expect(target.chunks(1, 'request').map(String)).toEqual(['once']),
});

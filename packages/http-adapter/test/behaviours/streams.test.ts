// Behaviours 27 to 39 of docs/notes/node-http.md: streams, and how exchanges end.

import { createServer, request } from 'node:http';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { createRecorder, memorySink } from '@gardenhose/core';
import { assembleAll } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { tapServer } from '../../src/tap-server.ts';
import { asked, behaviour } from '../support/behaviour.ts';
import type { MemoryTarget } from '../support/memory-target.ts';
import { listening, RawClient } from '../support/servers.ts';

behaviour('27 chunks are recorded when they pass, not when the body is whole', {
  app: () => async (_, res) => {
    for (const chunk of ['one', 'two', 'three']) {
      res.write(chunk);
      await setTimeout(20);
    }
    res.end();
  },
  drive: async ({ client }) => {
    client.write(asked('GET /'));
    await client.until('0\r\n\r\n');
  },
  recorded: (target) => {
    const times = target.events.flatMap((event, i) => (event.type === 'chunk' ? [target.times[i] ?? 0] : []));
    expect(times).toHaveLength(3);
    for (const i of [1, 2]) expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeGreaterThan(15);
  },
});

behaviour('28 server-sent events arrive one by one while they are recorded', {
  app:
    ({ noted }) =>
    async (_, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      for (const n of [1, 2, 3]) {
        res.write(`data: ${n}\n\n`);
        await noted(`client has ${n}`);
      }
      res.end();
    },
  drive: async ({ client, note }) => {
    client.write(asked('GET /events'));
    for (const n of [1, 2, 3]) {
      await client.until(`data: ${n}\n\n`);
      note(`client has ${n}`);
    }
    await client.until('0\r\n\r\n');
  },
  recorded: (target) =>
    expect(target.chunks(1, 'response').map(String)).toEqual(['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']),
});

const abort = (target: MemoryTarget, exchange = 1): unknown => {
  const event = target.last(exchange, 'abort');
  return event && [event.by, event.code];
};

for (const [when, sent] of [
  ['at once', []],
  ['after its first chunk', ['first']],
] as const) {
  behaviour(`29 a source that fails ${when} breaks off the response`, {
    app:
      ({ note }) =>
      async (_, res) => {
        const source = Readable.from(
          (async function* () {
            yield* sent;
            if (sent.length > 0) await setTimeout(1);
            throw Object.assign(new Error('source'), { code: 'ECONNRESET' });
          })(),
        );
        await pipeline(source, res).catch((error: Error) => note(error.message));
      },
    events: 'lifecycle',
    drive: async ({ client, noted }) => {
      client.write(asked('GET /'));
      await client.untilClosed();
      await noted('res1 close');
    },
    recorded: (target) => {
      // The code is that of the upstream, but it is the server that broke off.
      expect(abort(target)).toEqual(['server', 'ECONNRESET']);
      expect(target.chunks(1, 'response').map(String)).toEqual(sent);
    },
  });
}

for (const [how, code] of [
  ['res.destroy()', 'destroyed'],
  ['res.destroy(error)', 'E_OWN'],
  ['req.destroy()', 'destroyed'],
  ['socket.destroy()', 'destroyed'],
] as const) {
  behaviour(`30 ${how} within the body lets the client see that it is not whole`, {
    app:
      ({ note }) =>
      (req, res) => {
        req.on('error', (error) => note(error.message));
        res.on('error', (error) => note(error.message));
        res.writeHead(200, { 'Content-Length': 10 });
        res.write('half', () => {
          if (how === 'res.destroy()') res.destroy();
          else if (how === 'req.destroy()') req.destroy();
          else if (how === 'socket.destroy()') req.socket.destroy();
          else res.destroy(Object.assign(new Error('own'), { code: 'E_OWN' }));
        });
      },
    drive: async ({ client, noted }) => {
      client.write(asked('GET /'));
      await client.untilClosed();
      await noted('res1 close');
    },
    recorded: (target) => {
      expect(abort(target)).toEqual(['server', code]);
      expect(target.last(1, 'headers')?.status).toBe(200);
      expect(target.body(1, 'response').toString()).toBe('half');
    },
  });
}

for (const how of ['reset', 'close'] as const) {
  const codes = how === 'reset' ? ['ECONNRESET'] : ['closed'];
  behaviour(`31 the client goes away before the head (${how})`, {
    app:
      ({ note, noted }) =>
      async (req, res) => {
        note('arrived');
        await noted(`req1 close`).catch(() => undefined);
        note([req.aborted, req.complete, res.destroyed, res.headersSent]);
        note(res.write('too late'));
        res.end();
      },
    drive: async ({ client, noted }) => {
      client.write(asked('POST /', ['Content-Length: 10']));
      client.write('half');
      await noted('arrived');
      if (how === 'reset') client.socket.resetAndDestroy();
      else client.socket.end();
      await noted('res1 close');
    },
    events: 'lifecycle',
    recorded: (target) => {
      expect(target.last(1, 'headers')).toBeUndefined();
      const by = target.last(1, 'abort');
      expect(by?.by).toBe('client');
      if (how === 'reset') expect(codes).toContain(by?.code);
    },
  });

  behaviour(`31 the client goes away within the response (${how})`, {
    app:
      ({ note }) =>
      (_, res) => {
        res.write('first');
        note('writing');
      },
    drive: async ({ client, noted }) => {
      client.write(asked('GET /'));
      await client.until('first');
      if (how === 'reset') client.socket.resetAndDestroy();
      else client.socket.end();
      await noted('res1 close');
    },
    recorded: (target) => {
      expect(abort(target)).toEqual(['client', ...codes]);
      expect(target.body(1, 'response').toString()).toBe('first');
    },
  });
}

behaviour('31 the client goes away twice on one server, and the third is served', {
  app:
    ({ note }) =>
    (req, res) => {
      if (req.url === '/ok') res.end('ok');
      else note(`arrived ${req.url}`);
    },
  drive: async ({ port, noted, client }) => {
    for (const path of ['/1', '/2']) {
      using gone = await RawClient.open(port);
      gone.write(asked(`GET ${path}`));
      await noted(`arrived ${path}`);
      gone.socket.resetAndDestroy();
      await noted(`res${path.slice(1)} close`);
    }
    client.write(asked('GET /ok'));
    await client.until('ok');
  },
  over: 3,
  recorded: (target) => {
    expect([abort(target, 1), abort(target, 2), abort(target, 3)]).toEqual([
      ['client', 'ECONNRESET'],
      ['client', 'ECONNRESET'],
      undefined,
    ]);
  },
});

behaviour(
  '32 an AbortSignal of the client, with a reason or by time, ends the exchange as the client’s doing',
  {
    app:
      ({ note }) =>
      (req) =>
        note(`arrived ${req.url}`),
    drive: async ({ origin, noted }) => {
      const control = new AbortController();
      const first = fetch(`${origin}/1`, { signal: control.signal }).catch((error: Error) => error.message);
      await noted('arrived /1');
      control.abort(new Error('no need'));
      const second = await fetch(`${origin}/2`, { signal: AbortSignal.timeout(30) }).catch(
        (error: Error) => error.name,
      );
      await noted('res1 close');
      await noted('res2 close');
      return [await first, second];
    },
    over: 2,
    recorded: (target) => {
      expect(target.last(1, 'abort')?.by).toBe('client');
      expect(target.last(2, 'abort')?.by).toBe('client');
    },
  },
);

const unread = 'x'.repeat(200_000);

behaviour('33 a large body that the application never reads is let go, and said not to be whole', {
  app:
    ({ note }) =>
    (req, res) => {
      res.end('no thanks', () => note(req.readableFlowing));
    },
  events: 'lifecycle',
  drive: async ({ client }) => {
    client.write(asked('POST /', [], unread));
    await client.until('no thanks');
    client.write(asked('GET /next'));
    await client.until(/no thanks[\s\S]*no thanks/);
  },
  over: 2,
  recorded: (target) => {
    expect(target.body(1, 'request').length).toBeLessThan(unread.length);
    expect(target.of(1).filter((event) => event.type === 'end')).toMatchObject([
      { side: 'response', complete: true },
      { side: 'request', complete: false },
    ]);
    expect(target.starts[1]?.target).toBe('/next');
  },
});

behaviour('33 a small body that the application never reads was seen all the same', {
  app: () => (_, res) => void setTimeout(20).then(() => res.end('ok')),
  drive: async ({ client }) => {
    client.write(asked('POST /', [], 'small'));
    await client.until('ok');
  },
  recorded: (target) => {
    expect(target.body(1, 'request').toString()).toBe('small');
    expect(target.of(1).filter((event) => event.type === 'end' && event.complete)).toHaveLength(2);
  },
});

for (const how of ['data', 'readable', 'iterator', 'pipe'] as const) {
  behaviour(`34 a body that is read late, by ${how}, is there for the application and the capture`, {
    app:
      ({ note }) =>
      async (req, res) => {
        await setTimeout(20);
        let body = '';
        if (how === 'iterator') for await (const chunk of req) body += chunk;
        else if (how === 'data') {
          req.on('data', (chunk) => {
            body += chunk;
          });
          await new Promise((done) => req.once('end', done));
        } else if (how === 'readable') {
          req.on('readable', () => {
            for (let chunk = req.read(); chunk !== null; chunk = req.read()) body += chunk;
          });
          await new Promise((done) => req.once('end', done));
        } else {
          req.pipe(res);
          return;
        }
        note(body.length);
        res.end(body);
      },
    events: 'lifecycle',
    drive: async ({ client }) => {
      client.write(asked('POST /', ['Connection: close'], unread));
      const wire = await client.untilClosed();
      return wire
        .replace(/\r\n[0-9a-f]+\r\n/g, '')
        .match(/x+/g)
        ?.join('').length;
    },
    recorded: (target) => {
      expect(target.body(1, 'request').equals(Buffer.from(unread))).toBe(true);
      expect(target.body(1, 'response').equals(Buffer.from(unread))).toBe(true);
    },
  });
}

behaviour('35 the tap does not set a request flowing, and holds back as the application does', {
  app:
    ({ note }) =>
    async (req, res) => {
      note([req.readableFlowing, req.listenerCount('data'), req.listenerCount('readable')]);
      await setTimeout(50);
      note([req.readableFlowing, req.readableLength < unread.length, req.readableLength > 0]);
      note((await buffer(req)).length);
      res.end('ok');
    },
  events: 'lifecycle',
  drive: async ({ client }) => {
    client.write(asked('POST /', [], unread));
    await client.until('ok');
  },
  recorded: (target) => expect(target.body(1, 'request').length).toBe(unread.length),
});

behaviour('36 a response that nobody reads waits, and goes on when somebody does', {
  app:
    ({ note }) =>
    (_, res) => {
      let more = true;
      for (let i = 0; i < 200; i += 1) more = res.write('y'.repeat(65_536)) && more;
      note(more);
      res.once('drain', () => note('drained'));
      res.end(() => note('finished'));
    },
  events: 'lifecycle',
  drive: async ({ client, noted }) => {
    client.socket.pause();
    client.write(asked('GET /', ['Connection: close']));
    await setTimeout(50);
    client.socket.resume();
    await noted('finished');
    return (await client.untilClosed()).length;
  },
  recorded: (target) => expect(target.body(1, 'response').length).toBe(200 * 65_536),
});

behaviour('36 a response that the client cancels does not hang the application', {
  app:
    ({ note }) =>
    async (_, res) => {
      const endless = Readable.from(
        (async function* () {
          for (;;) {
            yield 'z'.repeat(65_536);
            await setTimeout(0);
          }
        })(),
      );
      await pipeline(endless, res).catch((error: NodeJS.ErrnoException) => note(error.code));
      note('over');
    },
  events: 'lifecycle',
  drive: async ({ origin, noted }) => {
    const answer = await fetch(origin);
    const reader = answer.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await noted('over');
  },
  recorded: (target) => expect(target.last(1, 'abort')?.by).toBe('client'),
});

behaviour('37 end() within the callback of a write, and end() twice', {
  app:
    ({ note }) =>
    (_, res) => {
      res.on('error', (error: NodeJS.ErrnoException) => note(error.code));
      res.write('first', () => {
        res.end('second', () => note('ended'));
        res.end();
        res.end(() => note('ended again'));
        res.end('third');
        note(res.write('fourth'));
      });
    },
  drive: async ({ client, noted }) => {
    client.write(asked('GET /'));
    await client.until('0\r\n\r\n');
    await noted('ended');
  },
  recorded: (target) => expect(target.chunks(1, 'response').map(String)).toEqual(['first', 'second']),
});

behaviour('37 what write() and end() refuse to take is refused, and not recorded', {
  app:
    ({ note }) =>
    (_, res) => {
      for (const wrong of [null, 5, {}]) {
        try {
          Reflect.apply(res.write, res, [wrong]);
        } catch (error) {
          note(error instanceof Error && 'code' in error && error.code);
        }
      }
      note(res.end('fine') === res);
    },
  drive: async ({ client }) => {
    client.write(asked('GET /'));
    await client.until('fine');
  },
  recorded: (target) => expect(target.chunks(1, 'response').map(String)).toEqual(['fine']),
});

behaviour('37 a response ended before its request is read whole goes on reading it', {
  app:
    ({ note }) =>
    async (req, res) => {
      const body = text(req);
      res.end('early');
      note((await body).length);
      note('read');
    },
  events: 'lifecycle',
  drive: async ({ client, noted }) => {
    client.write(asked('POST /', ['Content-Length: 8']));
    client.write('half');
    await client.until('early');
    client.write('half');
    await noted('read');
  },
  recorded: (target) => {
    expect(target.body(1, 'request').toString()).toBe('halfhalf');
    expect(target.of(1).filter((event) => event.type === 'end')).toMatchObject([
      { side: 'response', complete: true },
      { side: 'request', complete: true },
    ]);
  },
});

test('39 what is in flight when the recorder closes is reported as broken off by it, and the client is served', async () => {
  const sink = memorySink();
  const recorder = createRecorder({
    service: 's',
    sink,
    pipeline: 'inline',
    mask: { version: 1, extends: 'none' },
  });
  let finish = (): void => undefined;
  await using app = await listening(
    createServer((_, res) => {
      res.write('one,');
      finish = () => res.end('two');
    }),
  );
  const detach = tapServer(app.server, recorder);
  const asking = new Promise<string>((resolve) => {
    request(app.origin, (answer) => {
      void recorder.close().then(() => finish());
      void text(answer).then(resolve);
    }).end();
  });
  expect(await asking).toBe('one,two');
  detach();
  const [exchange] = assembleAll(sink.events);
  expect(exchange?.abort).toMatchObject({ by: 'recorder', code: 'recorder-closed' });
  expect(exchange?.response?.chunks).toHaveLength(1);
});

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Exchange, emptyExchange, SchemaRegistry } from '@gardenhose/core';
import { afterAll, expect, test } from 'vitest';
import { requestScript } from '../src/request-script.ts';

const dir = mkdtempSync(join(tmpdir(), 'gardenhose-script-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

// Says what it was called with, and what it was given to read.
for (const name of ['curl', 'grpcurl']) {
  const path = join(dir, name);
  writeFileSync(
    path,
    `#!/bin/sh\nprintf '%s\\0' ${name} "$@"\ncase " $* " in *" @- "*) printf 'read:'; base64;; esac\nprintf '\\001'\n`,
  );
  chmodSync(path, 0o755);
}

const target = { http: 'http://127.0.0.1:3000', grpc: undefined, schemaFile: undefined };

function anExchange(request: Partial<Exchange['request']>, body?: string | Uint8Array): Exchange {
  const data = typeof body === 'string' ? Buffer.from(body) : (body ?? new Uint8Array(0));
  const chunks = data.length === 0 ? [] : [{ at: 0, size: data.length, data }];
  return { ...emptyExchange, request: { ...emptyExchange.request, chunks, size: data.length, ...request } };
}

/** The calls that a shell makes of the script. */
function callsOf(...exchanges: Exchange[]): string[][] {
  const script = requestScript(exchanges, target, new SchemaRegistry());
  const out = execFileSync('sh', ['-c', script], {
    encoding: 'utf8',
    env: { PATH: `${dir}:${process.env.PATH}` },
    cwd: dir,
  });
  return out
    .split('\u0001')
    .filter((call) => call !== '')
    .map((call) => call.split('\0'));
}

test('sends method, path, headers and body as they are in the capture', () => {
  const [call = []] = callsOf(
    anExchange(
      {
        method: 'PUT',
        target: "/it's/%7B[1-3]?a=$HOME&b=`id`",
        headers: ['Host', 'shop', 'X-Note', "don't $(touch pwned)", 'Content-Length', '5', 'X-None', ''],
      },
      "it's\n$5 `id`",
    ),
  );
  expect(call).toContain("http://127.0.0.1:3000/it's/%7B[1-3]?a=$HOME&b=`id`");
  expect(call).toContain("X-Note: don't $(touch pwned)");
  expect(call).toContain('X-None;');
  expect(call[call.indexOf('--data-raw') + 1]).toBe("it's\n$5 `id`");
  expect(call[call.indexOf('-X') + 1]).toBe('PUT');
  expect(call.join('\n')).not.toMatch(/host:|content-length:/i);
});

test('reads no file that a capture names', () => {
  const [call = []] = callsOf(
    anExchange({ method: 'POST', headers: ['@/etc/hostname', 'x', 'a\nb', 'y'] }, '@/etc/hostname'),
  );
  expect(call[call.indexOf('--data-raw') + 1]).toBe('@/etc/hostname');
  expect(call.filter((word) => word.startsWith('@'))).toEqual(['@/etc/hostname']);
});

test('sends bytes that are no text', () => {
  const bytes = Uint8Array.of(0, 255, 10, 39);
  const [call = []] = callsOf(anExchange({ method: 'POST' }, bytes));
  expect(call.at(-1)).toBe(`read:${Buffer.from(bytes).toString('base64')}\n`);
});

test('sends no credentials, and says what cannot be sent', () => {
  const secret = 'Bearer abc';
  const exchanges = [
    anExchange({ headers: ['Authorization', secret, 'Cookie', 'sid=1'] }),
    anExchange({ target: 'http://elsewhere/\n$(id)' }),
    anExchange({ method: 'POST' }, Buffer.alloc(70_000, 'x')),
    { ...anExchange({ method: 'POST', target: '/shop.Orders/Get' }), protocol: 'grpc' as const },
  ];
  expect(callsOf(...exchanges)).toHaveLength(1);
  const script = requestScript(exchanges, target, new SchemaRegistry());
  expect(script).not.toContain(secret);
  expect(script).not.toContain('sid=1');
  expect(script.match(/# not sent: .*/g)).toEqual([
    '# not sent: this is no request that curl can send',
    '# not sent: its body has 70000 bytes; replay the capture',
    '# not sent: there is no target for gRPC',
  ]);
});

test('says of a WebSocket that it is not sent: curl would ask for it, and wait', () => {
  const socket: Exchange = { ...anExchange({ method: 'GET', target: '/chat' }), protocol: 'websocket' };
  const calls = callsOf(socket, anExchange({ method: 'GET', target: '/after' }));
  expect(calls).toHaveLength(1);
  expect(calls[0]).toContain('http://127.0.0.1:3000/after');
  const script = requestScript([socket], target, new SchemaRegistry());
  expect(script).toContain('# not sent: curl does not speak WebSocket; replay the capture');
});

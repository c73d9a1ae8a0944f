import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { createRecorder, fileSink, type Policy, readCapture } from '@gardenhose/core';
import { markExchange, tapServer } from '@gardenhose/http-adapter';
import { expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { runCli } from '../support/run-cli.ts';
import { type Position, positions, type Secret } from './positions.ts';

// Put together at run time: secret-shaped text in a source file alarms those who look for it.
const stem = 'zQx7kVw3J';
const names = Object.keys(positions);

function secretOf(number: number): Secret {
  const id = String(number).padStart(4, '0');
  const word = `${stem}${id}`;
  const claims = Buffer.from(`{"sub":"${word}"}`).toString('base64url');
  return {
    word,
    email: `${word}@example.com`,
    card: withLuhn(`42424242${id}123`),
    jwt: ['eyJhbGciOiJIUzI1NiJ9', claims, 'c2lnbmF0dXJl'].join('.'),
    apiKey: `AKIA${'QWERTZUIOP98'}${id}`,
  };
}

function withLuhn(digits: string): string {
  let sum = 0;
  [...digits].reverse().forEach((digit, i) => {
    const value = Number(digit) * (i % 2 === 0 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  });
  return digits + String((10 - (sum % 10)) % 10);
}

/** All spellings in which a secret could be found again; those that do not tell capitals apart in small letters. */
function needlesOf(text: string): { readonly exact: string[]; readonly folded: string[] } {
  const bytes = Buffer.from(text);
  const each = (spell: (byte: number) => string) => [...bytes].map(spell).join('');
  const hex = (byte: number) => byte.toString(16).padStart(2, '0');
  // At each alignment, without the characters that hold bits of what is beside it.
  const base64 = [0, 1, 2].map((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const whole = Math.floor(((before + bytes.length) * 8) / 6);
    return padded.slice(Math.ceil((before * 8) / 6), whole);
  });
  return {
    exact: [...base64, ...base64.map((one) => one.replaceAll('+', '-').replaceAll('/', '_'))],
    folded: [
      text,
      each((byte) => `%${hex(byte)}`),
      each((byte) => `%25${hex(byte)}`),
      each(hex),
      each((byte) => `\\u00${hex(byte)}`),
      each((byte) => `&#${byte};`),
      each((byte) => `${String.fromCharCode(byte)}\0`),
      encodeURIComponent(text),
      [...text].reverse().join(''),
    ].map((needle) => needle.toLowerCase()),
  };
}

function isIn(text: string, folded: string, secret: string): boolean {
  const needles = needlesOf(secret);
  return (
    needles.exact.some((needle) => text.includes(needle)) ||
    needles.folded.some((needle) => folded.includes(needle))
  );
}

/** Bytes as text, also out of any content coding that they may be in. */
function allTextOf(bytes: Uint8Array): string {
  let all = Buffer.from(bytes).toString('latin1');
  let layer = bytes;
  for (let depth = 0; depth < 3; depth++) {
    const decoded = [gunzipSync, brotliDecompressSync, inflateSync, inflateRawSync]
      .map((decode) => {
        try {
          return decode(layer, { finishFlush: 2 });
        } catch {
          return undefined;
        }
      })
      .find((out) => out !== undefined && out.length > 0);
    if (decoded === undefined) break;
    all += `\n${decoded.toString('latin1')}`;
    layer = decoded;
  }
  return all;
}

/** Everything that a capture holds, as one text. */
async function textOf(path: string): Promise<string> {
  const stream = await readCapture(createReadStream(path), { mode: 'strict' });
  const out = [JSON.stringify(stream.header)];
  const bodies = new Map<string, Uint8Array[]>();
  for await (const event of stream.events) {
    const text = JSON.stringify(event, (name, value: unknown) => (name === 'data' ? undefined : value));
    out.push(text, text.replaceAll('\\\\', '\\'));
    if ((event.type !== 'chunk' && event.type !== 'body') || event.data === undefined) continue;
    const side = `${event.exchange} ${event.side}`;
    bodies.set(side, [...(bodies.get(side) ?? []), event.data]);
  }
  for (const pieces of bodies.values()) out.push(allTextOf(Buffer.concat(pieces)));
  return out.join('\n');
}

interface Recorded {
  readonly path: string;
  /** What came out at any other end: statistics, and what the commands print. */
  readonly said: string;
}

/** Serves and records every position once. */
async function recordAll(path: string, mask: Policy): Promise<Recorded> {
  const recorder = createRecorder({
    service: 'leaks',
    sink: fileSink({ path, compression: 'none' }),
    mask,
    maxBodyBytes: 65_536,
  });
  let respond: ((res: ServerResponse) => void) | undefined;
  let arrived = (): void => undefined;
  const server = createServer((req, res) => {
    req.on('error', () => undefined);
    req.on('data', () => arrived());
    req.on('end', () => {
      if (respond === undefined) res.end('ok');
      else respond(res);
    });
  });
  server.prependListener('request', (req) => {
    const [name, value] = current.position.mark?.(current.secret) ?? [];
    if (name !== undefined && value !== undefined) markExchange(req, name, value);
  });
  let current: { readonly secret: Secret; readonly position: Position } = {
    secret: secretOf(0),
    position: {},
  };
  const untap = tapServer(server, recorder);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  for (const [number, name] of names.entries()) {
    const position = positions[name] ?? {};
    const secret = secretOf(number);
    current = { secret, position };
    respond = position.respond === undefined ? undefined : (res) => position.respond?.(res, secret);
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    arrived = () => {
      if (position.breaksOff) socket.destroy();
    };
    const closed = once(socket, 'close');
    socket.write(position.request?.(secret) ?? 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await closed;
  }
  untap();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  const stats = await recorder.close();
  const commands = [
    ['inspect', path],
    ['inspect', path, '--json'],
    ['verify', path],
  ];
  const results = await Promise.all(commands.map((args) => runCli(args)));
  return { path, said: JSON.stringify(stats) + JSON.stringify(results) };
}

/** Positions whose secret is in this text, or in what its percent codes stand for. */
function found(text: string): Set<string> {
  const decoded = text.replace(/%(?:25)*([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  const all = `${text}\n${decoded}\n${decoded.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )}`;
  const folded = all.toLowerCase();
  const hits = names.filter((name, number) => {
    const secret = secretOf(number);
    const kind = positions[name]?.find ?? 'word';
    // The part of an address that tells whose it is counts as the address.
    return isIn(all, folded, secret[kind]) || (kind === 'email' && isIn(all, folded, secret.word));
  });
  return new Set(hits);
}

const policy: Policy = {
  version: 1,
  rules: [{ id: 'people', at: 'path:/people/:person', mask: 'token' }],
};

test('no secret that a server receives or sends is in the capture, wherever it stood', async () => {
  using folder = tempDir();
  // The control: without masking the search finds every one, so it would find a leak.
  const plain = await recordAll(folder.file('plain.hose'), { version: 1, extends: 'none' });
  const foundPlain = found(await textOf(plain.path));
  const expected = names.filter((name) => !positions[name]?.neverSeen);
  expect(expected.filter((name) => !foundPlain.has(name))).toEqual([]);

  const masked = await recordAll(folder.file('masked.hose'), policy);
  expect([...found(await textOf(masked.path))]).toEqual([]);
  expect([...found(masked.said)]).toEqual([]);
  expect(readFileSync(masked.path, 'latin1').toLowerCase()).not.toContain(stem.toLowerCase());
}, 30_000);

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Exchange, openCapture } from '@gardenhose/core';
import { createStub } from '@gardenhose/grpc-adapter';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { framesOf } from '../leaks/evidence.ts';
import { tempDir } from '../support/captures.ts';
import { runCli, startCli } from '../support/run-cli.ts';
import { python, whyNot } from './tools.ts';

// A client and a server of another hand: Python's grpcio, which stands on the C core of gRPC. It talks through the proxy, is
// replayed into, and talks to the stub.

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const missing = whyNot();

interface Heard {
  readonly call: string;
  readonly words: readonly (readonly [text: string, password: string, count: number])[];
  readonly head: readonly (readonly [string, string])[];
  readonly code: string;
  readonly details: string;
  readonly behind: readonly (readonly [string, string])[];
}

/** What Python's client saw at this address. */
async function callsTo(address: string, set: string): Promise<Heard[]> {
  const child = spawn(python() ?? '', [here('talk.py'), 'call', set, address]);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(err).toBe('');
  return out
    .trim()
    .split('\n')
    .map((line): Heard => JSON.parse(line));
}

const trailer = ({ response }: Exchange, name: string): string | undefined => {
  const list = response?.trailers ?? [];
  const at = list.indexOf(name);
  return at < 0 ? undefined : list[at + 1];
};

/** How a call ended on the wire: its status, and who broke it off. */
const endOf = (exchange: Exchange | undefined): string => {
  const status = exchange && trailer(exchange, 'grpc-status');
  const broken = exchange?.abort && `${exchange.abort.by} ${exchange.abort.code}`;
  return [status, broken].filter((part) => part !== undefined).join(', ');
};

/** Client and server keep the deadline each by its own clock: which of them ends the call first is chance. */
const endsOfLate: readonly string[] = [
  // The client alone.
  'client RST_STREAM 8',
  // The server; where its clock is ahead, its status is not known to be of the deadline.
  '4, server DEADLINE_EXCEEDED',
  '4',
  // The server, and the client while the status was on its way.
  '4, client RST_STREAM 8',
];

const header = (exchange: Exchange | undefined, name: string): string | undefined => {
  const list = exchange?.request.headers ?? [];
  const at = list.indexOf(name);
  return at < 0 ? undefined : list[at + 1];
};

describe.skipIf(missing !== undefined)(
  `Python's grpcio${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    const folder = tempDir();
    const set = folder.file('talk.bin');
    const capture = folder.file('talk.hose');
    let server: ChildProcess;
    let port = 0;
    let direct: Heard[] = [];
    let proxied: Heard[] = [];

    /** What Python's client saw through the proxy. */
    async function recordedCalls(path: string, ...flags: string[]): Promise<Heard[]> {
      const to = ['record', '--listen', '127.0.0.1:0', '--to', `http://127.0.0.1:${port}`, '-o', path];
      const cli = startCli([...to, ...flags]);
      const [, address = ''] = await cli.output(/https?:\/\/(127\.0\.0\.1:\d+)/);
      const heard = await callsTo(address, set);
      cli.child.kill('SIGINT');
      expect((await cli.done).code).toBe(0);
      return heard;
    }

    beforeAll(async () => {
      execFileSync('protoc', [`--descriptor_set_out=${set}`, `--proto_path=${here('.')}`, 'talk.proto']);
      writeFileSync(folder.file('none.json'), JSON.stringify({ version: 1, extends: 'none' }));
      const child = spawn(python() ?? '', [here('talk.py'), 'serve', set], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      server = child;
      const [line] = await once(createInterface({ input: child.stdout }), 'line');
      port = Number(line);
      direct = await callsTo(`127.0.0.1:${port}`, set);
      proxied = await recordedCalls(capture, '--policy', folder.file('none.json'));
    }, 60_000);

    afterAll(async () => {
      server?.stdin?.end();
      if (server?.exitCode === null) await once(server, 'close');
      folder[Symbol.dispose]();
    });

    test('hears through the proxy what it hears without it', () => {
      expect(direct.map(({ call, code }) => [call, code])).toEqual([
        ['hello', 'OK'],
        ['empty', 'OK'],
        ['fail', 'INVALID_ARGUMENT'],
        ['upload', 'OK'],
        ['list', 'OK'],
        ['long', 'OK'],
        ['squeezed', 'OK'],
        ['chat', 'OK'],
        ['cancel', 'CANCELLED'],
        ['late', 'DEADLINE_EXCEEDED'],
        ['unknown', 'UNIMPLEMENTED'],
      ]);
      expect(direct[2]).toMatchObject({
        details: 'no ünicorn: 100%',
        behind: [
          ['grpc-status-details-bin', 'CAMSAm5v'],
          ['behind', 'it'],
        ],
      });
      expect(proxied).toEqual(direct);
    });

    test('has its calls in the capture, whole and as they were on the wire', async () => {
      expect((await runCli(['verify', capture])).code).toBe(0);
      const calls: Exchange[] = [];
      await using opened = await openCapture(capture);
      for await (const exchange of opened.exchanges()) calls.push(exchange);
      expect(calls.map(({ operation }) => operation?.replace('talk.Talk/', ''))).toEqual(
        'Get Get Get Upload List Get Get Chat Chat Wait None'.split(' '),
      );
      expect(calls.map(({ request }) => request.messages.length)).toEqual([1, 1, 1, 3, 1, 1, 1, 3, 1, 1, 1]);
      expect(calls.map(({ response }) => response?.messages.length ?? 0)).toEqual([
        1, 1, 0, 1, 3, 1, 1, 3, 1, 0, 0,
      ]);
      expect(calls.map(endOf).with(9, 'of late')).toEqual([
        '0',
        '0',
        '3',
        '0',
        '0',
        '0',
        '0',
        '0',
        'client RST_STREAM 8',
        'of late',
        '12',
      ]);
      expect(endsOfLate).toContain(endOf(calls[9]));
      expect(new Set(calls.map(({ lane }) => lane)).size).toBe(1);
      const [hello, , fail, , , long, squeezed, , , late] = calls;
      expect(header(hello, 'tenant')).toBe('hose');
      expect(header(hello, 'raw-bin')).toBe('/wA');
      expect(fail === undefined ? '' : trailer(fail, 'grpc-message')).toBe('no %C3%BCnicorn: 100%25');
      expect(long?.request.size).toBeGreaterThan(200_000);
      // Compressed on the wire, told by its flag, and kept plain.
      expect(squeezed?.request.messages.map(({ kind, size }) => [kind, size])).toEqual([[1, 5003]]);
      expect(header(late, 'grpc-timeout')).toMatch(/^\d{3}m$/);
      expect(calls.flatMap(({ partial }) => partial)).toEqual([]);
    });

    test('is replayed into, with statuses and messages as recorded', async () => {
      const { code, stdout } = await runCli([
        'replay',
        capture,
        '--to',
        `http://127.0.0.1:${port}`,
        '--compare',
      ]);
      expect(stdout).toContain('Exchanges: 11 read, 11 sent, 11 answered, 0 failed, 0 skipped');
      // The answer of the call that is cancelled may come too late.
      expect(stdout).toMatch(/Messages: 15 of 15 sent, 1[12] received, recorded 12/);
      for (const line of ['7  gRPC 0 OK', '1  gRPC 1 CANCELLED', '1  gRPC 3 ', '1  gRPC 4 ', '1  gRPC 12 '])
        expect(stdout).toContain(line);
      expect(stdout).toContain('Differences: 0 in 0 of 11 exchanges');
      // Inconclusive where the machine had other things to do: it says that it fell behind.
      expect([0, 2]).toContain(code);
    });

    test('hears from the stub what it heard from the service', async () => {
      await using stub = await createStub(capture, { mask: { version: 1, extends: 'none' } });
      expect(await callsTo((await stub.listen()).replace(/^.*\/\//, ''), set)).toEqual(direct);
      expect(stub.summary()).toMatchObject({ calls: 11, matched: 11, missed: 0, verdict: 0 });
    });

    test('is recorded with its secrets masked field by field, and hears them all the same', async () => {
      const masked = folder.file('masked.hose');
      expect(await recordedCalls(masked, '--descriptors', set)).toEqual(direct);
      const { stdout } = await runCli(['inspect', masked, '--exchange', '1']);
      expect(stdout).toMatch(/"text": "hello",\s+> +"password": "mk_secret_/);
      expect(stdout).toMatch(/"text": "HELLO",\s+< +"password": "mk_secret_/);
      expect(stdout).not.toContain('hunter2');
      const frames = await framesOf(masked);
      expect(frames.join()).not.toContain('hunter2');
      expect(frames.join()).toContain('mk_secret_');
    });
  },
);

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, watch } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { FileSinkOptions, RecorderOptions } from '@gardenhose/core';
import { testCert, testKey } from '../../packages/http-adapter/test/support/tls.ts';
import type { Call, Http2Ask } from './position.ts';
import type { Numbered } from './positions.ts';

const program = fileURLToPath(new URL('service.js', import.meta.url));

export interface ServiceOptions {
  /** A folder of its own: for the capture, for temporary files, and to stand in. */
  readonly folder: string;
  readonly file?: Partial<FileSinkOptions>;
  /** What can be told to another process. */
  readonly recorder?: Partial<RecorderOptions>;
  /** Notes on each exchange of which case it is. */
  readonly marksCases?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Shell command before it, as for limits. */
  readonly before?: string;
}

/** A recorded service that runs. */
export class Service {
  readonly folder: string;
  readonly path: string;
  readonly #child: ChildProcess;
  readonly #ports: readonly number[];
  readonly #said: Buffer[];
  readonly #names: ReadonlySet<string>;
  readonly #contents: string[] = [];

  private constructor(
    folder: string,
    path: string,
    child: ChildProcess,
    said: Buffer[],
    ports: readonly number[],
  ) {
    this.folder = folder;
    this.path = path;
    this.#child = child;
    this.#said = said;
    this.#ports = ports;
    const names = new Set<string>();
    this.#names = names;
    const watcher = watch(folder, { recursive: true }, (_, name) => {
      if (name !== null) names.add(name);
    });
    child.once('close', () => watcher.close());
  }

  static async start({
    folder,
    file,
    recorder = {},
    marksCases = false,
    env,
    before,
  }: ServiceOptions): Promise<Service> {
    const path = join(folder, 'captures', 'traffic.hose');
    for (const name of ['captures', 'tmp', 'cwd']) mkdirSync(join(folder, name), { recursive: true });
    const tls = { key: testKey, cert: testCert };
    const setup = JSON.stringify({ file: { path, ...file }, recorder, marksCases, tls });
    const words = [process.execPath, program, setup];
    const [command = '', ...args] =
      before === undefined ? words : ['sh', '-c', `${before}; exec "$@"`, 'sh', ...words];
    const tmp = join(folder, 'tmp');
    const child = spawn(command, args, {
      cwd: join(folder, 'cwd'),
      env: { ...process.env, TMPDIR: tmp, TMP: tmp, TEMP: tmp, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const said: Buffer[] = [];
    child.stdout?.on('data', (piece: Buffer) => said.push(piece));
    child.stderr?.on('data', (piece: Buffer) => said.push(piece));
    const { ports } = await hear(child, 'listening', said);
    return new Service(folder, path, child, said, ports ?? []);
  }

  /** Carries a case to the service, and waits until its connection is closed. */
  async carry(one: Numbered): Promise<void> {
    const { canary, answer, mark, told, request, serverName, from, lenient } = one;
    const call = one.call?.(canary);
    const ready = hear(this.#child, 'ready', this.#said);
    this.#child.send({
      type: 'case',
      number: one.canary.number,
      answer: answer?.(canary),
      mark: mark?.(canary),
      told: told?.(canary),
      call,
    });
    await ready;
    if (told !== undefined || call?.outbound === true) return;
    const [plain = 0, insecure = 0, secure = 0, calls = 0, pages = 0] = this.#ports;
    const host = '127.0.0.1';
    if (call !== undefined) {
      await carryCall(call, connect({ host, port: calls, noDelay: true, localAddress: from?.(canary) }));
      return;
    }
    if (one.http2 !== undefined) {
      await carryHttp2(one.http2(canary), connect({ host, port: pages, noDelay: true }));
      return;
    }
    const socket: Socket =
      serverName === undefined
        ? connect({ host, port: lenient ? insecure : plain, localAddress: from?.(canary) })
        : connectTls({ host, port: secure, servername: serverName(canary), rejectUnauthorized: false });
    socket.on('error', () => undefined).resume();
    const arrived = one.breaksOff && hear(this.#child, 'arrived', this.#said);
    const closed = once(socket, 'close');
    socket.write(request?.(canary) ?? 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    if (arrived !== undefined) {
      await arrived;
      socket.destroy();
    }
    await closed;
  }

  /** Everything so far is in the file. */
  async flush(): Promise<void> {
    const flushed = hear(this.#child, 'flushed', this.#said);
    this.#child.send({ type: 'flush' });
    await flushed;
    this.look();
  }

  /** Reads what is in its folders at this moment. */
  look(): void {
    for (const name of filesIn(this.folder)) {
      this.#contents.push(name, readFileSync(join(this.folder, name), 'latin1'));
    }
  }

  /** Closes the recorder and ends the process. Gives what the recorder said of itself. */
  async close(): Promise<string> {
    const closed = hear(this.#child, 'closed', this.#said);
    this.#child.send({ type: 'close' });
    const { stats } = await closed;
    await this.#gone();
    return JSON.stringify(stats);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone();
  }

  /** What it said on its standard output and error. */
  get said(): string {
    return Buffer.concat(this.#said).toString('latin1');
  }

  /** Names of files that came or changed while it ran, and what was in them whenever they were looked at. */
  get seen(): string {
    return [...this.#names, ...this.#contents].join('\n');
  }

  /** Names of the files that it has written. */
  get files(): readonly string[] {
    return filesIn(this.folder);
  }

  async #gone(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) await once(this.#child, 'close');
  }
}

/** Writes a call as it is, which no client library would, and waits until it is over. */
async function carryCall({ path, headers, pieces }: Call, socket: Socket): Promise<void> {
  const session = connectHttp2('http://127.0.0.1', { createConnection: () => socket });
  session.on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  const closed = new Promise((resolve) => stream.on('close', resolve));
  stream.on('error', () => undefined).resume();
  for (const piece of pieces) {
    if (stream.destroyed) break;
    await new Promise((resolve) => stream.write(Buffer.from(piece, 'latin1'), resolve));
  }
  stream.end();
  await closed;
  const gone = once(socket, 'close');
  session.close();
  await gone;
}

/** Asks over HTTP/2, and waits until it is over. */
async function carryHttp2({ headers, body, trailers }: Http2Ask, socket: Socket): Promise<void> {
  const session = connectHttp2('http://127.0.0.1', { createConnection: () => socket });
  session.on('error', () => undefined);
  const stream = session.request({ ':method': 'POST', ...headers }, { waitForTrailers: true });
  const closed = new Promise((resolve) => stream.on('close', resolve));
  stream.on('wantTrailers', () => stream.sendTrailers({ ...trailers }));
  stream.on('error', () => undefined).resume();
  stream.end(Buffer.from(body ?? '', 'latin1'));
  await closed;
  const gone = once(socket, 'close');
  session.close();
  await gone;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

interface Heard {
  readonly type: string;
  readonly ports?: readonly number[];
  readonly stats?: unknown;
}

/** The next message of this type. */
function hear(child: ChildProcess, type: string, said: readonly Buffer[]): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Heard) => {
      if (message.type !== type) return;
      child.off('message', onMessage).off('exit', onExit);
      resolve(message);
    };
    const onExit = () => {
      child.off('message', onMessage);
      reject(new Error(`the service ended instead of being ${type}: ${Buffer.concat(said)}`));
    };
    child.on('message', onMessage).once('exit', onExit);
  });
}

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { GardenhoseError, isGardenhoseError } from '@gardenhose/core';
import { invalidOption, listenAddress } from '@gardenhose/core/adapter';

/** Where a control endpoint listens, and who may use it. */
export interface ControlEndpointOptions {
  /** A loopback address and a port, as `127.0.0.1:9464` or `[::1]:9464`; port 0 asks for any free one. Default `127.0.0.1:0`. */
  readonly listen?: string | undefined;
  /** What must stand in `Authorization: Bearer`: 16 to 512 visible characters of ASCII. Default a random one. */
  readonly token?: string | undefined;
}

/** An endpoint on loopback by which something of this process is controlled. Does not keep the process alive. */
export interface ControlEndpoint extends AsyncDisposable {
  /** `http://127.0.0.1:9464`. */
  readonly origin: string;
  readonly token: string;
  close(): Promise<void>;
}

/** What an endpoint answers. What is given back is sent as JSON; a `GardenhoseError` is an answer of status 400. */
export interface ControlActions {
  /** Asked by `GET /healthz`, which needs no token: nothing that is not for everybody. */
  health(): { readonly ok: boolean; readonly status: string };
  /** For GET, by path. */
  readonly reads: ReadonlyMap<string, () => unknown>;
  /** For POST, by path, with the JSON that was sent, if any was. */
  readonly writes: ReadonlyMap<string, (body: unknown) => unknown>;
}

const mostBodyBytes = 64 * 1024;
const withinMs = 5_000;
const mostConnections = 16;
const tokenForm = /^[\x21-\x7e]{16,512}$/;

/** Control must not be recorded as if it were the service's. */
const own = new WeakSet<object>();

/** Whether this is the server of a control endpoint. */
export function isControlServer(server: unknown): boolean {
  return typeof server === 'object' && server !== null && own.has(server);
}

/**
 * Listens for who controls something of this process. Only loopback; only with the token; never for a page in a browser, also not by a
 * name that was made to lead here (DNS rebinding).
 *
 * @throws {@link GardenhoseError} `invalid-option`; `io` when the address cannot be listened on
 */
export async function openControlEndpoint(
  actions: ControlActions,
  options: ControlEndpointOptions = {},
): Promise<ControlEndpoint> {
  const { listen = '127.0.0.1:0', token = randomBytes(24).toString('base64url') } = options;
  const { host, port } = controlAddress(listen);
  if (typeof token !== 'string' || !tokenForm.test(token)) {
    throw invalidOption('token', 'must have 16 to 512 visible characters of ASCII');
  }
  const digest = digestOf(token);
  const server = createServer({
    ...{ maxHeaderSize: 8 * 1024, insecureHTTPParser: false },
    ...{ requestTimeout: withinMs, headersTimeout: withinMs, connectionsCheckingInterval: 1_000 },
  });
  own.add(server);
  server.maxConnections = mostConnections;
  server.on('connection', (socket) => {
    socket.unref();
    socket.setTimeout(2 * withinMs, () => socket.destroy());
  });
  server.on('request', (request, response) => {
    answer(request, response, actions, digest).catch(() => response.destroy());
  });
  // What is no request gets Node's own answer, and nothing is upgraded.
  server.on('upgrade', (_, socket) => socket.destroy());
  server.on('connect', (_, socket) => socket.destroy());
  const at = await listening(server, host, port);
  // A connection that could not be accepted (EMFILE) is its client's loss. Unheard, it would end the process.
  server.on('error', () => undefined);
  server.unref();
  const close = async (): Promise<void> => {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { origin: `http://${at}`, token, close, [Symbol.asyncDispose]: close };
}

/** @throws {@link GardenhoseError} `invalid-option` where it is not an address of loopback */
export function controlAddress(listen: string): { readonly host: string; readonly port: number } {
  const { host, port } = listenAddress('listen', listen);
  // Not whatever the name leads to: that is for a file of the system to say.
  if (host === 'localhost') return { host: '127.0.0.1', port };
  if (host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)) return { host, port };
  throw invalidOption('listen', `must be on loopback, such as 127.0.0.1:${port}, got '${listen}'`);
}

async function listening(server: Server, host: string, port: number): Promise<string> {
  try {
    // Workers of a cluster would share it, and one of them, by chance, would be controlled.
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'failed';
    throw new GardenhoseError('io', `cannot listen for control on ${host}:${port}: ${code}`, {
      subject: 'listen',
      cause,
    });
  }
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return `${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  actions: ControlActions,
  digest: Buffer,
): Promise<void> {
  const refuse = (status: number, message: string) => reply(response, status, { error: { message } });
  if (!isHere(request)) return refuse(403, 'only for programs on this machine, by its address');
  const { method = '', url = '' } = request;
  const reads = method === 'GET' || method === 'HEAD';
  if (reads && url === '/healthz') {
    const { ok, status } = actions.health();
    return reply(response, ok ? 200 : 503, { status });
  }
  if (!hasToken(request, digest)) {
    response.setHeader('WWW-Authenticate', 'Bearer');
    return refuse(401, 'the token of this endpoint is needed, as Authorization: Bearer TOKEN');
  }
  const read = actions.reads.get(url);
  const write = actions.writes.get(url);
  if (read === undefined && write === undefined) return refuse(404, 'there is nothing here');
  const act = reads ? read && (() => read()) : method === 'POST' ? write : undefined;
  if (act === undefined) return refuse(405, `takes ${write === undefined ? 'GET' : 'POST'}`);
  const body = reads ? undefined : await bodyOf(request);
  if (body instanceof GardenhoseError) return refuse(400, body.message);
  try {
    reply(response, 200, (await act(body)) ?? {});
  } catch (error) {
    if (isGardenhoseError(error)) refuse(400, error.message);
    else refuse(500, error instanceof Error ? error.name : 'failed');
  }
}

/** Not a page in a browser, which always says where it is from, or asks for a name of its own. */
function isHere({ headers, socket }: IncomingMessage): boolean {
  const { host = '', origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined || (site !== undefined && site !== 'none')) return false;
  const at = socket.localAddress ?? '';
  const port = `:${socket.localPort}`;
  const names = ['localhost', '127.0.0.1', '[::1]', at.includes(':') ? `[${at}]` : at];
  return names.some((name) => host.toLowerCase() === name + port);
}

/** Takes the same time for every token of the same length, and tells nothing of the length of the right one. */
function hasToken({ headers }: IncomingMessage, digest: Buffer): boolean {
  const [, given] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(headers.authorization ?? '') ?? [];
  return given !== undefined && timingSafeEqual(digestOf(given), digest);
}

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The JSON that was sent; undefined where nothing was. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > mostBodyBytes) return invalidOption('the body', `must be at most ${mostBodyBytes} bytes`);
    pieces.push(piece);
  }
  if (size === 0) return undefined;
  if (!/^application\/json *(;|$)/i.test(request.headers['content-type'] ?? '')) {
    return invalidOption('the body', 'must be application/json');
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    return invalidOption('the body', 'must be JSON');
  }
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  if (response.destroyed) return;
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
  });
  response.end(body);
}

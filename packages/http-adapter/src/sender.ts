import { connect as connectTcp, createServer, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  type Exchange,
  emptyExchange,
  GardenhoseError,
  isUnsendable,
  type RunTimer,
  type Sender,
} from '@gardenhose/core';
import { defaultResponseLimits, type ResponseLimits } from './response-parser.ts';
import { type ConnectionOptions, type Line, maxBytesUnderWay } from './sender-connection.ts';
import { HttpLane } from './sender-lane.ts';
import { toRequest } from './to-request.ts';

/** How a TLS target is trusted; as in `tls.connect`. */
export interface SenderTlsOptions {
  /** Default true. */
  readonly rejectUnauthorized?: boolean | undefined;
  /** Certificates of the authorities that are trusted, as PEM. Default those of Node. */
  readonly ca?: string | undefined;
  /** Certificate of this client, as PEM. Default none. */
  readonly cert?: string | undefined;
  /** Private key of `cert`, as PEM. Default none. */
  readonly key?: string | undefined;
  /** Name asked for and expected. Default the target's host. */
  readonly servername?: string | undefined;
}

export interface SenderOptions {
  /**
   * Whose `Host` header is sent: `target` (default), the authority of the target, or `recorded`, what the capture says. A
   * `Host` that a hook has set is sent in either case.
   */
  readonly host?: 'target' | 'recorded' | undefined;
  /** For a target with `https:`. */
  readonly tls?: SenderTlsOptions | undefined;
  /** Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Bytes kept of one answer's body; the rest is counted. Default 16,777,216 (16 MiB). */
  readonly maxBodyBytes?: number | undefined;
  /** Bytes of an answer's head. Default 65,536. */
  readonly maxHeadBytes?: number | undefined;
}

interface SenderSetup {
  readonly target: string;
  readonly options: SenderOptions;
}

/**
 * Sends recorded HTTP exchanges to an origin over sockets of its own, so that the bytes are those that were recorded.
 * `to-request.ts` lists what has to differ.
 *
 * @param target - `http://host:port` or `https://host:port`, without a path
 * @throws {@link GardenhoseError} `invalid-option`
 */
export function createSender(target: string | URL, options: SenderOptions = {}): Sender {
  const url = parseTarget(String(target));
  const { host = 'target' } = options;
  if (host !== 'target' && host !== 'recorded') {
    throw invalid('host', `must be 'target' or 'recorded', got '${String(host)}'`);
  }
  const limits: ResponseLimits = {
    ...defaultResponseLimits,
    maxHeadBytes: whole('maxHeadBytes', options.maxHeadBytes, defaultResponseLimits.maxHeadBytes),
  };
  const connection: ConnectionOptions = {
    target: url.origin,
    dial: dialer(url, options.tls ?? {}),
    limits,
    maxBodyBytes: whole('maxBodyBytes', options.maxBodyBytes, 16 * 1024 * 1024),
    room: { bytes: maxBytesUnderWay },
    connectTimeoutMs: whole('connectTimeoutMs', options.connectTimeoutMs, 5_000),
  };
  const request = { authority: url.host, host };
  const setup: SenderSetup = { target: url.origin, options };
  return {
    target: url.origin,
    source: { url: import.meta.url, options: setup },
    prepare: (exchange, recorded) => toRequest(exchange, request, recorded),
    openLane: (_lane, timer) => new HttpLane(connection, timer),
    rehearse: (timer) => rehearse(connection, timer),
    async close() {},
  };
}

/** Makes the same sender in a worker. */
export function openSender(setup: unknown): Sender {
  if (!isSetup(setup))
    throw new GardenhoseError('invalid-option', 'a sender is opened by a target and its options');
  return createSender(setup.target, setup.options);
}

function isSetup(setup: unknown): setup is SenderSetup {
  return (
    typeof setup === 'object' &&
    setup !== null &&
    'target' in setup &&
    typeof setup.target === 'string' &&
    'options' in setup &&
    typeof setup.options === 'object'
  );
}

/** RFC 6761 section 6.3: these names are loopback, whatever a resolver says. */
const lookupLoopback: LookupFunction = (_hostname, options, done) => {
  const all = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (options.all === true) done(null, all);
  else done(null, options.family === 6 ? '::1' : '127.0.0.1', options.family === 6 ? 6 : 4);
};

function dialer(url: URL, tls: SenderTlsOptions): () => Line {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const name = host.replace(/\.$/, '');
  const local = name === 'localhost' || name.endsWith('.localhost');
  const address = {
    host,
    port: Number(url.port || (secure ? 443 : 80)),
    noDelay: true,
    autoSelectFamily: true,
    ...(local ? { lookup: lookupLoopback } : {}),
  };
  if (!secure) return () => ({ stream: connectTcp(address), readyOn: 'connect' });
  const servername = tls.servername ?? (/^[\d.]+$|:/.test(host) ? undefined : host);
  return () => ({
    stream: connectTls({
      ...address,
      ...tls,
      rejectUnauthorized: tls.rejectUnauthorized ?? true,
      ...(servername === undefined ? {} : { servername }),
      ALPNProtocols: ['http/1.1'],
    }),
    readyOn: 'secureConnect',
  });
}

const rehearsals = 200;
const rehearsalLanes = 4;

/**
 * Sends small requests to a server of its own on the loopback interface, over the same code: without it the first exchange
 * of a run is 5 to 20 ms late, while this code is being compiled.
 */
async function rehearse(connection: ConnectionOptions, timer: RunTimer): Promise<void> {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', () => socket.write(answer));
    socket.on('error', () => socket.destroy());
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') return;
    const dial = dialer(new URL(`http://127.0.0.1:${address.port}`), {});
    const request = toRequest(rehearsal, { authority: '127.0.0.1', host: 'target' });
    if (isUnsendable(request)) return;
    const lanes = Array.from({ length: rehearsalLanes }, () => new HttpLane({ ...connection, dial }, timer));
    await Promise.all(
      lanes.map(async (lane) => {
        for (let i = 0; i < rehearsals / rehearsalLanes; i++) await lane.send(request, false);
        lane.close();
      }),
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

const rehearsal: Exchange = {
  ...emptyExchange,
  request: { ...emptyExchange.request, headers: ['Host', 'rehearsal.invalid', 'Accept', '*/*'] },
};

function parseTarget(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalid('target', `must be an origin such as http://127.0.0.1:3000, got '${text}'`);
  }
  if (url.username !== '' || url.password !== '')
    throw invalid('target', 'must not hold a user name or password');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw invalid('target', `must be an origin without a path, got '${text}'`);
  }
  return url;
}

function whole(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(option, `must be a whole number over 0, got ${String(value)}`);
}

function invalid(option: string, problem: string): GardenhoseError {
  return new GardenhoseError('invalid-option', `${option} ${problem}`, { subject: option });
}

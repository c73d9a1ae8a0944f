import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { type AnswerError, type SenderTlsOptions, systemClock } from '@gardenhose/core';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { GrpcChannel, GrpcLibrary } from './library.ts';

export interface ChannelOptions {
  readonly url: URL;
  readonly tls: SenderTlsOptions;
  readonly connectTimeoutMs: number;
  readonly maxMessageBytes: number;
}

/** The codings that grpc-js can write, by the numbers of its option. */
export type Coding = 'identity' | 'deflate' | 'gzip';
const codings: Readonly<Record<Coding, number>> = { identity: 0, deflate: 1, gzip: 2 };

/**
 * Opens a channel with a connection of its own. What it does by itself, such as sending again, is off.
 *
 * @param given - in place of credentials by the scheme
 */
export function openChannel(
  library: GrpcLibrary,
  options: ChannelOptions,
  coding: Coding,
  given?: ChannelCredentials,
): GrpcChannel {
  const { url, tls, maxMessageBytes } = options;
  const { ca, cert, key, servername, rejectUnauthorized = true } = tls;
  const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
  const byScheme = () =>
    url.protocol === 'https:'
      ? library.credentials.createSsl(pem(ca), pem(key), pem(cert), { rejectUnauthorized })
      : library.credentials.createInsecure();
  const credentials = given ?? byScheme();
  return new library.Channel(addressOf(url), credentials, {
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_channelz': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc-node.flow_control_window': flowWindow,
    'grpc.default_compression_algorithm': codings[coding],
    ...(servername === undefined ? {} : { 'grpc.ssl_target_name_override': servername }),
  });
}

/** A target is not held up because this side takes a moment to read. */
const flowWindow = 4 * 1024 * 1024;

function addressOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`;
}

/** Connects a channel. Resolves to what went wrong, if something did. */
export async function connectChannel(
  library: GrpcLibrary,
  channel: GrpcChannel,
  options: ChannelOptions,
): Promise<AnswerError | undefined> {
  const { READY, TRANSIENT_FAILURE, SHUTDOWN } = library.connectivityState;
  const until = Date.now() + options.connectTimeoutMs;
  for (let state = channel.getConnectivityState(true); ; state = channel.getConnectivityState(true)) {
    if (state === READY) return undefined;
    if (state === SHUTDOWN) {
      return { code: 'replay-aborted', message: 'The replay was ended before it was connected' };
    }
    const late = state === TRANSIENT_FAILURE || !(await changed(channel, state, until));
    if (late) return { code: 'target-unreachable', message: await whyNot(options) };
  }
}

function changed(channel: GrpcChannel, state: number, until: number): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      channel.watchConnectivityState(state, until, (error) => resolve(error === undefined));
    } catch {
      // Closed meanwhile: the state says so.
      resolve(true);
    }
  });
}

/** Why a target cannot be connected. grpc-js tells it to calls alone, and one to ask with might be sent. */
async function whyNot(options: ChannelOptions): Promise<string> {
  const { url, tls, connectTimeoutMs } = options;
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const address = { host, port: Number(url.port || (secure ? 443 : 80)) };
  return new Promise((resolve) => {
    const servername = tls.servername ?? (/^[\d.]+$|:/.test(host) ? undefined : host);
    const socket: Socket = secure
      ? connectTls({
          ...address,
          ...tls,
          rejectUnauthorized: tls.rejectUnauthorized ?? true,
          ...(servername === undefined ? {} : { servername }),
          ALPNProtocols: ['h2'],
        })
      : connectTcp(address);
    const tell = (what: string) => {
      undo();
      socket.destroy();
      resolve(what);
    };
    const undo = systemClock.after(connectTimeoutMs, () =>
      tell(`${url.origin} took longer than ${connectTimeoutMs} ms to connect`),
    );
    socket.once('error', (error: NodeJS.ErrnoException) => tell(unreachable(url, error)));
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      const other = socket instanceof TLSSocket && socket.alpnProtocol !== 'h2';
      tell(
        other
          ? `${url.origin} does not speak HTTP/2 over TLS (no ALPN protocol h2), which gRPC needs`
          : `${url.origin} takes connections but does not speak ${secure ? 'HTTP/2' : 'HTTP/2 without TLS; give it as https: if it is served with TLS'}`,
      );
    });
  });
}

function unreachable({ origin, protocol }: URL, error: NodeJS.ErrnoException): string {
  const code = error.code ?? error.name;
  if (code === 'ECONNREFUSED') {
    return `Nothing listens at ${origin} (ECONNREFUSED); start the target or correct the port`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `The host of ${origin} is not known (${code})`;
  if (
    protocol === 'https:' &&
    (/SSL|TLS|CERT|SIGNATURE|SELF_SIGNED|EPROTO/.test(code) || code === 'ECONNRESET')
  ) {
    return `No TLS with ${origin} (${code}): give its authority as tls.ca, its name as tls.servername, or http: where it has no TLS`;
  }
  return `${origin} cannot be connected (${code})`;
}

/** Channels by the coding that they compress with: grpc-js knows one for each channel. */
export class Channels {
  readonly #library: GrpcLibrary;
  readonly #options: ChannelOptions;
  readonly #open = new Map<Coding, GrpcChannel>();

  constructor(library: GrpcLibrary, options: ChannelOptions) {
    this.#library = library;
    this.#options = options;
  }

  get(coding: Coding): GrpcChannel {
    let channel = this.#open.get(coding);
    if (channel === undefined) {
      channel = openChannel(this.#library, this.#options, coding);
      this.#open.set(coding, channel);
    }
    return channel;
  }

  connect(): Promise<AnswerError | undefined> {
    return connectChannel(this.#library, this.get('identity'), this.#options);
  }

  close(): void {
    for (const channel of this.#open.values()) channel.close();
    this.#open.clear();
  }
}

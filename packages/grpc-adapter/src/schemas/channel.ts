import type { AnswerError } from '@gardenhose/core';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { GrpcChannel, GrpcLibrary } from '../library.ts';
import { type ConnectionOptions, isSocket, notHttp2, openSocket } from '../sender-connection.ts';

export interface ChannelOptions extends ConnectionOptions {
  readonly maxMessageBytes: number;
}

/**
 * Opens a channel with a connection of its own. What it does by itself, such as sending again, is off.
 *
 * @param given - in place of credentials by the scheme
 */
export function openChannel(
  library: GrpcLibrary,
  options: ChannelOptions,
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

/** Why a target cannot be connected. grpc-js tells it to calls alone. */
async function whyNot(options: ChannelOptions): Promise<string> {
  const socket = await openSocket(options);
  if (!isSocket(socket)) return socket.message;
  socket.destroy();
  return notHttp2(options.url);
}

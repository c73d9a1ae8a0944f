import { GardenhoseError, type Sender, type SenderTlsOptions } from '@gardenhose/core';
import {
  flagOption,
  invalidOption,
  isSenderSetup,
  onlyOptions,
  originOption,
  type SenderSetup,
  senderTlsNames,
  wholeOption,
} from '@gardenhose/core/adapter';
import { defaultLibrary, type GrpcLibrary, isLibrary, loadLibrary } from './library.ts';
import { rehearse } from './rehearse.ts';
import { type ChannelOptions, Channels } from './sender-channel.ts';
import { GrpcLane, type LaneFacts } from './sender-lane.ts';
import { toCall } from './to-call.ts';

/** Options of a sender that can leave its thread. */
export interface SenderSettings {
  /**
   * What a worker imports in place of `grpc`: the name of a package as this one finds it, or a URL. Default `@grpc/grpc-js`.
   */
  readonly library?: string | undefined;
  /**
   * Whose `:authority` is sent: `target` (default), or `recorded`, what the capture says. One that a hook has set is sent in
   * either case.
   */
  readonly authority?: 'target' | 'recorded' | undefined;
  /** For a target with `https:`. */
  readonly tls?: SenderTlsOptions | undefined;
  /**
   * Connections: one for each `lane`, as recorded (default), or so many for all lanes together. Calls go side by side in
   * either case, and their order is kept.
   */
  readonly channels?: 'lane' | number | undefined;
  /** Whether calls of the services of health checks, reflection and channelz are sent. Default false: skipped as `infrastructure`. */
  readonly infrastructure?: boolean | undefined;
  /** Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Bytes kept of the messages of one answer; the rest is counted. Default 16,777,216 (16 MiB). */
  readonly maxBodyBytes?: number | undefined;
  /** Bytes of one message of an answer; a larger one ends the call. Default 67,108,864 (64 MiB). */
  readonly maxMessageBytes?: number | undefined;
}

export interface SenderOptions extends SenderSettings {
  /** The application's copy of `@grpc/grpc-js`, 1.10 or newer: `import * as grpc from '@grpc/grpc-js'`. */
  readonly grpc: GrpcLibrary;
}

const settingNames: Readonly<Record<keyof SenderSettings, true>> = {
  library: true,
  authority: true,
  tls: true,
  channels: true,
  infrastructure: true,
  connectTimeoutMs: true,
  maxBodyBytes: true,
  maxMessageBytes: true,
};

/** Node's streams of HTTP/2 are held by its native side, so that all that belongs to a call survives one collection. */
const youngGenerationMb = 8;

/** A target that answers all that is under way with messages without end shall not fill the memory. */
const maxBytesUnderWay = 256 * 1024 * 1024;

/**
 * Sends recorded gRPC calls of all four kinds to an origin, each message as the bytes that were recorded and at its own time,
 * with the half-close, the cancel and the deadline of its client. `to-call.ts` lists what has to differ.
 *
 * @param target - `http://host:port` for gRPC without TLS, `https://host:port` with it; without a path
 * @throws {@link GardenhoseError} `invalid-option`
 * @example
 * import * as grpc from '@grpc/grpc-js';
 * const sender = createSender('http://127.0.0.1:50051', { grpc });
 */
export function createSender(target: string | URL, options: SenderOptions): Sender {
  const { grpc: library, ...settings } = options;
  if (!isLibrary(library)) {
    throw invalidOption('grpc', 'must be the module @grpc/grpc-js: import * as grpc from "@grpc/grpc-js"');
  }
  const url = originOption('target', target);
  onlyOptions('sender', settings, settingNames);
  onlyOptions('tls', settings.tls ?? {}, senderTlsNames);
  const { authority = 'target', channels = 'lane' } = settings;
  const infrastructure = flagOption('infrastructure', settings.infrastructure, false);
  if (authority !== 'target' && authority !== 'recorded') {
    throw invalidOption('authority', `must be 'target' or 'recorded', got '${String(authority)}'`);
  }
  if (channels !== 'lane') wholeOption('channels', channels, 1);
  if (settings.library !== undefined && (typeof settings.library !== 'string' || settings.library === '')) {
    throw invalidOption('library', 'must be the name of a package or a URL');
  }
  const maxMessageBytes = wholeOption('maxMessageBytes', settings.maxMessageBytes, 64 * 1024 * 1024);
  const channelOptions: ChannelOptions = {
    url,
    tls: settings.tls ?? {},
    connectTimeoutMs: wholeOption('connectTimeoutMs', settings.connectTimeoutMs, 5_000),
    maxMessageBytes,
  };
  const facts: LaneFacts = {
    library,
    target: url.origin,
    limits: {
      maxBodyBytes: wholeOption('maxBodyBytes', settings.maxBodyBytes, 16 * 1024 * 1024),
      maxMessageBytes,
      room: { bytes: maxBytesUnderWay },
    },
  };
  const shared = Array.from(
    { length: channels === 'lane' ? 0 : channels },
    () => new Channels(library, channelOptions),
  );
  const setup: SenderSetup<SenderSettings> = { target: url.origin, settings };
  let lanes = 0;
  return {
    target: url.origin,
    source: { url: import.meta.url, options: setup, youngGenerationMb },
    prepare: (exchange, recorded) => toCall(exchange, { authority, infrastructure }, recorded),
    openLane(_lane, timer) {
      const common = shared[lanes++ % Math.max(1, shared.length)];
      if (common !== undefined) return new GrpcLane(facts, timer, common, () => {});
      const own = new Channels(library, channelOptions);
      return new GrpcLane(facts, timer, own, () => own.close());
    },
    rehearse: (timer) => rehearse(facts, channelOptions, timer),
    async close() {
      for (const one of shared) one.close();
    },
  };
}

/** Makes the same sender in a worker. */
export async function openSender(setup: unknown): Promise<Sender> {
  if (!isSenderSetup<SenderSettings>(setup)) {
    throw new GardenhoseError('invalid-option', 'a sender is opened by a target and its settings');
  }
  const grpc = await loadLibrary(setup.settings.library ?? defaultLibrary);
  return createSender(setup.target, { ...setup.settings, grpc });
}

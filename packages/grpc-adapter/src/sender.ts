import type { PinnedAddresses, Sender, SenderTlsOptions } from '@gardenhose/core';
import {
  flagOption,
  invalidOption,
  isSocketPath,
  onlyOptions,
  originOption,
  type SenderSetup,
  senderSetup,
  senderTlsNames,
  wholeOption,
} from '@gardenhose/core/adapter';
import { rehearse } from './rehearse.ts';
import type { CallFacts } from './sender-call.ts';
import { authorityOf, Connection, type ConnectionOptions, describeTarget } from './sender-connection.ts';
import { GrpcLane } from './sender-lane.ts';
import { toCall } from './to-call.ts';

export interface SenderOptions {
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
  /** Bytes kept of the messages of one answer, once they are decompressed; the rest is counted. Default 16,777,216 (16 MiB). */
  readonly maxBodyBytes?: number | undefined;
  /** Bytes of one message of an answer; a larger one ends the call. Default 67,108,864 (64 MiB). */
  readonly maxMessageBytes?: number | undefined;
  /**
   * A message, or the end of a request, that came after messages of the answer waits until as many have come again, unless the
   * order is `none`; but no longer than this past its time. Then it is sent all the same, and counted. Default 5,000.
   */
  readonly maxMessageWaitMs?: number | undefined;
}

const optionNames: Readonly<Record<keyof SenderOptions, true>> = {
  authority: true,
  tls: true,
  channels: true,
  infrastructure: true,
  connectTimeoutMs: true,
  maxBodyBytes: true,
  maxMessageBytes: true,
  maxMessageWaitMs: true,
};

/** Node's streams of HTTP/2 are held by its native side, so that all that belongs to a call survives one collection. */
const youngGenerationMb = 4;

/** A target that answers all that is under way with messages without end shall not fill the memory. */
const maxBytesUnderWay = 256 * 1024 * 1024;

/**
 * Sends recorded gRPC calls of all four kinds to an origin, each message as the bytes that were recorded and at its own time,
 * with the half-close, the cancel and the deadline of its client. `to-call.ts` lists what has to differ. It writes to Node's
 * HTTP/2 itself: a library for clients would write heads of its own, send again by itself and hide how a call broke off.
 *
 * @param target - `http://host:port` for gRPC without TLS, `https://host:port` with it; without a path. `unix:/run/shop.sock` for a
 *   socket in the file system, without TLS
 * @throws {@link GardenhoseError} `invalid-option`
 * @example
 * const sender = createSender('http://127.0.0.1:50051');
 */
export function createSender(target: string | URL, options: SenderOptions = {}): Sender {
  return senderOf(target, options, undefined);
}

function senderOf(
  target: string | URL,
  options: SenderOptions,
  addresses: PinnedAddresses | undefined,
): Sender {
  const url = isSocketPath(String(target)) ? new URL(target) : originOption('target', target);
  onlyOptions('sender', options, optionNames);
  onlyOptions('tls', options.tls ?? {}, senderTlsNames);
  const { authority = 'target', channels = 'lane' } = options;
  const infrastructure = flagOption('infrastructure', options.infrastructure, false);
  if (authority !== 'target' && authority !== 'recorded') {
    throw invalidOption('authority', `must be 'target' or 'recorded', got '${String(authority)}'`);
  }
  if (channels !== 'lane') wholeOption('channels', channels, 1);
  let pinned = addresses;
  const connection: ConnectionOptions = {
    url,
    pinned: () => pinned,
    tls: options.tls ?? {},
    connectTimeoutMs: wholeOption('connectTimeoutMs', options.connectTimeoutMs, 5_000),
  };
  const facts: CallFacts = {
    target: describeTarget(url),
    scheme: url.protocol === 'https:' ? 'https' : 'http',
    authority: authorityOf(url),
    limits: {
      maxBodyBytes: wholeOption('maxBodyBytes', options.maxBodyBytes, 16 * 1024 * 1024),
      maxMessageBytes: wholeOption('maxMessageBytes', options.maxMessageBytes, 64 * 1024 * 1024),
      room: { bytes: maxBytesUnderWay },
    },
    maxMessageWaitNs: wholeOption('maxMessageWaitMs', options.maxMessageWaitMs, 5_000) * 1e6,
  };
  const shared = Array.from({ length: channels === 'lane' ? 0 : channels }, () => new Connection(connection));
  const call = { authority, targetAuthority: facts.authority, infrastructure } as const;
  let lanes = 0;
  return {
    target: facts.target,
    get source() {
      const setup: SenderSetup<SenderOptions> = {
        target: facts.target,
        settings: options,
        addresses: pinned,
      };
      return { url: import.meta.url, options: setup, youngGenerationMb };
    },
    secure(measures) {
      pinned = measures.addresses;
      return () => {
        pinned = addresses;
      };
    },
    prepare: (exchange, recorded, spelt) => toCall(exchange, call, recorded, spelt),
    openLane(_lane, timer) {
      const common = shared[lanes++ % Math.max(1, shared.length)];
      if (common !== undefined) return new GrpcLane(facts, timer, common, () => {});
      const own = new Connection(connection);
      return new GrpcLane(facts, timer, own, () => own.close());
    },
    rehearse: (timer) => rehearse(facts, connection, timer),
    async close() {
      for (const one of shared) one.close();
    },
  };
}

/** Makes the same sender in a worker. */
export function openSender(setup: unknown): Sender {
  const { target, settings, addresses } = senderSetup<SenderOptions>(setup);
  return senderOf(target, settings, addresses);
}

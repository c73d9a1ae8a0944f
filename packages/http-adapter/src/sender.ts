import type { PinnedAddresses, Sender, SenderTlsOptions } from '@gardenhose/core';
import {
  invalidOption,
  onlyOptions,
  originOption,
  type SenderSetup,
  senderSetup,
  senderTlsNames,
  wholeOption,
} from '@gardenhose/core/adapter';
import { dialer } from './dial.ts';
import { rehearse } from './rehearse.ts';
import { defaultResponseLimits, type ResponseLimits } from './response-parser.ts';
import { maxBytesUnderWay } from './sender-connection.ts';
import { HttpLane } from './sender-lane.ts';
import { toShipment } from './to-shipment.ts';
import type { SocketOptions } from './websocket/sent-socket.ts';

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
  /**
   * A message of a WebSocket that came after messages of the other side waits until as many have come again, unless the order is
   * `none`; but no longer than this past its time. Then it is sent all the same, and counted. As long is waited for the answer to a
   * close. Default 5,000.
   */
  readonly maxMessageWaitMs?: number | undefined;
}

const optionNames: Readonly<Record<keyof SenderOptions, true>> = {
  host: true,
  tls: true,
  connectTimeoutMs: true,
  maxBodyBytes: true,
  maxHeadBytes: true,
  maxMessageWaitMs: true,
};

/**
 * Sends recorded HTTP exchanges and WebSockets to an origin over sockets of its own, so that the bytes are those that were
 * recorded. `to-request.ts` and `websocket/to-conversation.ts` list what has to differ.
 *
 * @param target - `http://host:port` or `https://host:port`, without a path
 * @throws {@link GardenhoseError} `invalid-option`
 */
export function createSender(target: string | URL, options: SenderOptions = {}): Sender {
  return senderOf(target, options, undefined);
}

function senderOf(
  target: string | URL,
  options: SenderOptions,
  addresses: PinnedAddresses | undefined,
): Sender {
  const url = originOption('target', target);
  onlyOptions('sender', options, optionNames);
  onlyOptions('tls', options.tls ?? {}, senderTlsNames);
  const { host = 'target' } = options;
  if (host !== 'target' && host !== 'recorded') {
    throw invalidOption('host', `must be 'target' or 'recorded', got '${String(host)}'`);
  }
  const limits: ResponseLimits = {
    ...defaultResponseLimits,
    maxHeadBytes: wholeOption('maxHeadBytes', options.maxHeadBytes, defaultResponseLimits.maxHeadBytes),
  };
  let pinned = addresses;
  const connection: SocketOptions = {
    target: url.origin,
    dial: dialer(url, options.tls ?? {}, () => pinned),
    limits,
    maxBodyBytes: wholeOption('maxBodyBytes', options.maxBodyBytes, 16 * 1024 * 1024),
    room: { bytes: maxBytesUnderWay },
    connectTimeoutMs: wholeOption('connectTimeoutMs', options.connectTimeoutMs, 5_000),
    maxMessageWaitMs: wholeOption('maxMessageWaitMs', options.maxMessageWaitMs, 5_000),
  };
  const request = { authority: url.host, host };
  return {
    target: url.origin,
    get source() {
      const setup: SenderSetup<SenderOptions> = { target: url.origin, settings: options, addresses: pinned };
      return { url: import.meta.url, options: setup };
    },
    secure(measures) {
      pinned = measures.addresses;
      return () => {
        pinned = addresses;
      };
    },
    prepare: (exchange, recorded, authority) => toShipment(exchange, request, recorded, authority),
    openLane: (_lane, timer) => new HttpLane(connection, timer),
    rehearse: (timer) => rehearse(connection, timer),
    async close() {},
  };
}

/** Makes the same sender in a worker. */
export function openSender(setup: unknown): Sender {
  const { target, settings, addresses } = senderSetup<SenderOptions>(setup);
  return senderOf(target, settings, addresses);
}

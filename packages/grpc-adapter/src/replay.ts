import type { ReplayRunOptions, ReplaySource, Report, Sender } from '@gardenhose/core';
import { refuseSenderSettings, replayThrough } from '@gardenhose/core/adapter';
import { createSender, type SenderOptions } from './sender.ts';

/** Where to replay to: an origin, or a sender that is made ready. */
export type ReplayTarget = string | URL | Sender;

export interface GrpcReplayOptions extends ReplayRunOptions {
  /** How an origin is sent to. For another kind of target, make its sender yourself. */
  readonly sender?: SenderOptions | undefined;
}

/**
 * Replays the gRPC calls of a capture, compares the answers if asked to, and reports. Exchanges of other protocols are skipped as
 * `protocol`: to send those too, give `byProtocol({ grpc, http })` as the target.
 *
 * @throws {@link GardenhoseError} as `replay` of core does; `invalid-option` when the target is none;
 *   and what opening and reading the capture throws
 * @example
 * const report = await replay('orders.hose', 'http://127.0.0.1:50051', { speed: 2, compare: true });
 * @example
 * // HTTP and gRPC in one run and on one clock:
 * const sender = byProtocol({ http: createHttpSender(origin), grpc: createSender(grpcOrigin) });
 * const report = await replay('orders.hose', sender);
 */
export async function replay(
  source: ReplaySource,
  target: ReplayTarget,
  options: GrpcReplayOptions = {},
): Promise<Report> {
  const { sender: senderOptions, ...rest } = options;
  return replayThrough(source, target, senderFor(target, senderOptions), rest);
}

function senderFor(target: ReplayTarget, options: SenderOptions | undefined): Sender {
  if (typeof target === 'string' || target instanceof URL) return createSender(target, options);
  refuseSenderSettings(options);
  return target;
}

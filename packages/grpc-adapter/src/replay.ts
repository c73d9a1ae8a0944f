import {
  type Capture,
  type Exchange,
  GardenhoseError,
  openCapture,
  type ReplayRunOptions,
  type Report,
  replayCapture,
  replay as replayOver,
  type Sender,
} from '@gardenhose/core';
import { type GrpcLibrary, loadLibrary } from './library.ts';
import { createSender, type SenderSettings } from './sender.ts';

/** Where to replay to: an origin, or a sender that is made ready. */
export type ReplayTarget = string | URL | Sender;

/** What to replay: the path of a capture, an open capture, or exchanges in order of their starts. */
export type ReplaySource = string | Capture | AsyncIterable<Exchange> | Iterable<Exchange>;

/** How an origin is sent to, with the application's copy of grpc-js where it has one at hand. */
export interface GrpcReplaySenderOptions extends SenderSettings {
  /** Default what `library` names. */
  readonly grpc?: GrpcLibrary | undefined;
}

export interface GrpcReplayOptions extends ReplayRunOptions {
  /** How an origin is sent to. For another kind of target, make its sender yourself. */
  readonly sender?: GrpcReplaySenderOptions | undefined;
}

/**
 * Replays the gRPC calls of a capture, compares the answers if asked to, and reports. Exchanges of other protocols are skipped as
 * `protocol`: to send those too, give `byProtocol({ grpc, http })` as the target.
 *
 * @throws {@link GardenhoseError} as `replay` of core does; `invalid-option` when the target is none, or grpc-js is not found;
 *   and what opening and reading the capture throws
 * @example
 * const report = await replay('orders.hose', 'http://127.0.0.1:50051', { speed: 2, compare: true });
 * @example
 * // HTTP and gRPC in one run and on one clock:
 * const sender = byProtocol({ http: createHttpSender(origin), grpc: createSender(grpcOrigin, { grpc }) });
 * const report = await replay('orders.hose', sender);
 */
export async function replay(
  source: ReplaySource,
  target: ReplayTarget,
  options: GrpcReplayOptions = {},
): Promise<Report> {
  const { sender: senderOptions, ...rest } = options;
  const sender = await senderFor(target, senderOptions);
  try {
    if (typeof source === 'string') {
      await using capture = await openCapture(source);
      return await replayCapture(capture, sender, rest);
    }
    return await ('header' in source
      ? replayCapture(source, sender, rest)
      : replayOver(source, sender, rest));
  } finally {
    if (sender !== target) await sender.close();
  }
}

async function senderFor(
  target: ReplayTarget,
  options: GrpcReplaySenderOptions | undefined,
): Promise<Sender> {
  if (typeof target === 'string' || target instanceof URL) {
    const grpc = options?.grpc ?? (await loadLibrary(options?.library));
    return createSender(target, { ...options, grpc });
  }
  if (options !== undefined) {
    throw new GardenhoseError(
      'invalid-option',
      'sender is for targets that are an origin; this target is none',
      {
        subject: 'sender',
      },
    );
  }
  return target;
}

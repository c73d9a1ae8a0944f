import type { ReplayRunOptions, ReplaySource, Report, Sender } from '@gardenhose/core';
import { refuseSenderSettings, replayThrough } from '@gardenhose/core/adapter';
import { createInProcessSender, type InProcessApp } from './in-process.ts';
import { createSender, type SenderOptions } from './sender.ts';

/** Where to replay to: an origin, an application in this process, or a sender that is made ready. */
export type ReplayTarget = string | URL | InProcessApp | Sender;

export interface HttpReplayOptions extends ReplayRunOptions {
  /** How an origin is sent to. For another kind of target, make its sender yourself. */
  readonly sender?: SenderOptions | undefined;
}

/**
 * Replays a capture over HTTP, compares the answers if asked to, and reports.
 *
 * @throws {@link GardenhoseError} as `replay` of core does; `invalid-option` when the target is none; and what opening and
 *   reading the capture throws
 * @example
 * const report = await replay('orders.hose', 'http://127.0.0.1:3000', { speed: 2, compare: true });
 * @example
 * // In a test, without a port:
 * const report = await replay('orders.hose', app, { pace: 'asap', compare: true });
 * assert.equal(report.verdict, 0);
 */
export async function replay(
  source: ReplaySource,
  target: ReplayTarget,
  options: HttpReplayOptions = {},
): Promise<Report> {
  const { sender: senderOptions, ...rest } = options;
  return replayThrough(source, target, await senderFor(target, senderOptions), rest);
}

async function senderFor(target: ReplayTarget, options: SenderOptions | undefined): Promise<Sender> {
  if (typeof target === 'string' || target instanceof URL) return createSender(target, options);
  refuseSenderSettings(options);
  return isSender(target) ? target : await createInProcessSender(target);
}

function isSender(target: InProcessApp | Sender): target is Sender {
  return typeof target === 'object' && target !== null && 'openLane' in target;
}

import type { Message } from '../model/exchange.ts';
import type { Settled } from './job.ts';
import type { Schedule } from './schedule.ts';

/**
 * How late each message of a client left: actual minus planned time, without the time that its exchange waited for answers,
 * and it for messages of its own.
 * Of a body in pieces, the same of each that was due after the head. Undefined where there is none, or the sender does not know when they
 * left.
 */
export function messageLags(
  messages: readonly Message[],
  startAt: number,
  { plannedAt, blockedNs, answer }: Settled,
  schedule: Schedule,
): number[] | undefined {
  const { laterLagsNs } = answer ?? {};
  if (laterLagsNs !== undefined) {
    const lag = (answer?.sentAt ?? Number.NaN) - plannedAt - blockedNs;
    return laterLagsNs.map((later) => lag + later);
  }
  const sentAt = answer?.partsSentAt;
  if (sentAt === undefined || messages.length === 0) return undefined;
  const lags: number[] = [];
  let offset = 0;
  for (const [i, { at }] of messages.slice(0, sentAt.length).entries()) {
    offset = Math.max(offset, at - startAt);
    const heldNs = blockedNs + (answer?.partsBlockedNs?.[i] ?? 0);
    lags.push((sentAt[i] ?? Number.NaN) - plannedAt - heldNs - schedule.offset(offset));
  }
  return lags;
}

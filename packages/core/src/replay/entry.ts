import type { Exchange } from '../model/exchange.ts';
import { grpcStatusOf } from '../model/grpc-status.ts';
import { operationOf } from '../model/operation.ts';
import type { Settled } from './job.ts';
import type { Answer } from './sender.ts';
import type { TranscriptEntry } from './transcript.ts';

// Field by field: an object that is spread and then added to costs V8 several microseconds and kilobytes.

/**
 * What a transcript says of an exchange that was sent.
 *
 * @param status - that of the answer
 */
export function sentEntry(
  recorded: Exchange,
  iteration: number | undefined,
  settled: Settled,
  answer: Answer,
  status: number | undefined,
  messageLagsNs: readonly number[] | undefined,
): TranscriptEntry {
  return {
    exchange: recorded.id,
    iteration,
    lane: recorded.lane,
    protocol: recorded.protocol,
    operation: operationOf(recorded),
    plannedAt: settled.plannedAt,
    blockedNs: settled.blockedNs,
    sentAt: answer.sentAt,
    firstByteAt: answer.firstByteAt,
    endAt: answer.endAt,
    outcome: answer.error === undefined ? 'answered' : 'failed',
    recordedStatus: statusOf(recorded),
    status,
    error: answer.error,
    resent: answer.resent,
    messageLagsNs,
    messagesBlockedNs: answer.partsBlockedNs?.filter((ns) => ns > 0),
    messagesUnawaited: answer.partsUnawaited,
  };
}

/** What a transcript says of an exchange that was not sent. Without times, it was left out before it was planned. */
export function skippedEntry(
  recorded: Exchange,
  iteration: number | undefined,
  skip: string,
  times: Pick<TranscriptEntry, 'plannedAt' | 'blockedNs' | 'error'> = unplanned,
): TranscriptEntry {
  return {
    exchange: recorded.id,
    iteration,
    lane: recorded.lane,
    protocol: recorded.protocol,
    operation: operationOf(recorded),
    plannedAt: times.plannedAt,
    blockedNs: times.blockedNs,
    outcome: 'skipped',
    recordedStatus: statusOf(recorded),
    error: times.error,
    skip,
  };
}

/** Of gRPC the status of the call, of others that of the answer. */
export function statusOf(exchange: Exchange): number | undefined {
  return exchange.protocol === 'grpc' ? grpcStatusOf(exchange) : exchange.response?.status;
}

const unplanned = { plannedAt: Number.NaN, blockedNs: 0 };

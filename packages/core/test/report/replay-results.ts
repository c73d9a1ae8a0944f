import type { Exchange } from '../../src/model/exchange.ts';
import { operationOf } from '../../src/model/operation.ts';
import type { ReplayResult, TranscriptEntry } from '../../src/replay/transcript.ts';
import { anExchange } from '../../src/testing/factories.ts';

const ms = 1e6;

/** What a replay gives for an exchange that was answered as recorded, 0.1 ms late and 2 ms after it was sent. */
export function aResult(
  over: {
    readonly recorded?: Parameters<typeof anExchange>[0];
    readonly replayed?: Parameters<typeof anExchange>[0];
    readonly entry?: Partial<TranscriptEntry>;
  } = {},
): ReplayResult {
  const recorded = anExchange(over.recorded);
  const plannedAt = over.entry?.plannedAt ?? recorded.startAt - ms;
  const sentAt = plannedAt + 0.1 * ms;
  const replayed: Exchange = anExchange({ ...over.recorded, startAt: sentAt, ...over.replayed });
  const entry: TranscriptEntry = {
    exchange: recorded.id,
    lane: recorded.lane,
    protocol: recorded.protocol,
    operation: operationOf(recorded),
    plannedAt,
    blockedNs: 0,
    sentAt,
    firstByteAt: sentAt + ms,
    endAt: sentAt + 2 * ms,
    outcome: 'answered',
    recordedStatus: recorded.response?.status,
    status: replayed.response?.status,
    ...over.entry,
  };
  return entry.outcome === 'skipped' ? { entry, recorded } : { entry, recorded, replayed };
}

/** An exchange that was not sent. */
export function aSkip(skip: string): ReplayResult {
  const times = { sentAt: undefined, firstByteAt: undefined, endAt: undefined, status: undefined };
  return aResult({ entry: { ...times, plannedAt: Number.NaN, outcome: 'skipped', skip } });
}

/** `count` results of one lane, 10 ms apart. */
export function someResults(count: number, over: Parameters<typeof aResult>[0] = {}): ReplayResult[] {
  return Array.from({ length: count }, (_, i) => {
    const startAt = (1 + 10 * i) * ms;
    const end = { endAt: startAt + 2 * ms };
    const recorded = { id: i + 1, startAt, ...end, ...over.recorded };
    return aResult({ ...over, recorded: { ...recorded, response: { ...end, ...over.recorded?.response } } });
  });
}

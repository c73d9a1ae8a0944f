import { noSaves, type SaveStats } from './save-trigger.ts';

/** Why a pipeline loses events. */
export type LossReason = 'hook' | 'mask' | 'sink-failed';

/** What a pipeline has done. Can be cloned. */
export interface PipelineStats {
  /** Events given to the sink, those that the pipeline made among them. */
  readonly written: number;
  readonly eventsLost: Readonly<Record<LossReason, number>>;
  /** Exchanges of which a part or all was lost. */
  readonly exchangesLost: Readonly<Record<LossReason, number>>;
  /** Exchanges that hooks asked to drop. */
  readonly hookDrops: number;
  /** Values that the mask replaced, as audits count them. */
  readonly masked: number;
  /** Headers that no mask rule knows, and in how many exchanges each was seen: at most 64, the most frequent first. */
  readonly unknownHeaders: readonly (readonly [name: string, exchanges: number])[];
  /** Bodies, messages and fields of messages that the mask left out since it could not read them, by reason: at most 64. */
  readonly unread: readonly (readonly [reason: string, count: number])[];
  /** Exchanges that were sampled out by how they ended, and their events. */
  readonly sampledOut: number;
  readonly eventsSampledOut: number;
  /** Exchanges whose end was not waited for. */
  readonly undecided: number;
  readonly saves: SaveStats;
  readonly sinkErrors: number;
  readonly flushes: number;
  /** The last error of a hook, the masker or the sink. */
  readonly lastError: string | undefined;
}

export const noPipelineStats: PipelineStats = {
  written: 0,
  eventsLost: { hook: 0, mask: 0, 'sink-failed': 0 },
  exchangesLost: { hook: 0, mask: 0, 'sink-failed': 0 },
  hookDrops: 0,
  masked: 0,
  unknownHeaders: [],
  unread: [],
  sampledOut: 0,
  eventsSampledOut: 0,
  undecided: 0,
  saves: noSaves,
  sinkErrors: 0,
  flushes: 0,
  lastError: undefined,
};

/** Memory for the numbers of stats, that both threads see: a message would come later, and wakes the service. */
export const sharedStatsBytes: number = 8 * 14;

export function shareStats(shared: Float64Array, stats: PipelineStats): void {
  const { eventsLost, exchangesLost } = stats;
  shared.set([
    stats.written,
    ...[eventsLost.hook, eventsLost.mask, eventsLost['sink-failed']],
    ...[exchangesLost.hook, exchangesLost.mask, exchangesLost['sink-failed']],
    ...[stats.hookDrops, stats.masked, stats.sinkErrors, stats.flushes],
    ...[stats.sampledOut, stats.eventsSampledOut, stats.undecided],
  ]);
}

/** These stats with the numbers as they were shared last. */
export function withShared(shared: Float64Array, stats: PipelineStats): PipelineStats {
  const number = (place: number): number => shared[place] ?? 0;
  return {
    ...stats,
    written: number(0),
    eventsLost: { hook: number(1), mask: number(2), 'sink-failed': number(3) },
    exchangesLost: { hook: number(4), mask: number(5), 'sink-failed': number(6) },
    hookDrops: number(7),
    masked: number(8),
    sinkErrors: number(9),
    flushes: number(10),
    sampledOut: number(11),
    eventsSampledOut: number(12),
    undecided: number(13),
  };
}

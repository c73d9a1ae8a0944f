import type { LossReason } from './pipeline-stats.ts';
import type { SaveStats } from './save-trigger.ts';

export type RecorderState = 'opening' | 'recording' | 'paused' | 'failed' | 'closed';

/** Why a whole exchange was not recorded, besides sampling. */
export type DropReason = 'buffer-full' | 'paused' | 'failed' | 'closed' | 'tap-failed' | 'shed';

/** What a recorder has done since it was made. `offered` is always the sum of `recorded`, `sampledOut` and all `dropped`. */
export interface RecorderStats {
  readonly state: RecorderState;
  /** Exchanges that taps offered. */
  readonly offered: number;
  /** Exchanges of which at least the beginning was taken. */
  readonly recorded: number;
  readonly sampledOut: number;
  /** Exchanges whose sampling goes by how they end, and that were not waited for: they took too long, or found no room. */
  readonly undecided: number;
  /** Whole exchanges that were not taken. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Exchanges that are being recorded now. */
  readonly underWay: number;
  /** Events numbered, lost ones among them; not those of exchanges that were sampled out. */
  readonly events: number;
  /** Events of recorded exchanges that did not reach the sink, by reason. */
  readonly eventsLost: Readonly<Record<LossReason | 'buffer-full' | 'failed', number>>;
  /** Exchanges of which a part or all was lost in the pipeline, by reason. */
  readonly exchangesLost: Readonly<Record<LossReason, number>>;
  /** Exchanges that hooks asked to drop. */
  readonly hookDrops: number;
  /** Bytes of raw events that were packed. */
  readonly bytes: number;
  /** Bytes of raw events in memory, packed and not yet processed. */
  readonly queueBytes: number;
  /** How long what was recorded and not yet processed has waited for the pipeline, at most. */
  readonly workerLagMs: number;
  /** The share of exchanges that is recorded while load is shed, from 0; 1 when none is. */
  readonly shedding: number;
  /** Failures of taps, which took themselves out. */
  readonly tapFailures: number;
  /** Values that the mask replaced. */
  readonly masked: number;
  /**
   * Headers that no mask rule knows, so that their values are masked, and in how many exchanges each was seen: at most 64, the most
   * frequent first. A rule such as `{ "at": "header:x-tenant", "mask": "keep" }` keeps one.
   */
  readonly unknownHeaders: readonly (readonly [name: string, exchanges: number])[];
  /**
   * What the mask left out since it could not read it, and how often: bodies and messages by the reason that their state has
   * (`schema-unknown`, `protobuf-syntax`), fields that the schema of a message does not have, or has as another type, as
   * `unknown-field`. At most 64 reasons, the most frequent first.
   */
  readonly unread: readonly (readonly [reason: string, count: number])[];
  /** What a sink that keeps the last of the recording has saved on triggers. */
  readonly saves: SaveStats;
  readonly sinkErrors: number;
  /** When the sink was last flushed, in nanoseconds since the capture's anchor. */
  readonly lastFlushAt: number | undefined;
  /** How long ago that was, in milliseconds. */
  readonly flushAgeMs: number | undefined;
  /** The last error of a hook, the sink, the pipeline or a tap, without recorded values. */
  readonly lastError: string | undefined;
}

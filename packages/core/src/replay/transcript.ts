import type { LiveNames } from '../correlate/live-names.ts';
import type { ErrorCode } from '../errors.ts';
import type { ExchangeId } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';

/**
 * What really happened to one exchange at replay. All times are nanoseconds since time zero of the run; planned time is
 * the schedule's, whatever the target did.
 */
export interface TranscriptEntry {
  readonly exchange: ExchangeId;
  /** With `loop`: which time it was sent, from 1. Lanes of one time are not those of another. */
  readonly iteration?: number | undefined;
  readonly lane: string;
  readonly protocol: Exchange['protocol'];
  /** Route template, gRPC method, or method and path. */
  readonly operation: string;
  readonly plannedAt: number;
  /** How long the exchange waited past its planned time for answers that its order asks for. Not lag. */
  readonly blockedNs: number;
  /** When its first byte was handed to the kernel. Lag is `sentAt - plannedAt - blockedNs`. */
  readonly sentAt?: number | undefined;
  readonly firstByteAt?: number | undefined;
  readonly endAt?: number | undefined;
  readonly outcome: 'answered' | 'failed' | 'skipped';
  /** Of HTTP the status, of gRPC the status code, as {@link grpcStatusOf} has it. */
  readonly recordedStatus?: number | undefined;
  readonly status?: number | undefined;
  readonly error?: { readonly code: ErrorCode; readonly message: string } | undefined;
  /**
   * Why it was not sent: `mutation`, `hook`, `body-not-kept`, `partial`, `protocol`, `outbound`, `request-invalid`,
   * `infrastructure`, `aborted`. An exchange that was left out before it was planned has NaN as `plannedAt`.
   */
  readonly skip?: string | undefined;
  /** It was sent twice: the target had closed the connection before it looked at the first. */
  readonly resent?: boolean | undefined;
  /**
   * Of each message that was sent, and of each piece of an HTTP body that was due later than its head, where the sender knows: actual minus planned time, without {@link blockedNs} and
   * {@link messagesBlockedNs}.
   */
  readonly messageLagsNs?: readonly number[] | undefined;
  /** How long messages, and the end of the request, waited past their time for messages of the answer; of those that waited. */
  readonly messagesBlockedNs?: readonly number[] | undefined;
  /** How many of them were sent in the end without the messages that they should have come after. */
  readonly messagesUnawaited?: number | undefined;
}

/** An exchange after its replay. */
export interface ReplayResult {
  readonly entry: TranscriptEntry;
  readonly recorded: Exchange;
  /** The exchange as it was answered now; absent when it was skipped. `startAt` and all `at` count from the run's time zero. */
  readonly replayed?: Exchange | undefined;
  /** With live values: which of them stand for recorded ones in this answer, for `createComparer`. Holds live values. */
  readonly live?: LiveNames | undefined;
}

import type { Protocol } from '../model/event.ts';
import type { Answer, Shipment, Unsendable } from './sender.ts';

/** An exchange on its way through the engine. Jobs are given in the order of their planned times. */
export interface Job {
  /** Position in the run, counted from 0. */
  readonly index: number;
  readonly exchange: number;
  readonly lane: string;
  readonly protocol: Protocol;
  /** Nanoseconds since time zero; NaN when it is due as soon as the engine has it. */
  readonly plannedAt: number;
  /** When it started and was finished in the recording. */
  readonly startAt: number;
  readonly finishedAt: number;
  /** Nanoseconds from sending to giving up. */
  readonly timeoutNs: number;
  /** What to send, or what makes it at the moment of sending. Absent where the engine is supplied with it later. */
  readonly shipment: Shipment | (() => Shipment | Unsendable) | undefined;
  /** Whether of its answer no more is asked for than the status and the times. */
  readonly brief?: boolean | undefined;
  /** Whether others may name it in `after`. */
  readonly awaited?: boolean | undefined;
  /** Indexes of earlier jobs whose answers it needs, beyond what its order asks for. */
  readonly after?: readonly number[] | undefined;
  /** It waits no longer than this for them. */
  readonly maxWaitNs?: number | undefined;
}

/** What became of a job. */
export interface Settled {
  readonly index: number;
  readonly plannedAt: number;
  readonly blockedNs: number;
  /** When it could have been sent but for answers that it needed besides its order; absent where it did not wait for any. */
  readonly heldAt?: number | undefined;
  /** Whether no more of the answer is asked for than its status and times. */
  readonly brief?: boolean | undefined;
  /** Absent when it was not sent: then `skip` says why. */
  readonly answer?: Answer | undefined;
  readonly skip?: string | undefined;
}

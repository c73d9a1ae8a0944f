import type { Operation } from 'fast-json-patch';
import type { ExchangeId } from '../model/event.ts';

/** What kind of thing differs between a recorded and a replayed response. */
export type DifferencePart = 'status' | 'header' | 'trailer' | 'body' | 'outcome';

/**
 * One way in which a replayed response differs from the recorded one, as a JSON Patch operation (RFC 6902) that turns
 * the recorded view into the replayed one. The view is
 * `{ outcome, status, headers: { name: [values] }, trailers: { name: [values] }, body }`.
 */
export interface Difference {
  readonly exchange: ExchangeId;
  readonly operation: string;
  readonly part: DifferencePart;
  readonly patch: Operation;
  /** The recorded value that the patch replaces or removes; absent for `add`. */
  readonly recorded?: unknown;
  /**
   * `changed`: a difference. `suspect`: both values are of a kind that differs between any two runs (time, random id),
   * so it is counted apart. `unverified`: masked on one side with another key, so only their types could be compared.
   */
  readonly verdict: 'changed' | 'suspect' | 'unverified';
}

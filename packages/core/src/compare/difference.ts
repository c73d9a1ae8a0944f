import type { Operation } from 'fast-json-patch';
import type { ExchangeId } from '../model/event.ts';

/** What kind of thing differs between a recorded and a replayed response. */
export type DifferencePart = 'outcome' | 'status' | 'header' | 'trailer' | 'body';

/** How it differs: the recorded value is missing now, there is an extra one, its type is another, or its value is. */
export type DifferenceKind = 'missing' | 'extra' | 'type' | 'value';

/**
 * `changed`: a difference. `suspect`: both values are of a kind that differs between any two runs (time, random id), so
 * it is counted apart. `unverified`: masked, and only on one side or with another key, so only types could be compared.
 */
export type DifferenceVerdict = 'changed' | 'suspect' | 'unverified';

/**
 * One way in which a replayed response differs from the recorded one, as a JSON Patch operation (RFC 6902) that turns
 * the recorded view into the replayed one. The view is
 * `{ outcome, status, headers: { name: [values] }, trailers: { name: [values] }, body }`.
 */
export interface Difference {
  readonly exchange: ExchangeId;
  readonly operation: string;
  readonly part: DifferencePart;
  /** The place in the grammar of the ignore list: `status`, `header:etag`, `body:$.items[3].price`. */
  readonly path: string;
  readonly kind: DifferenceKind;
  readonly patch: Operation;
  /** The recorded value that the patch replaces or removes; absent for `add`. */
  readonly recorded?: unknown;
  readonly verdict: DifferenceVerdict;
  /** Whether a value here was too large to keep and is told by its beginning. */
  readonly clipped: boolean;
}

/** What came of comparing one exchange. Everything that is not among the differences is counted. */
export interface Comparison {
  /** In the order outcome, status, headers, trailers, body; at most `maxDifferences`. */
  readonly differences: readonly Difference[];
  /** Differences beyond those, by verdict. */
  readonly more: Readonly<Record<DifferenceVerdict, number>>;
  /** Differences that an entry of the ignore list covers. The entry is told by its text. */
  readonly ignored: readonly { readonly path: string; readonly count: number }[];
  /** Values that are others than recorded, and are the live ones that stand for those: fresh ids, tokens, cookies. */
  readonly explained: number;
  /** What could not be compared, and why: `body` because `recorded dropped:size`. */
  readonly notCompared: readonly { readonly part: DifferencePart; readonly reason: string }[];
}

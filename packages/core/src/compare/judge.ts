import type { Operation } from 'fast-json-patch';
import type { DifferenceVerdict } from './difference.ts';
import type { MaskedNames } from './masked-names.ts';
import {
  fitsAround,
  holdsMasked,
  holdsToken,
  sameTokenTypes,
  withoutChangingTokens,
} from './masked-value.ts';
import type { ResolvedCompareOptions } from './options.ts';
import { sameChangingClass } from './value-class.ts';
import type { Place } from './view-place.ts';

/**
 * Whether a difference is one, or one that any two runs or any two keys have.
 *
 * @param plainAt - What stands in the live answer, before masking, at a pointer of the view.
 * @param names - Those of both views.
 */
export function judge(
  patch: Operation,
  { path, recorded }: Place,
  plainAt: (pointer: string) => unknown,
  names: MaskedNames,
  options: ResolvedCompareOptions,
): DifferenceVerdict {
  if (patch.op !== 'replace')
    return !options.sameKey && names.mayBeBoth(patch.path) ? 'unverified' : 'changed';
  const replayed: unknown = patch.value;
  if (!options.sameKey && hiddenByKey(patch.path, recorded, replayed, plainAt, options)) return 'unverified';
  if (typeof recorded === 'string' && typeof replayed === 'string') {
    if (path.header === 'etag') return 'suspect';
    // Of bytes that were not decoded. It looks like a random id, and stands for content that is another.
    if (patch.path.endsWith('/sha256')) return 'changed';
    const before = withoutChangingTokens(recorded);
    const now = withoutChangingTokens(replayed);
    // With another key, other tokens are other types, which is a difference.
    if (before === now) return options.sameKey ? 'suspect' : 'changed';
    return sameChangingClass(before, now, options.clock.wallMs()) ? 'suspect' : 'changed';
  }
  return sameChangingClass(recorded, replayed, options.clock.wallMs()) ? 'suspect' : 'changed';
}

/** Whether the values may be the same beneath their masks, for all that can be known without the key of the recording. */
export function hiddenByKey(
  pointer: string,
  recorded: unknown,
  replayed: unknown,
  plainAt: (pointer: string) => unknown,
  { masker }: Pick<ResolvedCompareOptions, 'masker'>,
): boolean {
  if (typeof recorded !== typeof replayed) return false;
  // A policy that hides more than that of the recording did.
  if (masker !== undefined && plainAt(pointer) === recorded) return true;
  if (typeof recorded === 'string' && typeof replayed === 'string') {
    if (masker === undefined) return holdsMasked(recorded) && fitsAround(recorded, replayed);
    if (holdsToken(recorded) || holdsToken(replayed)) return sameTokenTypes(recorded, replayed);
  } else if (typeof recorded !== 'number') return false;
  // Numbers and texts of a format are masked without a token: the policy changed the live value here, so the recorded one.
  return masker !== undefined && plainAt(pointer) !== replayed;
}

import { type Candidates, unusedFirst } from './candidates.ts';
import type { LiveRequest } from './live-request.ts';
import { isFree, type RecordedCall } from './recorded-calls.ts';
import type { NearMiss } from './summary.ts';

const mostNear = 3;

/** The recordings that are nearest to a request, by the number of places that differ. */
export function nearMisses(
  calls: readonly RecordedCall[],
  live: LiveRequest,
  candidates: Candidates,
): readonly NearMiss[] {
  return unusedFirst(calls)
    .flatMap((call) => {
      const { difference, count } = candidates.fit(call, live);
      return difference === undefined ? [] : [{ call, difference, count }];
    })
    .sort((a, b) => a.count - b.count || a.call.index - b.call.index)
    .slice(0, mostNear)
    .map(({ call, difference, count }) => ({
      exchange: call.exchange.id,
      used: !isFree(call),
      ...difference,
      differences: count,
    }));
}

/** `body:$[0].sku is "b", was recorded as "a"`. */
export function differenceText({
  path,
  recorded,
  live,
}: Pick<NearMiss, 'path' | 'recorded' | 'live'>): string {
  return `${path} is ${valueText(live)}, was recorded as ${valueText(recorded)}`;
}

function valueText(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}

import type { HeaderList } from '../model/headers.ts';
import type { TapTarget } from '../record/exchange-tap.ts';

/** Whether a request is one of those that are claimed, by its header block: names and values in turns. */
export type Claimed = (block: HeaderList) => boolean;

const claims = new WeakMap<object, Set<{ readonly target: TapTarget; readonly claimed: Claimed }>>();

/**
 * Says that what this HTTP/2 server serves is recorded for this target by the adapter of a protocol above HTTP, so that a tap of
 * HTTP itself leaves it alone. Gives the undo, which works once.
 *
 * @param claimed - Which requests. Default all
 */
export function claimServer(server: object, target: TapTarget, claimed: Claimed = () => true): () => void {
  const of = claims.get(server) ?? new Set();
  claims.set(server, of);
  const claim = { target, claimed };
  of.add(claim);
  return () => {
    of.delete(claim);
  };
}

/** Whether another adapter records this request to this server, for this target. */
export function isClaimed(server: object, target: TapTarget, block: HeaderList): boolean {
  const of = claims.get(server);
  if (of === undefined) return false;
  for (const claim of of) if (claim.target === target && claim.claimed(block)) return true;
  return false;
}

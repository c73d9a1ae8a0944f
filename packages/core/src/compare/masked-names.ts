import { maskedKind } from './masked-value.ts';
import type { ResponseView } from './response-view.ts';
import { valueAt } from './view-place.ts';

/** Names of members that are mask tokens, of two views that were masked with different keys. */
export class MaskedNames {
  readonly #recorded: ResponseView;
  readonly #replayed: ResponseView;
  /** By object: how many names of each kind it has. */
  readonly #counts = new WeakMap<object, ReadonlyMap<string, number>>();

  constructor(recorded: ResponseView, replayed: ResponseView) {
    this.#recorded = recorded;
    this.#replayed = replayed;
  }

  /** Whether a member that one side alone has may stand at the other under another token: both have as many of the kind. */
  mayBeBoth(pointer: string): boolean {
    const slash = pointer.lastIndexOf('/');
    const kind = maskedKind(pointer.slice(slash + 1));
    if (kind === undefined) return false;
    const parent = pointer.slice(0, slash);
    const [a, b] = [valueAt(this.#recorded, parent), valueAt(this.#replayed, parent)];
    return this.#countIn(a, kind) === this.#countIn(b, kind);
  }

  #countIn(parent: unknown, kind: string): number {
    if (typeof parent !== 'object' || parent === null) return 0;
    let counts = this.#counts.get(parent);
    if (counts === undefined) {
      counts = countKinds(parent);
      this.#counts.set(parent, counts);
    }
    return counts.get(kind) ?? 0;
  }
}

function countKinds(parent: object): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of Object.keys(parent)) {
    const kind = maskedKind(name.replace(/~/g, '~0').replace(/\//g, '~1'));
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

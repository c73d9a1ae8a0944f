import { onlyOptions } from '../model/option-names.ts';
import { wholeOption } from '../model/option-values.ts';

/** How far a search goes, and who is told of it. */
export interface MinimiseOptions {
  /** Sets that are tried at most, the one of all included. Default 200. */
  readonly maxTrials?: number | undefined;
  /** The place in the list before which the prefix is not worth cutting, such as that of the failure. Default 0. */
  readonly from?: number | undefined;
  /** Ends the search after the trial that is under way; the smallest set so far is the result. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each trial once it is over. */
  readonly onTrial?: ((trial: MinimiseTrial) => void) | undefined;
}

export interface MinimiseTrial {
  /** From 1. */
  readonly number: number;
  /** What is being looked for. */
  readonly step: 'all' | 'prefix' | 'subset';
  /** Size of the set that was tried. */
  readonly size: number;
  readonly shown: boolean;
  /** Size of the smallest set that is known to show it. */
  readonly smallest: number;
}

/** The smallest set that was found, in the order of the list. */
export interface Minimised<T> {
  /** Empty when not even all of them show it. */
  readonly items: readonly T[];
  /** Length of the shortest beginning of the list that shows it. */
  readonly prefix: number;
  readonly trials: number;
  /**
   * Whether the search came to its end: then no single item can be left out any more. Otherwise `maxTrials` or the signal ended it.
   */
  readonly minimal: boolean;
}

/**
 * Finds the shortest beginning of a list that still shows something, and in it a set of which no item can be left out. The prefix
 * is halved; then ever smaller pieces are left out, from the last to the first, which is delta debugging (Zeller and Hildebrandt,
 * 2002, 1-minimal) without its tries of single pieces: of a history a piece alone seldom shows what the whole did. The last item of
 * the prefix, without which it did not show, is always kept.
 *
 * @param shows - Whether these items, in order, show it. Asked once for each set
 * @throws {@link GardenhoseError} `invalid-option`; whatever `shows` throws
 * @example
 * const { items } = await minimise([1, 2, 3, 4, 5, 6], async (tried) => tried.includes(2) && tried.includes(5));
 * console.log(items); // [ 2, 5 ]
 */
export async function minimise<T>(
  list: readonly T[],
  shows: (items: readonly T[]) => Promise<boolean>,
  options: MinimiseOptions = {},
): Promise<Minimised<T>> {
  onlyOptions('minimise', options, { maxTrials: true, from: true, signal: true, onTrial: true });
  const maxTrials = wholeOption('maxTrials', options.maxTrials, 200);
  const { signal, onTrial } = options;
  const from = Math.min(Math.max(1, options.from ?? 1), list.length);
  const tried = new Map<string, boolean>();
  const places = new Map(list.map((item, place) => [item, place]));
  let trials = 0;
  let smallest = list;

  /** Undefined when no more may be tried. */
  async function tryOut(step: MinimiseTrial['step'], items: readonly T[]): Promise<boolean | undefined> {
    const key = items.map((item) => places.get(item)).join();
    const known = tried.get(key);
    if (known !== undefined) return known;
    if (trials >= maxTrials || signal?.aborted === true) return undefined;
    trials++;
    const shown = await shows(items);
    tried.set(key, shown);
    if (shown && items.length < smallest.length) smallest = items;
    onTrial?.({ number: trials, step, size: items.length, shown, smallest: smallest.length });
    return shown;
  }

  if (list.length === 0 || (await tryOut('all', list)) !== true) {
    return { items: [], prefix: 0, trials, minimal: false };
  }
  let longest = list.length;
  let shortest = from;
  // The hint is tried as it is: mostly nothing after the failure matters.
  for (let length = from; shortest < longest; length = (shortest + longest) >> 1) {
    const shown = await tryOut('prefix', list.slice(0, length));
    if (shown === undefined) return { items: smallest, prefix: longest, trials, minimal: false };
    if (shown) longest = length;
    else shortest = length + 1;
  }
  const last = list.slice(longest - 1, longest);
  let kept = list.slice(0, longest - 1);
  let size = Math.max(1, kept.length >> 1);
  while (kept.length > 0) {
    const before = kept.length;
    for (let end = kept.length; end > 0; end -= size) {
      const less = [...kept.slice(0, Math.max(0, end - size)), ...kept.slice(end)];
      const shown = await tryOut('subset', [...less, ...last]);
      if (shown === undefined) return { items: [...kept, ...last], prefix: longest, trials, minimal: false };
      if (shown) kept = less;
    }
    // Without one item, another may have become of no use.
    if (size === 1 && kept.length === before) break;
    size = Math.max(1, size >> 1);
  }
  return { items: [...kept, ...last], prefix: longest, trials, minimal: true };
}

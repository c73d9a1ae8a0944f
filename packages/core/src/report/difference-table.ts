import type { Comparison, Difference, DifferenceKind, DifferenceVerdict } from '../compare/difference.ts';
import type { ExchangeId } from '../model/event.ts';
import { clipText } from './clip-text.ts';
import { Tally } from './tally.ts';

/** Differences of one operation at one place, in one way. */
export interface DifferenceGroup {
  readonly operation: string;
  /** As in the ignore list, with `[*]` for places of lists. */
  readonly path: string;
  readonly kind: DifferenceKind;
  readonly verdict: DifferenceVerdict;
  readonly count: number;
  /** The first exchanges that have it. */
  readonly exchanges: readonly ExchangeId[];
  /** One of them, as JSON texts, cut after 200 characters; absent where there is no value. */
  readonly example: { readonly recorded?: string; readonly replayed?: string };
}

/** All differences of a run, counted. */
export interface DifferenceSummary {
  /** Exchanges that were compared. */
  readonly compared: number;
  /** Exchanges with at least one difference that counts as `changed`. */
  readonly exchangesChanged: number;
  readonly changed: number;
  readonly suspect: number;
  readonly unverified: number;
  /** Values that are others than recorded, and are the live ones that stand for those. */
  readonly explained: number;
  /** By entry of the ignore list. */
  readonly ignored: readonly { readonly path: string; readonly count: number }[];
  /** What could not be compared, by part and reason. */
  readonly notCompared: readonly { readonly reason: string; readonly count: number }[];
  /** `changed` first, the most frequent first. */
  readonly groups: readonly DifferenceGroup[];
  /** Differences that fell to no group, because there were too many groups or too many in one exchange. */
  readonly ungrouped: number;
}

const maxExchanges = 5;
const maxExample = 200;

interface OpenGroup extends Omit<DifferenceGroup, 'count' | 'exchanges'> {
  count: number;
  readonly exchanges: ExchangeId[];
}

/** Folds comparisons into counts and groups, in bounded memory. */
export class DifferenceTable {
  readonly #groups = new Map<string, OpenGroup>();
  readonly #maxGroups: number;
  readonly #ignored = new Tally(1_000);
  readonly #notCompared = new Tally(100);
  readonly #verdicts: Record<DifferenceVerdict, number> = { changed: 0, suspect: 0, unverified: 0 };
  #compared = 0;
  #exchangesChanged = 0;
  #bodiesNotCompared = 0;
  #ungrouped = 0;
  #explained = 0;

  constructor(maxGroups: number) {
    this.#maxGroups = maxGroups;
  }

  get compared(): number {
    return this.#compared;
  }

  /** Exchanges whose bodies could not be compared. */
  get bodiesNotCompared(): number {
    return this.#bodiesNotCompared;
  }

  add({ differences, more, explained, ignored, notCompared }: Comparison): void {
    this.#compared++;
    for (const one of differences) {
      this.#verdicts[one.verdict]++;
      this.#group(one);
    }
    for (const verdict of ['changed', 'suspect', 'unverified'] as const) {
      this.#verdicts[verdict] += more[verdict];
      this.#ungrouped += more[verdict];
    }
    if (more.changed > 0 || differences.some((one) => one.verdict === 'changed')) this.#exchangesChanged++;
    this.#explained += explained;
    for (const { path, count } of ignored) this.#ignored.add(path, count);
    for (const { part, reason } of notCompared) this.#notCompared.add(`${part}: ${reason}`);
    if (notCompared.some(({ part }) => part === 'body')) this.#bodiesNotCompared++;
  }

  summary(): DifferenceSummary {
    const rank = { changed: 0, unverified: 1, suspect: 2 };
    return {
      compared: this.#compared,
      exchangesChanged: this.#exchangesChanged,
      ...this.#verdicts,
      explained: this.#explained,
      ignored: this.#ignored.entries().map(([path, count]) => ({ path, count })),
      notCompared: this.#notCompared.entries().map(([reason, count]) => ({ reason, count })),
      groups: [...this.#groups.values()].sort(
        (a, b) => rank[a.verdict] - rank[b.verdict] || b.count - a.count,
      ),
      ungrouped: this.#ungrouped,
    };
  }

  #group(one: Difference): void {
    const { kind, verdict } = one;
    const operation = clipText(one.operation);
    const path = clipText(genericPath(one.path));
    const key = [operation, path, kind, verdict].join('\u0000');
    let group = this.#groups.get(key);
    if (group === undefined) {
      if (this.#groups.size >= this.#maxGroups) {
        this.#ungrouped++;
        return;
      }
      group = { operation, path, kind, verdict, count: 0, exchanges: [], example: exampleOf(one) };
      this.#groups.set(key, group);
    }
    group.count++;
    if (group.exchanges.length < maxExchanges && group.exchanges.at(-1) !== one.exchange) {
      group.exchanges.push(one.exchange);
    }
  }
}

/** The path with `[*]` in place of every place of a list; names in quotes stay as they are. */
function genericPath(path: string): string {
  return path.replace(/\['(?:[^'\\]|\\.)*'\]|\[\d+\]/gs, (step) => (step.startsWith("['") ? step : '[*]'));
}

function exampleOf({ recorded, patch }: Difference): DifferenceGroup['example'] {
  return {
    ...(recorded === undefined ? {} : { recorded: shortJson(recorded) }),
    ...('value' in patch ? { replayed: shortJson(patch.value) } : {}),
  };
}

function shortJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length <= maxExample ? text : `${text.slice(0, maxExample)}…`;
}

import { detached } from '../rules/detached.ts';
import { type AuditCount, AuditLog, type Scope } from '../rules/scope.ts';

/** What masking made of a value, and what that counts for in the audit. */
interface Outcome {
  /** Undefined when the value goes. */
  readonly text: string | undefined;
  readonly unchanged: boolean;
  readonly counts: readonly AuditCount[];
  readonly unknownHeaders: readonly string[];
}

/** A place where values repeat: one header, the address of the peer. Its masks depend on the value alone. */
export class MemoryPlace {
  // Two generations: the young one becomes the old one when the memory is full, so that values in use survive.
  young: Map<string, Outcome> = new Map();
  old: Map<string, Outcome> = new Map();
  hits = 0;
  misses = 0;
  /** Values that were not looked up because too few repeat here. */
  passed = 0;
}

const longestRemembered = 1024;
/** Of each generation. */
const mostCharacters = 1 << 20;
const outcomeCost = 128;
/** A place where fewer than one in eight values repeat is not worth the looking up. */
const trialMisses = 256;
const worthwhile = 8;
/** After as many values it is tried again. */
const trialPause = 8192;

/**
 * Remembers what was made of values that come again and again, host names and user agents, so that they are read once.
 * They are in memory in clear: their number and length are bounded, those that do not come again leave with time, and
 * {@link clear} forgets them all.
 */
export class ValueMemory {
  readonly #scope: Scope;
  readonly #mostEntries: number;
  readonly #begun: () => void;
  #active: MemoryPlace[] = [];
  #entries = 0;
  #characters = 0;

  /**
   * @param entries - how many values are remembered at most; 0 for none
   * @param alsoForget - has a function called from time to time for as long as something is remembered; what it returns
   *   is to be called when there is something
   */
  constructor(scope: Scope, entries: number, alsoForget: (forget: () => void) => () => void) {
    this.#scope = scope;
    this.#mostEntries = Math.ceil(entries / 2);
    this.#begun = alsoForget(() => this.#turn());
  }

  /** What `mask` makes of the value, and counts, without asking it again for a value that is remembered here. */
  recall(place: MemoryPlace, value: string, mask: (value: string) => string | undefined): string | undefined {
    const { trace, again } = this.#scope;
    if (value.length > longestRemembered || trace !== undefined || again) return mask(value);
    if (place.misses >= trialMisses && place.hits < place.misses / worthwhile) {
      if (++place.passed < trialPause) return mask(value);
      reset(place);
    }
    const known = place.young.get(value);
    if (known === undefined) return this.#meet(place, value, mask);
    place.hits++;
    return this.#repeat(known, value);
  }

  clear(): void {
    for (const place of this.#active) {
      place.young = new Map();
      place.old = new Map();
    }
    this.#active = [];
    this.#entries = 0;
    this.#characters = 0;
  }

  #meet(place: MemoryPlace, value: string, mask: (value: string) => string | undefined): string | undefined {
    if (this.#mostEntries === 0) return mask(value);
    let outcome = place.old.get(value);
    if (outcome === undefined) {
      place.misses++;
      outcome = this.#observe(value, mask);
    } else place.hits++;
    this.#keep(place, value, outcome);
    return this.#repeat(outcome, value);
  }

  #repeat(outcome: Outcome, value: string): string | undefined {
    const { audit, part, side } = this.#scope;
    for (const { rule, count } of outcome.counts) audit.add(rule, part, side, count);
    for (const name of outcome.unknownHeaders) audit.unknownHeader(name);
    return outcome.unchanged ? value : outcome.text;
  }

  #observe(value: string, mask: (value: string) => string | undefined): Outcome {
    const scope = this.#scope;
    const { audit } = scope;
    const own = new AuditLog();
    scope.audit = own;
    try {
      const text = mask(value);
      const unchanged = text === value;
      return {
        text: unchanged ? undefined : text,
        unchanged,
        counts: own.entries(),
        unknownHeaders: own.unknownHeaders(),
      };
    } finally {
      scope.audit = audit;
    }
  }

  #keep(place: MemoryPlace, value: string, outcome: Outcome): void {
    const cost = value.length + (outcome.text?.length ?? 0) + outcomeCost;
    if (this.#entries >= this.#mostEntries || this.#characters + cost > mostCharacters) this.#turn();
    if (place.young.size === 0 && place.old.size === 0) {
      if (this.#active.length === 0) this.#begun();
      this.#active.push(place);
    }
    place.young.set(detached(value), outcome);
    this.#entries++;
    this.#characters += cost;
  }

  #turn(): void {
    for (const place of this.#active) {
      place.old = place.young;
      place.young = new Map();
      reset(place);
    }
    this.#active = this.#active.filter((place) => place.old.size > 0);
    if (this.#active.length > 0) this.#begun();
    this.#entries = 0;
    this.#characters = 0;
  }
}

function reset(place: MemoryPlace): void {
  place.hits = 0;
  place.misses = 0;
  place.passed = 0;
}

import type { Binding } from './binding.ts';
import type { Leaf } from './leaf.ts';

/** A binding that is applied, and what came of that. */
export interface LiveRule {
  readonly binding: Binding;
  /** Joined by the name of a cookie or by the resource of a validator, and not by the value alone. */
  readonly named: boolean;
  used: number;
  unresolved: number;
  blocked: number;
}

/** The bindings that are applied, by the places that they read and write. */
export class LiveRules {
  readonly all: readonly LiveRule[];
  readonly #from = new Map<string, LiveRule[]>();
  readonly #to = new Map<string, LiveRule[]>();
  readonly #told = new Set<string>();
  readonly #sent = new Set<string>();

  constructor(bindings: readonly Binding[]) {
    this.all = bindings
      .filter(({ enabled }) => enabled !== false)
      .map((binding) => ({ binding, named: isNamed(binding), used: 0, unresolved: 0, blocked: 0 }));
    for (const rule of this.all) {
      const { from, to } = rule.binding;
      push(this.#from, `${from.operation}\n${from.place}`, rule);
      push(this.#to, `${to.operation}\n${to.place}`, rule);
      this.#told.add(from.operation);
      this.#sent.add(to.operation);
    }
  }

  /** Whether anything may be bound in the answers to an operation, or in its requests. */
  reads(operation: string): boolean {
    return this.#told.has(operation) || this.#told.has('*');
  }

  writes(operation: string): boolean {
    return this.#sent.has(operation) || this.#sent.has('*');
  }

  /** Those that take a value from here. */
  from(operation: string, { place }: Leaf): readonly LiveRule[] {
    return both(this.#from, operation, place);
  }

  /** Those that put a value here. */
  to(operation: string, { place }: Leaf): readonly LiveRule[] {
    return both(this.#to, operation, place);
  }
}

const none: readonly LiveRule[] = [];

function both(
  rules: ReadonlyMap<string, readonly LiveRule[]>,
  operation: string,
  place: string,
): readonly LiveRule[] {
  const own = rules.get(`${operation}\n${place}`) ?? none;
  const any = rules.get(`*\n${place}`) ?? none;
  return own.length === 0 ? any : any.length === 0 ? own : [...own, ...any];
}

function push(rules: Map<string, LiveRule[]>, key: string, rule: LiveRule): void {
  const known = rules.get(key);
  if (known === undefined) rules.set(key, [rule]);
  else known.push(rule);
}

const validators = new Map([
  ['header.etag', ['header.if-none-match', 'header.if-match', 'header.if-range']],
  ['header.last-modified', ['header.if-modified-since', 'header.if-unmodified-since', 'header.if-range']],
]);

function isNamed({ from, to }: Binding): boolean {
  if (from.operation !== '*' || to.operation !== '*') return false;
  if (from.place.startsWith('set-cookie.')) return to.place === from.place.slice('set-'.length);
  return validators.get(from.place)?.includes(to.place) === true;
}

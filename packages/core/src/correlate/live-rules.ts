import type { Binding, BindingEnd } from './binding.ts';
import { type Leaf, withPrefixes } from './leaf.ts';

/** A binding that is applied, and what came of that. */
export interface LiveRule {
  readonly binding: Binding;
  /** Joined by the name of a cookie or by the resource of a validator, and not by the value alone. */
  readonly named: boolean;
  used: number;
  unresolved: number;
  blocked: number;
}

/** What is shorter may stand anywhere by chance, also where longer values are bound. */
const shortestValue = 4;

/** Whether a rule holds for a value that is joined so. */
export function holdsFor({ binding, named: byName }: LiveRule, named: boolean, text: string): boolean {
  return byName === named && (named || binding.anyValue === true || mayBeBound(text));
}

function mayBeBound(text: string): boolean {
  return text.length >= shortestValue && text !== 'true' && text !== 'false' && text !== 'null';
}

/** The bindings that are applied, by the places that they read and write. */
export class LiveRules {
  readonly all: readonly LiveRule[];
  readonly #from = new Map<string, LiveRule[]>();
  readonly #to = new Map<string, LiveRule[]>();
  readonly #told = new Map<string, Set<string>>();
  readonly #sent = new Map<string, Set<string>>();

  constructor(bindings: readonly Binding[]) {
    this.all = bindings
      .filter(({ enabled }) => enabled !== false)
      .map((binding) => ({ binding, named: isNamed(binding), used: 0, unresolved: 0, blocked: 0 }));
    for (const rule of this.all) {
      const { from, to } = rule.binding;
      push(this.#from, `${from.operation}\n${from.place}`, rule);
      push(this.#to, `${to.operation}\n${to.place}`, rule);
      addPlace(this.#told, from);
      addPlace(this.#sent, to);
    }
    for (const places of [this.#told, this.#sent]) {
      const anywhere = places.get('*') ?? [];
      for (const [operation, own] of places) places.set(operation, withPrefixes([...own, ...anywhere]));
    }
  }

  /** The places in the answers to an operation that are bound, with all that leads to them; undefined when none are. */
  read(operation: string): ReadonlySet<string> | undefined {
    return this.#told.get(operation) ?? this.#told.get('*');
  }

  /** The same in its requests. */
  written(operation: string): ReadonlySet<string> | undefined {
    return this.#sent.get(operation) ?? this.#sent.get('*');
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

function addPlace(places: Map<string, Set<string>>, { operation, place }: BindingEnd): void {
  const known = places.get(operation);
  if (known === undefined) places.set(operation, new Set([place]));
  else known.add(place);
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

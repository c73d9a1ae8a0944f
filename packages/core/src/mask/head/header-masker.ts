import type { HeaderList } from '../../model/headers.ts';
import { fixedHeaderKinds, type HeaderKind, headerKinds } from '../policy/default-policy.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import type { ProtobufMasker } from '../protobuf/protobuf-masker.ts';
import { detached } from '../rules/detached.ts';
import type { RuleSet } from '../rules/rules.ts';
import type { Scope } from '../rules/scope.ts';
import type { TextMasker } from '../text/text-masker.ts';
import { nameMeaning } from '../value/key-words.ts';
import { isShapedName } from './header-shapes.ts';
import { HeaderValues } from './header-values.ts';
import { MemoryPlace, type ValueMemory } from './value-memory.ts';

type Kind = HeaderKind | 'unknown';

/** What is known of a header by its name, under one set of rules. */
class KnownHeader {
  /** What is left of the name, of the header at hand. */
  shownName: string;
  /** A name that stands in a list as a whole: it says nothing but that. */
  readonly listed: boolean;
  /** Undefined where reading the value takes no longer than to look it up. */
  readonly place: MemoryPlace | undefined;
  readonly mask: (value: string) => string | undefined;

  constructor(
    name: string,
    listed: boolean,
    kind: Kind,
    mask: (header: KnownHeader, value: string) => string | undefined,
  ) {
    this.shownName = name;
    this.listed = listed;
    this.place = kind === 'number' ? undefined : new MemoryPlace();
    this.mask = (value) => mask(this, value);
  }
}

/** What is known of headers under one set of rules. */
class KnownHeaders {
  readonly byName: Map<string, KnownHeader> = new Map();
  /** What is left of names: rules can be for what stands in them. */
  readonly place: MemoryPlace = new MemoryPlace();
}

const namesRemembered = 512;
const longestName = 128;
const byName = new Map<string, HeaderKind>();
const byPrefix: [prefix: string, kind: HeaderKind][] = [];
for (const kind of Object.keys(headerKinds).filter(isKind)) {
  for (const name of headerKinds[kind]) {
    if (name.endsWith('*')) byPrefix.push([name.slice(0, -1), kind]);
    else byName.set(name, kind);
  }
}

function isKind(text: string): text is HeaderKind {
  return text in headerKinds;
}

/** Masks lists of headers, trailers and metadata: what no rule knows is not shown. */
export class HeaderMasker {
  readonly #scope: Scope;
  readonly #memory: ValueMemory;
  readonly #values: HeaderValues;
  readonly #sets = new WeakMap<RuleSet, KnownHeaders>();
  readonly #maskName: (name: string) => string;
  // Of the rules that were in force last.
  #rules: RuleSet | undefined;
  #known = new KnownHeaders();

  constructor(scope: Scope, text: TextMasker, protobuf: ProtobufMasker, memory: ValueMemory) {
    this.#scope = scope;
    this.#memory = memory;
    this.#values = new HeaderValues(scope, text, protobuf);
    this.#maskName = (name) => text.mask(name, 0);
  }

  mask(headers: HeaderList): HeaderList {
    if (this.#rules !== this.#scope.rules) this.#known = this.#knownUnder(this.#scope.rules);
    const { byName: names, place } = this.#known;
    let out: string[] | undefined;
    const { length } = headers;
    for (let i = 0; i + 1 < length; i += 2) {
      const name = headers[i] ?? '';
      const value = headers[i + 1] ?? '';
      // By the name as it was sent, so that nothing has to be put into lower case.
      const known = names.get(name) ?? this.#meet(name);
      if (!known.listed) known.shownName = this.#memory.recall(place, name, this.#maskName) ?? '';
      const masked =
        known.place === undefined ? known.mask(value) : this.#memory.recall(known.place, value, known.mask);
      const same = masked === value && known.shownName === name;
      if (same && out === undefined) continue;
      out ??= headers.slice(0, i);
      if (masked !== undefined) out.push(known.shownName, masked);
    }
    return out ?? (length % 2 === 1 ? headers.slice(0, length - 1) : headers);
  }

  /** Mask of a host and port, as `Host` has them. */
  host(value: string): string {
    return this.#values.host(value);
  }

  #knownUnder(rules: RuleSet): KnownHeaders {
    this.#rules = rules;
    let known = this.#sets.get(rules);
    if (known === undefined) {
      known = new KnownHeaders();
      this.#sets.set(rules, known);
    }
    return known;
  }

  #meet(name: string): KnownHeader {
    const lower = name.toLowerCase();
    const { rules } = this.#scope;
    const kind = rules.allowsHeader(lower) ? 'kept' : kindOf(lower);
    const fixed = fixedHeaderKinds.some((each) => each === kind);
    const found = rules.header(lower);
    const user = found !== undefined && fixed && shows(found) ? undefined : found;
    const listed = byName.has(lower) || isShapedName(lower);
    const known = new KnownHeader(name, listed, kind, (header, value) =>
      user === undefined
        ? this.#values.byKind(lower, kind, value, header.shownName)
        : this.#values.byRule(user, kind, value),
    );
    // Names come from clients.
    if (name.length > longestName) return known;
    const { byName: names } = this.#known;
    if (names.size >= namesRemembered) names.clear();
    names.set(detached(name), known);
    return known;
  }
}

function kindOf(lower: string): Kind {
  return byName.get(lower) ?? kindByPrefix(lower) ?? 'unknown';
}

/** That a name begins as those of headers that are kept says little when another of its words is that of a secret. */
function kindByPrefix(lower: string): Kind | undefined {
  const kind = byPrefix.find(([prefix]) => lower.startsWith(prefix))?.[1];
  return kind === 'kept' && nameMeaning(lower, false) !== undefined ? undefined : kind;
}

function shows(rule: MaskRule): boolean {
  return rule.action === 'keep' || rule.action === 'partial' || rule.action === 'format';
}

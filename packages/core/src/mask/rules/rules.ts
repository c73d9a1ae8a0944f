import type { DefaultRuleId } from '../policy/default-policy.ts';
import { type DetectorId, detectorIds, detectorRuleId, detectorType } from '../policy/detector-ids.ts';
import { type MaskRule, tokenRule } from '../policy/mask-rule.ts';
import type { ResolvedPolicy } from '../policy/resolve-policy.ts';
import type { JsonPath, PathTemplate } from '../policy/selector.ts';
import { type NameMeaning, nameMeaning } from '../value/key-words.ts';
import { showsCards } from './card-rules.ts';
import { detached } from './detached.ts';
import type { LinearPattern } from './linear-pattern.ts';
import { NameTable } from './name-table.ts';
import { type CompiledRule, compileRule, type NamePlace, type ProtoField } from './rule-compile.ts';
import type { RuleContext } from './rule-context.ts';

export interface JsonPathRule {
  readonly path: JsonPath;
  readonly rule: MaskRule;
}

/** A pattern of the policy, and what is done with what it finds. */
export interface PatternRule {
  readonly pattern: LinearPattern;
  readonly rule: MaskRule;
}

export interface PathRule {
  readonly template: PathTemplate;
  readonly rule: MaskRule;
}

const namesRemembered = 4096;
/** Nothing that a detector or decoder knows is as short as that, of letters, digits, `-` and `_` alone. */
const shortWord = 7;
const longestPlain = 40;
const plainWord = /^[A-Za-z_-]+$/;
const setsRemembered = 256;

/** The rules of a policy. Those with conditions are picked per exchange and part; equal picks share one set. */
export class PolicyRules {
  readonly #policy: ResolvedPolicy;
  readonly #rules: readonly CompiledRule[];
  /** Some rule is for some exchanges only. */
  readonly conditional: boolean;
  readonly #cardsInPart: boolean;
  readonly #sets = new Map<string, RuleSet>();
  /** All the rules: those in force, where none has conditions. */
  readonly all: RuleSet;

  constructor(policy: ResolvedPolicy) {
    this.#policy = policy;
    this.#rules = policy.rules.map((rule, order) =>
      compileRule(rule, order, policy.rules.slice(0, order), policy.allowed),
    );
    this.#cardsInPart = showsCards(this.#rules);
    this.conditional = this.#rules.some((rule) => rule.applies !== undefined);
    this.all = new RuleSet(policy, this.#rules, this.#cardsInPart);
  }

  select(context: RuleContext): RuleSet {
    if (!this.conditional) return this.all;
    const active = this.#rules.filter((rule) => rule.applies === undefined || rule.applies(context));
    const key = active.map((rule) => rule.order).join();
    let set = this.#sets.get(key);
    if (set === undefined) {
      set = new RuleSet(this.#policy, active, this.#cardsInPart);
      if (this.#sets.size >= setsRemembered) this.#sets.clear();
      this.#sets.set(key, set);
    }
    return set;
  }
}

/** The rules in force for one part of one exchange. */
export class RuleSet {
  readonly unknownHeaders: 'token' | 'scan' | 'drop';
  readonly jsonPaths: readonly JsonPathRule[];
  readonly paths: readonly PathRule[];
  /** What detectors do with what they find, by number; undefined for one that is switched off. */
  readonly detectors: readonly (MaskRule | undefined)[];
  /** Some detector is on besides that of private keys, which always is. */
  readonly detects: boolean;
  /** In the order of the policy. */
  readonly patterns: readonly PatternRule[];
  /** Some rule removes members of JSON. */
  readonly removes: boolean;
  /** Members that name each other's values are looked for. */
  readonly pairs: boolean;
  /** The user's rule for text bodies, and that for bodies of any kind. */
  readonly text: MaskRule | undefined;
  readonly body: MaskRule | undefined;
  readonly #disabled: ReadonlySet<string>;
  readonly #rules: readonly CompiledRule[];
  /** In the policy `strict`: for every value that no other rule is for. */
  readonly otherwise: MaskRule | undefined;
  readonly #allowed: ReadonlySet<string>;
  /** Some rule shows parts of card numbers: then none makes tokens of them. */
  readonly #cardsInPart: boolean;
  /** No detector finds anything in fewer characters, but a pattern of the user's can. */
  readonly #shortIsPlain: boolean;
  readonly #plainWords = new Set<string>();
  readonly #defaults = new Map<string, Map<string, MaskRule>>();
  readonly #meanings = new Map<NameMeaning, MaskRule>();
  readonly #names: Readonly<Record<NamePlace, Map<string, MaskRule | undefined>>> = {
    json: new Map(),
    query: new Map(),
    form: new Map(),
    cookie: new Map(),
    multipart: new Map(),
    gql: new Map(),
  };
  #jsonNames: NameTable | undefined;

  constructor(policy: ResolvedPolicy, rules: readonly CompiledRule[], cardsInPart: boolean) {
    this.unknownHeaders = policy.unknownHeaders;
    this.#disabled = policy.disabled;
    this.otherwise = policy.name === 'strict' ? tokenRule('default/strict/value', 'value') : undefined;
    this.#allowed = policy.allowed;
    this.#cardsInPart = cardsInPart;
    this.#shortIsPlain = !rules.some((rule) => rule.pattern !== undefined);
    this.#rules = rules;
    this.jsonPaths = rules.flatMap(({ rule, jsonPaths }) => jsonPaths.map((path) => ({ path, rule })));
    this.paths = rules.flatMap(({ rule, paths }) => paths.map((template) => ({ template, rule })));
    this.text = rules.find((rule) => rule.text)?.rule ?? this.otherwise;
    this.body = rules.find((rule) => rule.body)?.rule;
    this.detectors = detectorIds.map((id) => this.#detectorRule(id));
    this.detects = this.detectors.filter((rule) => rule !== undefined).length > 1;
    this.patterns = rules.flatMap(({ rule, pattern }) => (pattern === undefined ? [] : [{ pattern, rule }]));
    this.removes = rules.some(({ rule }) => rule.action === 'remove');
    this.pairs = this.enabled('default/pair');
  }

  /** Names in JSON, by their bytes. Made when it is first needed: there can be many rule sets. */
  get jsonNames(): NameTable {
    this.#jsonNames ??= new NameTable((name) => this.jsonName(name));
    return this.#jsonNames;
  }

  /** Whether nothing of these rules finds anything in a word: known for most of those that paths and names are made of. */
  isPlain(text: string): boolean {
    return (this.#shortIsPlain && isShortWord(text)) || this.#plainWords.has(text);
  }

  /** Notes that nothing was found in a text, if it is a word: there are few of them, and they say nothing of anyone. */
  addPlain(text: string): void {
    if (text.length > longestPlain || !plainWord.test(text)) return;
    if (this.#plainWords.size >= namesRemembered) this.#plainWords.clear();
    this.#plainWords.add(detached(text));
  }

  enabled(id: DefaultRuleId): boolean {
    return !this.#disabled.has(id);
  }

  /** A default rule that makes tokens of this type, made once. */
  default(id: string, type: string): MaskRule {
    let byType = this.#defaults.get(id);
    if (byType === undefined) {
      byType = new Map();
      this.#defaults.set(id, byType);
    }
    let rule = byType.get(type);
    if (rule === undefined) {
      rule = tokenRule(id, type);
      // Cookie and header names make types, and names come from clients.
      if (byType.size >= namesRemembered) byType.clear();
      byType.set(type, rule);
    }
    return rule;
  }

  /** The user lets this header through, though it is one of those always masked; the name in lower case. */
  allowsHeader(name: string): boolean {
    return this.#allowed.has(name);
  }

  /** The user's rule for a header; the name in lower case. */
  header(name: string): MaskRule | undefined {
    return this.#rules.find(({ headers }) => headers.some((pattern) => pattern.test(name)))?.rule;
  }

  /** The rule for a member of a JSON object, by its name alone. */
  jsonName(name: string): MaskRule | undefined {
    // Remembered by bytes in the table of names.
    return this.#resolve('json', name);
  }

  query(name: string): MaskRule | undefined {
    return this.#named('query', name);
  }

  form(name: string): MaskRule | undefined {
    return this.#named('form', name);
  }

  /** The rule for a part of a multipart body. */
  multipart(name: string): MaskRule | undefined {
    return this.#named('multipart', name);
  }

  /** The rule for an argument or a variable of a GraphQL document. */
  gql(name: string): MaskRule | undefined {
    return this.#named('gql', name);
  }

  /** The rule for a field of a protobuf message. */
  protoField(field: ProtoField): MaskRule | undefined {
    let after = this.#meant('json', field.name);
    if (field.redacted && this.enabled('default/proto/debug-redact'))
      after ??= this.default('default/proto/debug-redact', 'value');
    after ??= this.otherwise;
    const own = this.#rules.filter(
      (each) => each.matchesProto(field) || (field.name !== '' && each.matchesName('json', field.name)),
    );
    for (const { rule } of own.reverse()) after = { ...rule, fallback: after };
    return after;
  }

  /** Every cookie has one: names that mean nothing are of a type of their own. */
  cookie(name: string): MaskRule | undefined {
    const rule = this.#named('cookie', name);
    if (rule !== undefined || this.#disabled.has('default/cookie')) return rule;
    return this.default('default/cookie', `cookie:${name}`);
  }

  #named(place: NamePlace, name: string): MaskRule | undefined {
    const names = this.#names[place];
    const known = names.get(name);
    if (known !== undefined || names.has(name)) return known;
    const rule = this.#resolve(place, name);
    if (name.length > 128) return rule;
    if (names.size >= namesRemembered) names.clear();
    names.set(detached(name), rule);
    return rule;
  }

  #resolve(place: NamePlace, name: string): MaskRule | undefined {
    // A rule for some types only leaves values of the others to what comes after it.
    let after = this.#meant(place, name) ?? (place === 'cookie' ? undefined : this.otherwise);
    if (this.#rules.length === 0) return after;
    for (const { rule } of this.#rules.filter((each) => each.matchesName(place, name)).reverse()) {
      after = { ...rule, fallback: after };
    }
    return after;
  }

  #meant(place: NamePlace, name: string): MaskRule | undefined {
    const meaning = nameMeaning(name, place === 'query' || place === 'form' || place === 'multipart');
    if (meaning === undefined || this.#disabled.has(meaning.rule)) return undefined;
    let rule = this.#meanings.get(meaning);
    if (rule === undefined) {
      const minLength = this.otherwise === undefined ? meaning.minLength : 0;
      rule = this.#tokenRule(meaning.rule, meaning.type, minLength);
      this.#meanings.set(meaning, rule);
    }
    return rule;
  }

  #detectorRule(id: DetectorId): MaskRule | undefined {
    const ruleId = detectorRuleId(id);
    // A private key is never anything else.
    if (id === 'private-key') return tokenRule(ruleId, detectorType(id));
    const user = this.#rules.find((rule) => rule.detector === id);
    if (user !== undefined)
      return { ...user.rule, type: user.rule.typeFixed ? user.rule.type : detectorType(id) };
    return this.#disabled.has(ruleId) ? undefined : this.#tokenRule(ruleId, detectorType(id));
  }

  #tokenRule(id: string, type: string, minLength = 0): MaskRule {
    const rule = tokenRule(id, type, minLength);
    return type === 'card' && this.#cardsInPart ? { ...rule, action: 'redact' } : rule;
  }
}

function isShortWord(text: string): boolean {
  if (text.length > shortWord) return false;
  // Two characters of any kind hold nothing.
  if (text.length < 3) return true;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const inWord =
      (code >= 97 && code <= 122) ||
      (code >= 48 && code <= 57) ||
      (code >= 65 && code <= 90) ||
      code === 0x2d ||
      code === 0x5f;
    if (!inWord) return false;
  }
  return true;
}

import type { VariableUses } from '../json/deep-text.ts';
import { backslash, quote, skipEscape, stringText, stringWeights } from '../json/json-bytes.ts';
import { allBits, joined, type MaskRule } from '../policy/mask-rule.ts';
import type { RuleSet } from '../rules/rules.ts';
import type { Scope } from '../rules/scope.ts';
import { readVariables } from './graphql.ts';

const dollar = 0x24;
const used = /\$[\s,]*[#A-Za-z_]/;

/**
 * What documents say of their variables: the rule of each that is used where a rule is for the argument or field. Which
 * document a variable is for is not asked: a name that means something in one of them does so in all.
 */
class DocumentUses implements VariableUses {
  unclear = false;
  readonly #rules = new Map<string, MaskRule>();

  get isEmpty(): boolean {
    return !this.unclear && this.#rules.size === 0;
  }

  rule(name: string): MaskRule | undefined {
    return this.#rules.get(name);
  }

  /** Notes the variables in a text, if there are any. */
  read(text: string, rules: RuleSet): void {
    if (!used.test(text)) return;
    const isRead = readVariables(
      text,
      (name) => rules.gql(name),
      (name, rule) => {
        const masks = masking(rule);
        if (masks !== undefined) this.#rules.set(name, joined(masks, this.#rules.get(name)) ?? masks);
      },
    );
    this.unclear ||= !isRead;
  }

  /** The same for a text with percent codes. */
  readEncoded(text: string, rules: RuleSet): void {
    try {
      this.read(decodeURIComponent(text), rules);
    } catch {
      // A percent sign that stands for nothing: readers differ in what they make of it.
      this.unclear = true;
    }
  }
}

/** All strings of a JSON document are looked at, by whatever name: of members with one name readers take different ones. */
export function usesInJson(bytes: Buffer, start: number, end: number, rules: RuleSet): VariableUses {
  const uses = new DocumentUses();
  const document = bytes.subarray(start, end);
  if (!document.includes(dollar) && !document.includes('\\u0024')) return uses;
  for (let i = document.indexOf(quote); i >= 0; i = document.indexOf(quote, i)) {
    const from = ++i;
    let escaped = false;
    let marked = false;
    for (; document[i] !== quote; ) {
      if (document[i] === backslash) {
        escaped = true;
        marked ||= document[i + 1] === 0x75;
        i = skipEscape(document, i, document.length);
      } else {
        marked ||= document[i] === dollar;
        i = (stringWeights[document[i] ?? 0] ?? 0) < 0 ? -1 : i + 1;
      }
      // No JSON: whoever asked finds that as well.
      if (i < 0 || i >= document.length) return uses;
    }
    if (marked) uses.read(stringText(document, from, i, escaped), rules);
    i++;
  }
  return uses;
}

/** The same for a query or form: looked up once there are variables. */
export class PairUses {
  readonly #text: string;
  readonly #scope: Scope;
  #uses: VariableUses | undefined;

  constructor(text: string, scope: Scope) {
    this.#text = text;
    this.#scope = scope;
  }

  get all(): VariableUses {
    this.#uses ??= usesInPairs(this.#text, this.#scope.rules);
    return this.#uses;
  }
}

function usesInPairs(text: string, rules: RuleSet): VariableUses {
  const uses = new DocumentUses();
  for (const pair of text.split('&')) {
    const value = pair.slice(pair.indexOf('=') + 1);
    if (value.includes('$') || value.includes('%24')) uses.readEncoded(value.replaceAll('+', ' '), rules);
  }
  return uses;
}

/** What lets a value be in one place says nothing of its other places. */
function masking(rule: MaskRule | undefined): MaskRule | undefined {
  let found = rule;
  while (found?.action === 'keep') found = found.accepts === allBits ? undefined : found.fallback;
  return found;
}

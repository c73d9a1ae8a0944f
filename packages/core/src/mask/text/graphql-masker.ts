import type { DeepText } from '../json/deep-text.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import type { Scope } from '../rules/scope.ts';
import { nameWords } from '../value/key-words.ts';
import type { Replacer } from '../value/replace.ts';
import { type GraphqlMasks, maskGraphql } from './graphql.ts';

/** Arguments that say how much of an answer is asked for: without them it would be another answer. */
const shapes = new Set(
  'first last limit offset skip take top page pagesize perpage size count depth maxdepth width height scale'.split(
    ' ',
  ),
);
const longestShape = 6;

/** Masks GraphQL documents: literals by the names of their arguments, and all other literals too. */
export class GraphqlMasker {
  readonly #scope: Scope;
  readonly #replacer: Replacer;
  readonly #deep: DeepText;
  readonly #undecodable: MaskRule;

  constructor(scope: Scope, replacer: Replacer, deep: DeepText, undecodable: MaskRule) {
    this.#scope = scope;
    this.#replacer = replacer;
    this.#deep = deep;
    this.#undecodable = undecodable;
  }

  /** Undefined when the text is no document. */
  mask(text: string, level: number, isSure: boolean): string | undefined {
    const { rules } = this.#scope;
    const isMasked = rules.enabled('default/graphql-literal');
    const rule = isMasked ? rules.default('default/graphql-literal', 'value') : undefined;
    const masked = maskGraphql(text, this.#masks(rule, level), isSure);
    if (masked === 'other') return undefined;
    return masked === 'broken' ? this.#deep.maskUnder(this.#undecodable, text, level) : masked.text;
  }

  /** @param other - the rule for literals that no rule is for by name */
  #masks(other: MaskRule | undefined, level: number): GraphqlMasks {
    return {
      rule: (name) => this.#scope.rules.gql(name),
      string: (given, text) => {
        const rule = given ?? other;
        if (rule === undefined) return this.#deep.mask(text, level);
        if (rule.action !== 'remove') return this.#deep.maskUnder(rule, text, level);
        this.#scope.count(rule.id, text);
        return undefined;
      },
      number: (given, name, text) => {
        const rule =
          this.#numberRule(given, text) ?? (given === undefined ? asked(other, name, text) : undefined);
        if (rule === undefined) return text;
        const masked = rule.action === 'remove' ? undefined : this.#replacer.number(rule, text);
        this.#scope.count(rule.id, text, masked);
        return masked;
      },
      name: (text) => this.#deep.mask(text, level),
    };
  }

  /** The rule by name, or by how the number looks. */
  #numberRule(given: MaskRule | undefined, text: string): MaskRule | undefined {
    if (given !== undefined && given.action !== 'keep') return given;
    if (given?.detectors === false) return undefined;
    const bytes = Buffer.from(text, 'latin1');
    return this.#deep.numberRule(bytes, 0, bytes.length);
  }
}

function asked(other: MaskRule | undefined, name: string, text: string): MaskRule | undefined {
  const isShape = text.length <= longestShape && shapes.has(nameWords(name).join(''));
  return isShape ? undefined : other;
}

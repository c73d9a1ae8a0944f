import type { Exchange } from '../../model/exchange.ts';
import { createMasker } from '../create-masker.ts';
import { maskExchange } from '../mask-exchange.ts';
import type { Masker } from '../masker.ts';
import type { Policy, PolicyRule } from '../policy/policy.ts';
import { policyError } from '../policy/policy-error.ts';
import { resolvePolicy } from '../policy/resolve-policy.ts';
import { anyExchange } from '../rules/rule-context.ts';
import { PolicyRules } from '../rules/rules.ts';
import { nameWords } from '../value/key-words.ts';
import { NameSurvey, type SurveyedName } from './name-survey.ts';
import type { ValueShape } from './value-shape.ts';

/** A name that no rule knows, and what is proposed for it. */
export interface NameSuggestion extends SurveyedName {
  /** Why it is proposed, in a few words. */
  readonly reason: string;
  /** Absent when nothing need be done. */
  readonly rule?: PolicyRule;
}

/** A header with at most this many different values is one that services route by. */
const fewValues = 20;

/** Words of names that are about persons, their circumstances, or secrets of their own. */
const tellingWords = new Set(
  `name nick nickname alias handle person people customer client patient member owner holder recipient sender author user
  employee guest visitor contact gender sex age birth born nationality citizenship ethnicity race religion marital spouse
  child children family diagnosis medication health medical insurance salary income wage tax address city town county
  state region province country location place coordinates position company employer school comment comments note notes
  remark remarks message feedback review bio about description subject title reason vehicle plate vin license licence
  account iban balance card hash salt nonce key auth code cert certificate signature challenge seed mnemonic payload
  fingerprint device serial`.split(/\s+/),
);

/**
 * Proposes rules from the names in captures that no rule knows, by what their values look like. It tells names, counts and
 * looks, never values.
 */
export class PolicySuggester {
  readonly #policy: Policy;
  readonly #masker: Masker;
  readonly #survey: NameSurvey;

  /**
   * @param policy - What is known already. Default `secure`.
   * @throws GardenhoseError `mask-policy`, also for a policy that masks nothing; `mask-key`
   */
  constructor(policy: Policy = { version: 1 }) {
    this.#policy = policy;
    this.#masker = createMasker(policy);
    if (this.#masker.summary.mode === 'none')
      throw policyError('extends', "'none' masks nothing, so it knows no names");
    const rules = new PolicyRules(resolvePolicy(policy)).select(anyExchange);
    this.#survey = new NameSurvey((place, name) => {
      if (place === 'json') return rules.jsonName(name) !== undefined;
      if (place === 'header') return rules.header(name) !== undefined;
      return (place === 'query' ? rules.query(name) : rules.form(name)) !== undefined;
    });
  }

  add(exchange: Exchange): void {
    const masked = maskExchange(this.#masker, exchange);
    this.#survey.add(masked, masked.unknownHeaders);
  }

  /** All names, those that matter most first. */
  suggestions(): NameSuggestion[] {
    return this.#survey
      .names()
      .map((name) => ({ name, weight: weightOf(name) * Math.log2(name.count + 1) }))
      .sort((a, b) => b.weight - a.weight || (a.name.name < b.name.name ? -1 : 1))
      .map(({ name }) => suggestionOf(name));
  }

  /** The policy with the first rules that are proposed. It is valid. */
  policy(mostRules: number): Policy {
    const rules = this.suggestions()
      .flatMap(({ rule }) => (rule === undefined ? [] : [rule]))
      .slice(0, mostRules);
    return { ...this.#policy, rules: [...(this.#policy.rules ?? []), ...rules] };
  }
}

function main({ shapes }: SurveyedName): ValueShape {
  return shapes[0]?.[0] ?? 'other';
}

function isTelling({ name }: SurveyedName): boolean {
  return nameWords(name).some((word) => tellingWords.has(word) || tellingWords.has(word.replace(/s$/, '')));
}

/** How much it matters to look at a name. */
function weightOf(name: SurveyedName): number {
  if (name.places.includes('header')) return 100;
  const shape = main(name);
  // A constant says nothing of anyone.
  const varied = name.distinct > 1 ? 1 : 0.2;
  const byShape: Partial<Record<ValueShape, number>> = {
    random: 90,
    hex: 60,
    digits: 50,
    text: 50,
    uuid: 20,
    word: 10,
  };
  return ((byShape[shape] ?? 1) + (isTelling(name) && shape !== 'token' ? 60 : 0)) * varied;
}

function suggestionOf(name: SurveyedName): NameSuggestion {
  if (name.places.includes('header')) return headerSuggestion(name);
  const shape = main(name);
  if (shape === 'token') return { ...name, reason: 'detectors mask its values already' };
  if (shape === 'boolean') return { ...name, reason: 'says yes or no' };
  const at = `key:${name.name}` as const;
  const id = `suggest/key/${idText(name.name)}`;
  if (shape === 'random' || shape === 'hex') {
    const mask = { do: 'token', type: 'secret' } as const;
    return { ...name, reason: 'values that look like keys', rule: { id, at, mask } };
  }
  if (shape === 'text' && name.distinct > 1)
    return { ...name, reason: 'free text: people write anything into it', rule: { id, at, mask: 'redact' } };
  if (shape === 'digits')
    return { ...name, reason: 'looks like phone or account numbers', rule: { id, at, mask: 'token' } };
  if (isTelling(name) && name.distinct > 1)
    return { ...name, reason: 'its name is about persons or secrets', rule: { id, at, mask: 'token' } };
  return { ...name, reason: 'looks harmless' };
}

function headerSuggestion(name: SurveyedName): NameSuggestion {
  const shape = main(name);
  const isSecret = shape === 'random' || shape === 'hex';
  const few = name.distinct <= fewValues && (name.distinct === 1 || name.distinct * 2 <= name.count);
  if (isSecret || !few)
    return { ...name, reason: 'stays masked: its values differ, as those of ids and keys do' };
  return {
    ...name,
    reason: 'masked now; few values: keep it if none is a secret',
    rule: { id: `suggest/header/${idText(name.name)}`, at: `header:${name.name}`, mask: 'keep' },
  };
}

function idText(name: string): string {
  return name.replace(/[^\w.-]/g, '-');
}

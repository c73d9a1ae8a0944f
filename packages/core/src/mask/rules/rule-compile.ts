import { didYouMean } from '../../model/option-names.ts';
import { isFixedHeader } from '../policy/default-policy.ts';
import { detectorIds } from '../policy/detector-ids.ts';
import { allBits, arrayBit, type MaskRule, numberBit, objectBit, stringBit } from '../policy/mask-rule.ts';
import type { PolicyRule } from '../policy/policy.ts';
import { isRecord, oneOf, onlyFields, policyError, show } from '../policy/policy-error.ts';
import {
  globPattern,
  type JsonPath,
  type PathTemplate,
  parseJsonPath,
  parsePathTemplate,
} from '../policy/selector.ts';
import { nameMeaning, nameWords } from '../value/key-words.ts';
import { compilePattern, type LinearPattern, longestFind } from './linear-pattern.ts';
import { compileAction } from './rule-action.ts';
import type { RuleContext } from './rule-context.ts';
import { compileMatch } from './rule-match.ts';

/** Where a named value stands. */
export type NamePlace = 'json' | 'query' | 'form' | 'cookie' | 'multipart' | 'gql';

/** What rules can go by of a field of a protobuf message. */
export interface ProtoField {
  /** As its schema has it; empty where it has none of its own, as the value of a map. */
  readonly name: string;
  /** `shop.Order.email`. */
  readonly fullName: string;
  /** Full name of the message that it holds, else empty. */
  readonly typeName: string;
  /** Full names of the custom options that are set for it. */
  readonly options: readonly string[];
  /** It is marked with `debug_redact`. */
  readonly redacted: boolean;
}

/** A user's rule, checked and ready. */
export interface CompiledRule {
  readonly order: number;
  readonly rule: MaskRule;
  /** Absent when the rule is for every exchange. */
  readonly applies: ((context: RuleContext) => boolean) | undefined;
  readonly headers: readonly RegExp[];
  readonly jsonPaths: readonly JsonPath[];
  readonly paths: readonly PathTemplate[];
  /** Points at text bodies, and at bodies of any kind. */
  readonly text: boolean;
  readonly body: boolean;
  /** Points at card numbers. */
  readonly card: boolean;
  /** The detector whose finds it takes. */
  readonly detector: string | undefined;
  /** The pattern whose finds it takes. */
  readonly pattern: LinearPattern | undefined;
  matchesName(place: NamePlace, name: string): boolean;
  matchesProto(field: ProtoField): boolean;
}

/** Patterns with two `*` take time by the square of a name's length. */
const longestName = 1024;

const selectorKinds = [
  'header:',
  'cookie:',
  'query:',
  'path:',
  'json:',
  'key:',
  'form:',
  'multipart:',
  'gql:',
  'proto:',
  'proto-option:',
  'text:*',
  'body',
] as const;
const selectorWords = selectorKinds.map((kind) => kind.replace(/:.?$/, ''));

/** @throws GardenhoseError `mask-policy`, naming the rule: nothing that a policy says is passed over */
export function compileRule(
  given: PolicyRule,
  order: number,
  before: readonly PolicyRule[],
  allowed: ReadonlySet<string>,
): CompiledRule {
  if (!isRecord(given)) throw policyError(`rule ${order + 1}`, 'expected an object');
  const { id } = given;
  if (typeof id !== 'string' || !/^[\w./:-]{1,100}$/.test(id)) {
    throw policyError(
      `rule ${order + 1}`,
      `its id must be 1 to 100 letters, digits or ./:_-, found ${show(id)}`,
    );
  }
  const where = `rule ${id}`;
  if (id.startsWith('default/'))
    throw policyError(where, "ids that begin with 'default/' are the default rules'");
  if (before.some((other) => other.id === id)) throw policyError(where, 'another rule has the same id');
  onlyFields(where, given, ['id', 'when', 'at', 'value', 'mask', 'types']);
  const rule = { ...compileAction(given.mask, where), id, order, accepts: typeBits(given.types, where) };
  const selectors = selectorsOf(given, where);
  const named = new Map<NamePlace, RegExp[]>();
  const keys = new Set<string>();
  const protoNames: RegExp[] = [];
  const protoOptions = new Set<string>();
  const compiled = { headers: [] as RegExp[], jsonPaths: [] as JsonPath[], paths: [] as PathTemplate[] };
  for (const selector of selectors) {
    const colon = selector.indexOf(':');
    const kind = colon < 0 ? selector : selector.slice(0, colon);
    const text = colon < 0 ? '' : selector.slice(colon + 1);
    switch (kind) {
      case 'header':
        checkHeader(text.toLowerCase(), rule, where, allowed);
        compiled.headers.push(globPattern(text, where));
        break;
      case 'cookie':
      case 'query':
      case 'form':
      case 'multipart':
      case 'gql':
        named.set(kind, [...(named.get(kind) ?? []), globPattern(text, where)]);
        break;
      case 'json':
        compiled.jsonPaths.push(parseJsonPath(text, where));
        break;
      case 'path':
        compiled.paths.push(parsePathTemplate(text, where));
        break;
      case 'proto':
        protoNames.push(protoPattern(text, where));
        break;
      case 'proto-option':
        protoOptions.add(protoName(text, where));
        break;
      case 'key':
        keys.add(keyWords(text, where));
        break;
      default:
        if (selector !== 'text:*' && selector !== 'body') {
          throw policyError(
            `${where}, at`,
            `cannot read the selector ${show(selector)}; known are ${selectorKinds.join(', ')}${didYouMean(kind, selectorWords)}`,
          );
        }
    }
  }
  return {
    order,
    rule,
    applies: given.when === undefined ? undefined : compileMatch(given.when, where),
    ...compiled,
    card: given.value === 'card' || selectors.some(isOfCard),
    text: selectors.includes('text:*'),
    body: selectors.includes('body'),
    pattern: patternOf(given, rule, where),
    detector: detectorOf(given, rule, where),
    matchesProto: ({ fullName, typeName, options }) =>
      protoNames.some((pattern) => pattern.test(fullName) || (typeName !== '' && pattern.test(typeName))) ||
      options.some((option) => protoOptions.has(option)),
    matchesName: (place, name) => {
      const short = name.slice(0, longestName);
      const byWords = (text: string) => keys.has(nameWords(text).join(''));
      if (keys.size > 0 && (byWords(short) || lastPart(short).some(byWords))) return true;
      const patterns = named.get(place);
      return (
        patterns !== undefined &&
        spellings(place, short).some((each) => patterns.some((pattern) => pattern.test(each)))
      );
    },
  };
}

/** `user[phone][0]` in a query or a form is `user.phone` as well, and `user.phone[0]`. */
function spellings(place: NamePlace, name: string): readonly string[] {
  if (!name.includes('[') || place === 'cookie' || place === 'json') return [name];
  const parts = name.split(/[[\]]+/).filter((part) => part !== '');
  const [first = '', ...others] = parts;
  const isIndex = (part: string) => /^\d{1,9}$/.test(part);
  const path = [first, ...others.filter((part) => !isIndex(part))].join('.');
  const indexed = first + others.map((part) => (isIndex(part) ? `[${part}]` : `.${part}`)).join('');
  return [name, path, indexed];
}

/** Of `user[phone]`, `phone`: what counts for default rules by name counts for the user's as well. */
function lastPart(name: string): readonly string[] {
  if (!/[.[]/.test(name)) return [];
  const part = name.split(/[.[\]]+/).findLast((each) => each !== '' && !/^\d{1,9}$/.test(each));
  return part === undefined ? [] : [part];
}

function selectorsOf(given: PolicyRule, where: string): readonly string[] {
  if (given.at === undefined) {
    if (given.value === undefined)
      throw policyError(where, 'it needs `at`, or `value` with the name of a detector');
    return [];
  }
  if (given.value !== undefined)
    throw policyError(where, '`at` and `value` in one rule are not supported yet');
  const selectors = typeof given.at === 'string' ? [given.at] : given.at;
  const areTexts = Array.isArray(selectors) && selectors.every((selector) => typeof selector === 'string');
  if (!areTexts || selectors.length === 0)
    throw policyError(where, '`at` must be a selector or a list of them');
  return selectors;
}

function detectorOf(given: PolicyRule, rule: MaskRule, where: string): string | undefined {
  if (given.value === undefined) return undefined;
  if (typeof given.value !== 'string') return undefined;
  const detector = oneOf(`${where}, value`, given.value, detectorIds);
  if (detector === 'private-key') throw policyError(where, 'private keys are always masked');
  if (rule.action === 'remove')
    throw policyError(where, 'what a detector finds cannot be removed; use redact');
  return detector;
}

function patternOf({ value }: PolicyRule, rule: MaskRule, where: string): LinearPattern | undefined {
  if (value === undefined || typeof value === 'string') return undefined;
  const at = `${where}, value`;
  if (!isRecord(value)) {
    throw policyError(at, `expected a detector or { pattern, maxLength }, found ${show(value)}`);
  }
  onlyFields(at, value, ['pattern', 'maxLength']);
  const { pattern, maxLength } = value;
  if (typeof pattern !== 'string') {
    throw policyError(
      at,
      `expected { pattern, maxLength } with a regular expression as text, found ${show(pattern)}`,
    );
  }
  if (
    typeof maxLength !== 'number' ||
    !Number.isInteger(maxLength) ||
    maxLength < 1 ||
    maxLength > longestFind
  ) {
    throw policyError(
      at,
      `maxLength must be a whole number from 1 to ${longestFind}, found ${show(maxLength)}`,
    );
  }
  const compiled = compilePattern({ pattern, maxLength });
  if (typeof compiled === 'string') throw policyError(at, `the pattern ${show(pattern)} ${compiled}`);
  if (rule.action === 'remove')
    throw policyError(where, 'what a pattern finds cannot be removed; use redact');
  return compiled;
}

function keyWords(text: string, where: string): string {
  const words = nameWords(text).join('');
  if (words === '' || text.includes('*'))
    throw policyError(where, `key: needs a plain name, found ${show(text)}`);
  return words;
}

const dottedName = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

function protoName(text: string, where: string): string {
  if (dottedName.test(text)) return text;
  throw policyError(where, `expected a full name such as corp.sensitive, found ${show(text)}`);
}

/** A full name, in which `*` stands for any characters. Names of protobuf have case. */
function protoPattern(text: string, where: string): RegExp {
  const { source } = globPattern(text, where);
  if (!dottedName.test(text.replaceAll('*', 'x')))
    throw policyError(where, `proto: needs the full name of a field or message, found ${show(text)}`);
  return new RegExp(source, 's');
}

/** A rule that asks to show what is always masked could never act: better told at start than found in a leak. */
function checkHeader(name: string, rule: MaskRule, where: string, allowed: ReadonlySet<string>): void {
  if (rule.action !== 'keep' && rule.action !== 'partial' && rule.action !== 'format') return;
  if (name.includes('*') || !isFixedHeader(name) || allowed.has(name)) return;
  throw policyError(
    where,
    `the header ${name} is always masked; token, redact and remove are allowed, others only with "dangerouslyAllow": ["${name}"]`,
  );
}

/** By the name that it points at, or the last one of a path. */
function isOfCard(selector: string): boolean {
  const name =
    /^(?:key|query|form|multipart|gql|cookie|proto):(?:.*\.)?(.+)$|^json:.*[.'"](\w+)['"\]]*$/.exec(selector);
  const text = name?.[1] ?? name?.[2];
  return text !== undefined && nameMeaning(text, false)?.type === 'card';
}

function typeBits(types: PolicyRule['types'], where: string): number {
  if (types === undefined) return allBits;
  if (!Array.isArray(types) || types.length === 0)
    throw policyError(where, '`types` must be a list of JSON types');
  let bits = 0;
  for (const type of types) {
    const known = oneOf(`${where}, types`, type, ['string', 'number', 'object', 'array']);
    bits |= { string: stringBit, number: numberBit, object: objectBit, array: arrayBit }[known];
  }
  return bits;
}

import { fixedHeaderKinds, headerKinds } from './default-policy.ts';
import { detectorIds } from './detector-ids.ts';
import { nameWords } from './key-words.ts';
import { allBits, arrayBit, type MaskRule, numberBit, objectBit, stringBit, tokenRule } from './mask-rule.ts';
import {
  formatKinds,
  isRecord,
  type MaskAction,
  type Match,
  oneOf,
  onlyFields,
  type PolicyRule,
  policyError,
  show,
} from './policy.ts';
import type { RuleContext } from './rule-context.ts';
import {
  globPattern,
  type JsonPath,
  type PathTemplate,
  parseJsonPath,
  parsePathTemplate,
  pathPattern,
} from './selector.ts';

/** Where a named value stands. */
export type NamePlace = 'json' | 'query' | 'form' | 'cookie';

/** A user's rule, checked and ready. */
export interface CompiledRule {
  readonly order: number;
  readonly rule: MaskRule;
  /** Absent when the rule is for every exchange. */
  readonly applies: ((context: RuleContext) => boolean) | undefined;
  readonly headers: readonly RegExp[];
  readonly jsonPaths: readonly JsonPath[];
  readonly paths: readonly PathTemplate[];
  /** The detector whose finds it takes. */
  readonly detector: string | undefined;
  matchesName(place: NamePlace, name: string): boolean;
}

/** Patterns with two `*` take time by the square of a name's length. */
const longestName = 1024;
const laterSelectors = ['multipart', 'gql', 'proto', 'text', 'body'];

/** @throws GardenhoseError `mask-policy`, naming the rule: nothing that a policy says is passed over */
export function compileRule(given: PolicyRule, order: number, before: readonly PolicyRule[]): CompiledRule {
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
  const compiled = { headers: [] as RegExp[], jsonPaths: [] as JsonPath[], paths: [] as PathTemplate[] };
  for (const selector of selectors) {
    const colon = selector.indexOf(':');
    const kind = selector.slice(0, Math.max(colon, 0));
    const text = selector.slice(colon + 1);
    switch (kind) {
      case 'header':
        checkHeader(text.toLowerCase(), rule, where);
        compiled.headers.push(globPattern(text, where));
        break;
      case 'cookie':
      case 'query':
      case 'form':
        named.set(kind, [...(named.get(kind) ?? []), globPattern(text, where)]);
        break;
      case 'json':
        compiled.jsonPaths.push(parseJsonPath(text, where));
        break;
      case 'path':
        compiled.paths.push(parsePathTemplate(text, where));
        break;
      case 'key':
        keys.add(keyWords(text, where));
        break;
      default:
        throw policyError(
          where,
          laterSelectors.includes(kind)
            ? `selectors of the kind ${kind}: are not supported yet`
            : `cannot read the selector ${show(selector)}`,
        );
    }
  }
  return {
    order,
    rule,
    applies: given.when === undefined ? undefined : compileMatch(given.when, where),
    ...compiled,
    detector: detectorOf(given, rule, where),
    matchesName: (place, name) =>
      (keys.size > 0 && keys.has(nameWords(name).join(''))) ||
      (named.get(place)?.some((pattern) => pattern.test(name.slice(0, longestName))) ?? false),
  };
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
  if (typeof given.value !== 'string') throw policyError(where, 'patterns as `value` are not supported yet');
  const detector = oneOf(`${where}, value`, given.value, detectorIds);
  if (detector === 'private-key') throw policyError(where, 'private keys are always masked');
  if (rule.action === 'remove')
    throw policyError(where, 'what a detector finds cannot be removed; use redact');
  return detector;
}

function keyWords(text: string, where: string): string {
  const words = nameWords(text).join('');
  if (words === '' || text.includes('*'))
    throw policyError(where, `key: needs a plain name, found ${show(text)}`);
  return words;
}

/** A rule that asks to show what is always masked could never act: better told at start than found in a leak. */
function checkHeader(name: string, rule: MaskRule, where: string): void {
  if (rule.action !== 'keep' && rule.action !== 'partial' && rule.action !== 'format') return;
  if (name.includes('*')) return;
  for (const kind of fixedHeaderKinds) {
    const fixed = headerKinds[kind].some((known) => globPattern(known, where).test(name));
    if (fixed)
      throw policyError(where, `the header ${name} is always masked; token, redact and remove are allowed`);
  }
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

function compileAction(mask: MaskAction, where: string): MaskRule {
  const base = tokenRule('', 'value');
  const given: unknown = typeof mask === 'string' ? { do: mask } : mask;
  if (!isRecord(given)) throw policyError(where, `cannot read the mask ${show(mask)}`);
  if (given.do === 'fake') throw policyError(where, 'the mask fake is not supported yet');
  const at = `${where}, mask`;
  const action = oneOf(at, given.do, ['keep', 'remove', 'redact', 'token', 'partial', 'format']);
  onlyFields(at, given, ['do', ...actionFields[action]]);
  switch (action) {
    case 'keep':
      if (given.detectors !== undefined && typeof given.detectors !== 'boolean') {
        throw policyError(at, 'detectors must be true or false');
      }
      return { ...base, action, detectors: given.detectors ?? true };
    case 'redact': {
      const replacement = given.with ?? base.replacement;
      if (typeof replacement !== 'string' || !/^[\x20-\x7e]{0,100}$/.test(replacement)) {
        throw policyError(at, 'with must be at most 100 printable ASCII characters');
      }
      return { ...base, action, replacement };
    }
    case 'token': {
      const type = given.type ?? base.type;
      if (typeof type !== 'string' || !/^[a-z][a-z0-9-]{0,31}$/.test(type)) {
        throw policyError(at, `type must be a lower-case word of at most 32 characters, found ${show(type)}`);
      }
      return {
        ...base,
        action,
        type,
        typeFixed: given.type !== undefined,
        bits: oneOfNumbers(at, 'bits', given.bits, [64, 96, 128], 96),
      };
    }
    case 'partial': {
      const minHidden = given.minHidden ?? base.minHidden;
      if (
        typeof minHidden !== 'number' ||
        !Number.isInteger(minHidden) ||
        minHidden < 1 ||
        minHidden > 1000
      ) {
        throw policyError(at, `minHidden must be a whole number from 1 to 1000, found ${show(minHidden)}`);
      }
      const first = oneOfNumbers(at, 'first', given.first, [0, 1, 2, 6], 0);
      const last = oneOfNumbers(at, 'last', given.last, [0, 2, 4], 4);
      return { ...base, action, first, last, minHidden };
    }
    case 'format':
      return {
        ...base,
        action,
        kind: given.kind === undefined ? undefined : oneOf(`${at}, kind`, given.kind, formatKinds),
      };
    default:
      return { ...base, action };
  }
}

const actionFields = {
  keep: ['detectors'],
  remove: [],
  redact: ['with'],
  token: ['type', 'bits'],
  partial: ['first', 'last', 'minHidden'],
  format: ['kind'],
} as const;

function oneOfNumbers<T extends number>(
  where: string,
  field: string,
  value: unknown,
  choices: readonly T[],
  otherwise: T,
): T {
  if (value === undefined) return otherwise;
  const found = choices.find((choice) => choice === value);
  if (found === undefined)
    throw policyError(where, `${field} must be ${choices.join(' or ')}, found ${show(value)}`);
  return found;
}

function compileMatch(when: Match, where: string): (context: RuleContext) => boolean {
  const at = `${where}, when`;
  if (!isRecord(when)) throw policyError(at, 'expected an object');
  onlyFields(at, when, ['side', 'part', 'protocol', 'method', 'host', 'path', 'contentType']);
  const { side, part, protocol } = when;
  if (side !== undefined) oneOf(at, side, ['inbound', 'outbound']);
  if (part !== undefined) oneOf(at, part, ['request', 'response']);
  if (protocol !== undefined) oneOf(at, protocol, ['http', 'grpc', 'websocket']);
  const methods = texts(when.method, `${at}, method`)?.map((method) => method.toUpperCase());
  const hosts = texts(when.host, `${at}, host`)?.map((host) => globPattern(host, at));
  const paths = texts(when.path, `${at}, path`)?.map((path) => pathPattern(path, at));
  const contentTypes = texts(when.contentType, `${at}, contentType`)?.map((type) => globPattern(type, at));
  return (context) =>
    (side === undefined || side === context.direction) &&
    (part === undefined || part === context.part) &&
    (protocol === undefined || protocol === context.protocol) &&
    (methods === undefined || methods.includes(context.method.toUpperCase())) &&
    (hosts === undefined || hosts.some((pattern) => pattern.test(context.host))) &&
    (paths === undefined || paths.some((pattern) => pattern.test(context.path))) &&
    (contentTypes === undefined || contentTypes.some((pattern) => pattern.test(context.contentType)));
}

function texts(value: unknown, where: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const areTexts =
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
  if (!areTexts) throw policyError(where, 'expected a list of strings');
  return value;
}

import { createHash } from 'node:crypto';
import type { KeySource } from '../../model/key-source.ts';
import { didYouMean } from '../../model/option-names.ts';
import {
  defaultPolicyVersion,
  defaultRuleIds,
  fixedHeaders,
  fixedRuleIds,
  isFixedHeader,
} from './default-policy.ts';
import { type MaskLimits, type Policy, type PolicyName, type PolicyRule, policyNames } from './policy.ts';
import { isRecord, oneOf, onlyFields, policyError, show, typeName } from './policy-error.ts';

/** A policy with every default filled in. */
export interface ResolvedPolicy {
  readonly name: PolicyName;
  readonly disabled: ReadonlySet<string>;
  /** Headers of the list of those always masked, in lower case, that rules may keep. */
  readonly allowed: ReadonlySet<string>;
  readonly rules: readonly PolicyRule[];
  readonly unknownHeaders: 'token' | 'scan' | 'drop';
  readonly unknownContent: 'drop' | 'digest';
  readonly jwt: 'token' | 'shape';
  readonly limits: Required<MaskLimits>;
  /** Newest first; none for a random one. */
  readonly keys: readonly KeySource[];
  /** SHA-256 of all of it but the keys, in hex. */
  readonly digest: string;
}

const limitDefaults: Required<MaskLimits> = {
  bodyBytes: 1 << 20,
  jsonDepth: 128,
  nestedDecode: 3,
  decodedRatio: 200,
  openExchanges: 10_000,
  heldBytes: 64 << 20,
  cachedTokens: 10_000,
};
/** No field of a policy is as deep as that. */
const deepest = 20;
/** Lowest and highest value of each limit. */
const limitRanges: Record<keyof MaskLimits, readonly [low: number, high: number]> = {
  bodyBytes: [1, 1 << 30],
  jsonDepth: [1, 10_000],
  nestedDecode: [0, 8],
  decodedRatio: [1, 100_000],
  openExchanges: [1, 10_000_000],
  heldBytes: [1, 2 ** 40],
  cachedTokens: [0, 10_000_000],
};

/**
 * Checks a policy that may come from anywhere and fills in the defaults.
 *
 * @throws GardenhoseError `mask-policy`, naming the rule or field, what was found and what is expected
 */
export function resolvePolicy(policy: Policy): ResolvedPolicy {
  if (!isRecord(policy)) throw policyError('policy', `expected an object, found ${typeName(policy)}`);
  onlyFields('policy', policy, policyFields);
  if (policy.version !== 1) throw policyError('version', `expected 1, found ${show(policy.version)}`);
  const name = oneOf('extends', policy.extends ?? 'secure', policyNames);
  const rules = list('rules', policy.rules);
  const disabled = list('disable', policy.disable);
  const allowed = list('dangerouslyAllow', policy.dangerouslyAllow);
  if (name === 'none') {
    const field = withoutMasking.find((each) => policy[each] !== undefined);
    if (field !== undefined)
      throw policyError('extends', `'none' masks nothing, so ${field} has no meaning with it`);
  }
  for (const id of disabled) checkDisabled(id);
  const resolved = {
    name,
    disabled: new Set<string>(disabled),
    allowed: new Set(allowed.map(alwaysMasked)),
    rules,
    unknownHeaders: oneOf('unknownHeaders', policy.unknownHeaders ?? (name === 'strict' ? 'drop' : 'token'), [
      'token',
      'scan',
      'drop',
    ]),
    unknownContent: oneOf('unknownContent', policy.unknownContent ?? 'drop', ['drop', 'digest']),
    jwt: oneOf('jwt', policy.jwt ?? 'token', ['token', 'shape']),
    limits: resolveLimits(policy.limits),
  };
  const keys = checkKeys(policy.key);
  return { ...resolved, keys, digest: digestOf(resolved) };
}

const policyFields: readonly (keyof Policy)[] = [
  'version',
  'extends',
  'disable',
  'rules',
  'dangerouslyAllow',
  'unknownHeaders',
  'unknownContent',
  'jwt',
  'limits',
  'key',
];
/** Fields that say what to mask. */
const withoutMasking = [
  'rules',
  'disable',
  'dangerouslyAllow',
  'unknownHeaders',
  'unknownContent',
  'jwt',
] as const;

/** The name in lower case. Only what is always masked can be allowed: all else takes a rule. */
function alwaysMasked(name: unknown): string {
  if (typeof name !== 'string')
    throw policyError('dangerouslyAllow', `expected names of headers, found ${show(name)}`);
  const lower = name.toLowerCase();
  if (isFixedHeader(lower)) return lower;
  throw policyError(
    'dangerouslyAllow',
    `${show(name)} is no header that is always masked${didYouMean(name, fixedHeaders)}; keep others with a rule, \`"at": "header:${lower}"\``,
  );
}

function checkDisabled(id: unknown): void {
  if (fixedRuleIds.some((fixed) => fixed === id)) {
    throw policyError('disable', `${show(id)} cannot be switched off`);
  }
  if (!defaultRuleIds.some((known) => known === id)) {
    throw policyError('disable', `no default rule is called ${show(id)}${didYouMean(id, defaultRuleIds)}`);
  }
}

function resolveLimits(given: MaskLimits | undefined): Required<MaskLimits> {
  if (given === undefined) return limitDefaults;
  if (!isRecord(given)) throw policyError('limits', `expected an object, found ${typeName(given)}`);
  onlyFields('limits', given, Object.keys(limitDefaults));
  const limits = { ...limitDefaults };
  for (const name of limitNames) {
    const value = given[name];
    if (value === undefined) continue;
    const [low, high] = limitRanges[name];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
      throw policyError(
        `limits.${name}`,
        `expected a whole number from ${low} to ${high}, found ${show(value)}`,
      );
    }
    limits[name] = value;
  }
  return limits;
}

const limitNames = [
  'bodyBytes',
  'jsonDepth',
  'nestedDecode',
  'decodedRatio',
  'openExchanges',
  'heldBytes',
  'cachedTokens',
] as const;

function checkKeys(keys: KeySource | readonly KeySource[] | undefined): readonly KeySource[] {
  if (keys === undefined) return [];
  if (!isList(keys)) return [checkKey(keys, 'key')];
  if (keys.length === 0)
    throw policyError('key', 'expected a key or a list of one or more, found an empty list');
  return keys.map((key, i) => checkKey(key, `key[${i}]`));
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function checkKey(key: KeySource, where: string): KeySource {
  if (!isRecord(key))
    throw policyError(where, `expected { base64 }, { file } or { env }, found ${typeName(key)}`);
  const [field, ...more] = Object.keys(key);
  const value: unknown = Object.values(key)[0];
  if (
    more.length > 0 ||
    (field !== 'base64' && field !== 'file' && field !== 'env') ||
    typeof value !== 'string'
  ) {
    throw policyError(where, 'expected exactly one of { base64 }, { file } or { env }, with a string');
  }
  return key;
}

function digestOf(resolved: Omit<ResolvedPolicy, 'keys' | 'digest'>): string {
  const canonical = canonicalJson({
    defaults: defaultPolicyVersion,
    ...resolved,
    disabled: [...resolved.disabled].sort(),
    allowed: [...resolved.allowed].sort(),
  });
  return createHash('sha256').update(canonical).digest('hex');
}

/** JSON with the members of every object in the order of their names. */
function canonicalJson(value: unknown, depth = 0): string {
  if (depth > deepest) throw policyError('policy', `nested deeper than ${deepest}`);
  if (Array.isArray(value)) return `[${value.map((each) => canonicalJson(each, depth + 1)).join(',')}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member, depth + 1)}`).join(',')}}`;
}

function list<T>(where: string, value: readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw policyError(where, `expected an array, found ${typeName(value)}`);
  return value;
}

import { createHash } from 'node:crypto';
import { GardenhoseError } from '../errors.ts';
import { type DefaultRuleId, defaultPolicyVersion, defaultRuleIds, fixedRuleIds } from './default-policy.ts';

/** What is done to a value that a rule points at. `docs/reference/masking.md` shows each with an example. */
export type MaskAction =
  | 'keep'
  | 'remove'
  | 'redact'
  | 'token'
  | 'partial'
  | 'format'
  /** Left as it is by name rules; `detectors: false` keeps the value detectors away too. */
  | { readonly do: 'keep'; readonly detectors?: boolean }
  | { readonly do: 'remove' }
  /** Replaced by `with` (default `[REDACTED]`); a JSON number by 0. */
  | { readonly do: 'redact'; readonly with?: string }
  /** Replaced by `mk_<type>_…`: the same value of the same type gives the same token. `bits` default 96. */
  | { readonly do: 'token'; readonly type?: string; readonly bits?: 64 | 96 | 128 }
  /** Letters become letters and digits digits, by the key; separators stay. */
  | { readonly do: 'format'; readonly kind?: FormatKind }
  /** Shows the first and last characters if at least `minHidden` (default 8) others stay hidden; else redacts. */
  | {
      readonly do: 'partial';
      readonly first?: 0 | 1 | 2 | 6;
      readonly last?: 0 | 2 | 4;
      readonly minHidden?: number;
    };

export const formatKinds = ['digits', 'alnum', 'card', 'email', 'phone', 'uuid', 'ip'] as const;
export type FormatKind = (typeof formatKinds)[number];

/** Which exchanges a rule is for; every condition that is given must hold. */
export interface Match {
  readonly side?: 'inbound' | 'outbound';
  readonly part?: 'request' | 'response';
  readonly protocol?: 'http' | 'grpc' | 'websocket';
  /** Methods, in any case. */
  readonly method?: readonly string[];
  /** Hosts without port; `*` stands for any characters. */
  readonly host?: readonly string[];
  /** Paths without query: `*` and `:name` stand for one segment, `**` for any number of them. */
  readonly path?: readonly string[];
  /** Media types without parameters; `*` stands for any characters. */
  readonly contentType?: readonly string[];
}

/**
 * Points at values. `key:` is any named value in a query, a form, JSON or a cookie, its words compared without case
 * and separators. `json:` is a path: `$.a.b`, `$.items[*].x`, `$..password`. `path:` marks segments: `/users/:email`.
 */
export type Selector =
  | `header:${string}`
  | `cookie:${string}`
  | `query:${string}`
  | `path:${string}`
  | `json:${string}`
  | `key:${string}`
  | `form:${string}`;

export interface PolicyRule {
  /** Names the rule in audits and errors. */
  readonly id: string;
  readonly when?: Match;
  readonly at?: Selector | readonly Selector[];
  /** In place of `at`: what this detector finds, wherever it stands, gets this mask. */
  readonly value?: string;
  readonly mask: MaskAction;
  /** Only JSON values of these types. */
  readonly types?: readonly ('string' | 'number' | 'object' | 'array')[];
}

export interface MaskLimits {
  /** Longest body, decoded, and longest event of a stream, in bytes. Longer is dropped. Default 1 MiB. */
  readonly bodyBytes?: number;
  /** Deepest nesting of a JSON body. Deeper is dropped. Default 128. */
  readonly jsonDepth?: number;
  /** How many encodings within each other are opened: JSON in a JSON string, a URL in a query. Default 3. */
  readonly nestedDecode?: number;
  /** How many times larger than its compressed form a body may be. Default 200; bodies below 64 KiB are exempt. */
  readonly decodedRatio?: number;
  /** Exchanges under way that are kept track of; the oldest is given up beyond it. Default 10000. */
  readonly openExchanges?: number;
  /** Bytes of unfinished bodies held in all; the oldest is dropped beyond it. Default 64 MiB. */
  readonly heldBytes?: number;
  /** Values whose tokens are remembered; 0 remembers none. Default 10000. */
  readonly cachedTokens?: number;
}

/** Where the secret key of the tokens comes from: 32 bytes or more. */
export type PolicyKey =
  | { readonly base64: string }
  /** A file that holds the key as base64, or raw. */
  | { readonly file: string }
  /** An environment variable that holds the key as base64. */
  | { readonly env: string };

/** What to mask, and how. Plain data: it can be kept in a JSON file and sent to a worker thread. */
export interface Policy {
  readonly version: 1;
  /** `secure` (default): everything that `docs/reference/masking.md` lists. `none`: nothing is masked, and the capture says so. */
  readonly extends?: 'secure' | 'none';
  /** Default rules to switch off; written into the capture's header. */
  readonly disable?: readonly DefaultRuleId[];
  /** Come before the default rules; the first that matches decides. */
  readonly rules?: readonly PolicyRule[];
  /** What becomes of headers that no rule knows. Default `token`; `scan` runs detectors only, `drop` removes them. */
  readonly unknownHeaders?: 'token' | 'scan' | 'drop';
  /** What becomes of bodies that cannot be read by kind. Only `drop` so far. */
  readonly unknownContent?: 'drop';
  readonly limits?: MaskLimits;
  /** Default: a random key that dies with the process, so tokens join within one process only. */
  readonly key?: PolicyKey;
}

/** A policy with every default filled in. */
export interface ResolvedPolicy {
  readonly name: 'secure' | 'none';
  readonly disabled: ReadonlySet<string>;
  readonly rules: readonly PolicyRule[];
  readonly unknownHeaders: 'token' | 'scan' | 'drop';
  readonly limits: Required<MaskLimits>;
  readonly key: PolicyKey | undefined;
  /** SHA-256 of all of it but the key, in hex. */
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

/** Says what is wrong with a policy, and in which rule. */
export function policyError(where: string, problem: string): GardenhoseError {
  return new GardenhoseError('mask-policy', `mask policy, ${where}: ${problem}`, { subject: where });
}

/**
 * Checks a policy that may come from anywhere and fills in the defaults.
 *
 * @throws GardenhoseError `mask-policy`, naming the rule or field, what was found and what is expected
 */
export function resolvePolicy(policy: Policy): ResolvedPolicy {
  if (!isRecord(policy)) throw policyError('policy', `expected an object, found ${typeName(policy)}`);
  onlyFields('policy', policy, [
    'version',
    'extends',
    'disable',
    'rules',
    'unknownHeaders',
    'unknownContent',
    'limits',
    'key',
  ]);
  if (policy.version !== 1) throw policyError('version', `expected 1, found ${show(policy.version)}`);
  const name = oneOf('extends', policy.extends ?? 'secure', ['secure', 'none']);
  const rules = list('rules', policy.rules);
  const disabled = list('disable', policy.disable);
  if (name === 'none' && (rules.length > 0 || disabled.length > 0 || policy.unknownHeaders !== undefined)) {
    throw policyError(
      'extends',
      "'none' masks nothing, so rules, disable and unknownHeaders have no meaning with it",
    );
  }
  for (const id of disabled) checkDisabled(id);
  oneOf('unknownContent', policy.unknownContent ?? 'drop', ['drop']);
  const resolved = {
    name,
    disabled: new Set<string>(disabled),
    rules,
    unknownHeaders: oneOf('unknownHeaders', policy.unknownHeaders ?? 'token', ['token', 'scan', 'drop']),
    limits: resolveLimits(policy.limits),
  };
  return { ...resolved, key: checkKey(policy.key), digest: digestOf(resolved) };
}

function checkDisabled(id: unknown): void {
  if (fixedRuleIds.some((fixed) => fixed === id)) {
    throw policyError('disable', `${show(id)} cannot be switched off`);
  }
  if (!defaultRuleIds.some((known) => known === id)) {
    throw policyError('disable', `no default rule is called ${show(id)}`);
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

function checkKey(key: PolicyKey | undefined): PolicyKey | undefined {
  if (key === undefined) return undefined;
  if (!isRecord(key))
    throw policyError('key', `expected { base64 }, { file } or { env }, found ${typeName(key)}`);
  const [field, ...more] = Object.keys(key);
  const value: unknown = Object.values(key)[0];
  if (
    more.length > 0 ||
    (field !== 'base64' && field !== 'file' && field !== 'env') ||
    typeof value !== 'string'
  ) {
    throw policyError('key', 'expected exactly one of { base64 }, { file } or { env }, with a string');
  }
  return key;
}

function digestOf(resolved: Omit<ResolvedPolicy, 'key' | 'digest'>): string {
  const canonical = canonicalJson({
    defaults: defaultPolicyVersion,
    ...resolved,
    disabled: [...resolved.disabled].sort(),
  });
  return createHash('sha256').update(canonical).digest('hex');
}

/** JSON with the members of every object in the order of their names. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a policy holds is the user's own, not recorded: it may stand in a message. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? typeName(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

export function onlyFields(where: string, value: object, known: readonly string[]): void {
  for (const field of Object.keys(value)) {
    if (!known.includes(field)) {
      throw policyError(where, `unknown field ${show(field)}; known are ${known.join(', ')}`);
    }
  }
}

export function oneOf<T extends string>(where: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw policyError(where, `expected ${choices.join(' or ')}, found ${show(value)}`);
  return found;
}

function list<T>(where: string, value: readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw policyError(where, `expected an array, found ${typeName(value)}`);
  return value;
}

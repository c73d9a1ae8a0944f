import type { KeySource } from '../../model/key-source.ts';
import type { DefaultRuleId } from './default-policy.ts';

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
  /**
   * Letters become letters and digits digits, by the key; separators stay. `injective`: different values stay different,
   * and who has the key can undo it (FF1).
   */
  | { readonly do: 'format'; readonly kind?: FormatKind; readonly injective?: boolean }
  /** Replaced by a made-up value of a kind, by the key. Two values can meet. */
  | { readonly do: 'fake'; readonly kind: FakeKind }
  /** Shows the first and last characters if at least `minHidden` (default 8) others stay hidden; else redacts. */
  | {
      readonly do: 'partial';
      readonly first?: 0 | 1 | 2 | 6;
      readonly last?: 0 | 2 | 4;
      readonly minHidden?: number;
    };

export const formatKinds = ['digits', 'alnum', 'card', 'email', 'phone', 'uuid', 'ip'] as const;
export type FormatKind = (typeof formatKinds)[number];

export const fakeKinds = [
  'first-name',
  'last-name',
  'full-name',
  'user-name',
  'email',
  'phone',
  'street',
  'city',
  'postal-code',
  'country',
  'company',
  'word',
] as const;
export type FakeKind = (typeof fakeKinds)[number];

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
 * `gql:` is an argument or variable of a GraphQL document, `proto:` a field of a protobuf message by its full name, or all fields
 * that hold a message of this name, `proto-option:` fields that have this custom option, `text:*` a text body, `body` any body as a whole.
 */
export type Selector =
  | `header:${string}`
  | `cookie:${string}`
  | `query:${string}`
  | `path:${string}`
  | `json:${string}`
  | `key:${string}`
  | `form:${string}`
  | `multipart:${string}`
  | `gql:${string}`
  | `proto:${string}`
  | `proto-option:${string}`
  | 'text:*'
  | 'body';

/** A regular expression of the user's that takes linear time; a find longer than `maxLength` characters is none. */
export interface ValuePattern {
  readonly pattern: string;
  readonly maxLength: number;
}

export interface PolicyRule {
  /** Names the rule in audits and errors. */
  readonly id: string;
  readonly when?: Match;
  readonly at?: Selector | readonly Selector[];
  /** In place of `at`: what this detector, or this pattern, finds, wherever it stands, gets this mask. */
  readonly value?: string | ValuePattern;
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

/** What to mask, and how. Plain data: it can be kept in a JSON file and sent to a worker thread. */
export interface Policy {
  readonly version: 1;
  /**
   * `secure` (default): everything that `docs/reference/masking.md` lists. `strict`: also every value that no rule keeps.
   * `none`: nothing is masked, and the capture says so.
   */
  readonly extends?: PolicyName;
  /** Default rules to switch off; written into the capture's header. */
  readonly disable?: readonly DefaultRuleId[];
  /** Come before the default rules; the first that matches decides. */
  readonly rules?: readonly PolicyRule[];
  /** Headers that are always masked, by name, which rules may keep all the same; written into the capture's header. */
  readonly dangerouslyAllow?: readonly string[];
  /** What becomes of headers that no rule knows. Default `token`, in `strict` `drop`; `scan` runs detectors only. */
  readonly unknownHeaders?: 'token' | 'scan' | 'drop';
  /** What becomes of bodies that cannot be read by kind. Default `drop`; `digest` keeps a keyed digest of them. */
  readonly unknownContent?: 'drop' | 'digest';
  /** What becomes of web tokens. Default `token`; `shape` keeps their form and masks what they claim. */
  readonly jwt?: 'token' | 'shape';
  readonly limits?: MaskLimits;
  /**
   * Of several, newest first, the first makes the tokens; the others are for captures that were written with them.
   * Default: a random key that dies with the process, so tokens join within one process only.
   */
  readonly key?: KeySource | readonly KeySource[];
}

export const policyNames = ['secure', 'strict', 'none'] as const;
export type PolicyName = (typeof policyNames)[number];

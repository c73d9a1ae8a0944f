import type { FakeKind, FormatKind } from './policy.ts';

/** JSON types that a rule is for, as bits. */
export const stringBit = 1;
export const numberBit = 2;
export const objectBit = 4;
export const arrayBit = 8;
export const allBits = 15;

/** One rule, the user's or a default one, ready to be applied. */
export interface MaskRule {
  readonly id: string;
  /** Place among the user's rules; default rules come after all of them. */
  readonly order: number;
  readonly action: 'keep' | 'remove' | 'redact' | 'token' | 'partial' | 'format' | 'fake';
  /** Semantic type of tokens. */
  readonly type: string;
  /** The type was chosen by the user: the look of a value does not change it. */
  readonly typeFixed: boolean;
  readonly bits: 64 | 96 | 128;
  readonly replacement: string;
  readonly first: number;
  readonly last: number;
  readonly minHidden: number;
  readonly kind: FormatKind | undefined;
  /** Of `format`: different values stay different. */
  readonly injective: boolean;
  readonly fake: FakeKind | undefined;
  /** Whether detectors look at what the rule keeps. */
  readonly detectors: boolean;
  readonly minLength: number;
  readonly accepts: number;
  /** The rule for values that this one does not accept. */
  readonly fallback?: MaskRule | undefined;
}

/** A rule that makes tokens, as the default rules are. */
export function tokenRule(id: string, type: string, minLength = 0): MaskRule {
  return {
    id,
    order: Number.POSITIVE_INFINITY,
    action: 'token',
    type,
    typeFixed: false,
    bits: 96,
    replacement: '[REDACTED]',
    first: 0,
    last: 0,
    minHidden: 8,
    kind: undefined,
    injective: false,
    fake: undefined,
    detectors: true,
    minLength,
    accepts: allBits,
  };
}

/** The rule that comes first in the policy; of two default rules, the first given, which is about the value itself. */
export function earlier(own: MaskRule | undefined, other: MaskRule | undefined): MaskRule | undefined {
  if (own === undefined) return other;
  return other === undefined || own.order <= other.order ? own : other;
}

/** A rule by path with the rule by name behind it, for values that it does not accept. */
export function before(byPath: MaskRule | undefined, byName: MaskRule | undefined): MaskRule | undefined {
  const first = earlier(byPath, byName);
  const partly =
    byPath !== undefined && first === byPath && byName !== undefined && byPath.accepts !== allBits;
  return partly ? { ...byPath, fallback: byName } : first;
}

/** Of rules for one value that which comes first; of default ones that which masks more. */
export function joined(own: MaskRule | undefined, other: MaskRule | undefined): MaskRule | undefined {
  if (own === undefined || other === undefined) return own ?? other;
  if (own.order !== other.order) return own.order < other.order ? before(own, other) : before(other, own);
  return other.minLength < own.minLength ? other : own;
}

/** The rule, or the one behind it, that is for values of this type. */
export function accepting(rule: MaskRule | undefined, bit: number): MaskRule | undefined {
  let found = rule;
  while (found !== undefined && (found.accepts & bit) === 0) found = found.fallback;
  return found;
}

import { type MaskRule, tokenRule } from '../policy/mask-rule.ts';
import { fakeKinds, formatKinds, type MaskAction } from '../policy/policy.ts';
import { isRecord, oneOf, onlyFields, policyError, show } from '../policy/policy-error.ts';

/** @throws GardenhoseError `mask-policy` */
export function compileAction(mask: MaskAction, where: string): MaskRule {
  const base = tokenRule('', 'value');
  const given: unknown = typeof mask === 'string' ? { do: mask } : mask;
  if (!isRecord(given)) throw policyError(where, `cannot read the mask ${show(mask)}`);
  const at = `${where}, mask`;
  const action = oneOf(at, given.do, actions);
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
    case 'format': {
      const { injective = false } = given;
      if (typeof injective !== 'boolean') throw policyError(at, 'injective must be true or false');
      const kind = given.kind === undefined ? undefined : oneOf(`${at}, kind`, given.kind, formatKinds);
      if (injective && kind === 'ip') {
        throw policyError(
          at,
          'addresses have no injective format, since most would be addresses of others; use token',
        );
      }
      return { ...base, action, kind, injective };
    }
    case 'fake': {
      if (given.kind === undefined) throw policyError(at, `fake needs a kind: ${fakeKinds.join(', ')}`);
      return { ...base, action, fake: oneOf(`${at}, kind`, given.kind, fakeKinds) };
    }
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
  format: ['kind', 'injective'],
  fake: ['kind'],
} as const;
const actions = ['keep', 'remove', 'redact', 'token', 'partial', 'format', 'fake'] as const;

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

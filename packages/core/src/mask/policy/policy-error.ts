import { GardenhoseError } from '../../errors.ts';
import { didYouMean } from '../../model/option-names.ts';

/** Says what is wrong with a policy, and in which rule. */
export function policyError(where: string, problem: string): GardenhoseError {
  return new GardenhoseError('mask-policy', `mask policy, ${where}: ${problem}`, { subject: where });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a policy holds is the user's own, not recorded: it may stand in a message. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? typeName(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

export function onlyFields(where: string, value: object, known: readonly string[]): void {
  for (const field of Object.keys(value)) {
    if (!known.includes(field)) {
      throw policyError(
        where,
        `unknown field ${show(field)}; known are ${known.join(', ')}${didYouMean(field, known)}`,
      );
    }
  }
}

export function oneOf<T extends string>(where: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) {
    throw policyError(
      where,
      `expected ${choices.join(' or ')}, found ${show(value)}${didYouMean(value, choices)}`,
    );
  }
  return found;
}

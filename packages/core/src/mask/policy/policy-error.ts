import { GardenhoseError } from '../../errors.ts';

/** Says what is wrong with a policy, and in which rule. */
export function policyError(where: string, problem: string): GardenhoseError {
  return new GardenhoseError('mask-policy', `mask policy, ${where}: ${problem}`, { subject: where });
}

/** A policy may ask for it, but this release cannot do it: said at start, never passed over. */
export function notYet(where: string, what: string): GardenhoseError {
  return policyError(where, `${what} is not supported yet`);
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

/** `: did you mean "fake"?` when one of the choices is nearly what was found, else nothing. */
export function didYouMean(found: unknown, choices: readonly string[]): string {
  if (typeof found !== 'string' || found.length < 2 || found.length > 60) return '';
  const word = found.toLowerCase();
  let best = '';
  let least = Math.min(3, Math.ceil(word.length / 3) + 1);
  for (const choice of choices) {
    const distance = editDistance(word, choice.toLowerCase());
    if (distance < least) {
      least = distance;
      best = choice;
    }
  }
  return best === '' ? '' : `: did you mean ${show(best)}?`;
}

/** How many characters must be put in, taken out, changed or swapped with the next (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((row[j - 1] ?? 0) + 1, (old[j] ?? 0) + 1, (old[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (older[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    older = old;
    old = row;
  }
  return old[b.length] ?? 0;
}

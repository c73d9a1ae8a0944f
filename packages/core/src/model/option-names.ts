import { GardenhoseError } from '../errors.ts';

/**
 * Refuses options of other names than these: in plain JavaScript nobody else would say that one is misspelt.
 *
 * @param what - whose options they are
 * @throws {@link GardenhoseError} `invalid-option`
 */
export function onlyOptions(what: string, options: object, known: Readonly<Record<string, true>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(known, name)) continue;
    const names = Object.keys(known);
    throw new GardenhoseError(
      'invalid-option',
      `${what} has no option ${JSON.stringify(name)}; known are ${names.join(', ')}${didYouMean(name, names)}`,
      { subject: name },
    );
  }
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
  return best === '' ? '' : `: did you mean ${JSON.stringify(best)}?`;
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

const mostNames = 64;

/** Counts names, at most 64 of them: those that come later are not told. */
export class UnknownNames {
  readonly #counts = new Map<string, number>();
  /** Made when it is asked for, and good until the next count. */
  #entries: readonly (readonly [name: string, count: number])[] | undefined = [];

  add(name: string, times = 1): void {
    const count = this.#counts.get(name) ?? 0;
    if (count === 0 && this.#counts.size >= mostNames) return;
    this.#counts.set(name, count + times);
    this.#entries = undefined;
  }

  /** The most frequent first. */
  entries(): readonly (readonly [name: string, count: number])[] {
    this.#entries ??= [...this.#counts].sort(([, a], [, b]) => b - a);
    return this.#entries;
  }
}

const shown = 10;
/** What a name of a header can be; others are left out, so that the text is safe to show. */
const headerName = /^[\w!#$%&'*+.^`|~-]{1,80}$/;

/**
 * What to do about headers that no rule knows, as lines: their values are masked, and a service that routes by one does not
 * find its way at replay. Empty without names.
 *
 * @param names - As `RecorderStats.unknownHeaders` has them; the count may be missing.
 */
export function unknownHeadersText(
  names: readonly (readonly [name: string, exchanges: number | undefined])[],
): string[] {
  const known = names.filter(([name]) => headerName.test(name));
  const [first] = known;
  if (first === undefined) return [];
  const list = known
    .slice(0, shown)
    .map(([name, count]) => (count === undefined ? name : `${name} (${count})`));
  const more = known.length > shown ? `, and ${known.length - shown} more` : '';
  const id = `keep/${first[0].replace(/[^\w.-]/g, '-')}`;
  return [
    `headers that no rule knows, so their values are masked: ${list.join(', ')}${more}`,
    `  to keep one as it is, put a rule into the mask policy: { "id": "${id}", "at": "header:${first[0]}", "mask": "keep" }`,
  ];
}

import { printable } from './printable.ts';

const shown = 10;

/** What to do about headers that no rule knows: their values are masked, which services that route by them do not survive. */
export function unknownHeaderLines(
  names: readonly (readonly [name: string, count: number | undefined])[],
): string[] {
  const [first] = names;
  if (first === undefined) return [];
  const list = names
    .slice(0, shown)
    .map(([name, count]) => `${printable(name, 80)}${count === undefined ? '' : ` (${count})`}`);
  const more = names.length > shown ? `, and ${names.length - shown} more` : '';
  return [
    `headers that no rule knows, so their values are masked: ${list.join(', ')}${more}`,
    `  to keep one as it is, put a rule into a policy file: ${keepRule(first[0])}`,
  ];
}

/** A rule that keeps a header, as it stands in a policy file. */
export function keepRule(header: string): string {
  const name = printable(header, 80);
  return `{ "id": "keep/${name.replace(/[^\w.-]/g, '-')}", "at": "header:${name}", "mask": "keep" }`;
}

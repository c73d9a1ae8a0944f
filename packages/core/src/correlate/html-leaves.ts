import { type LeafBudget, placeName, show, type Visit } from './leaf.ts';

const maxTags = 2_000;
/** What a tag may hold at most. */
const tags = /<(input|meta)\b([^<>]{1,4096})>/gi;
/** Linear: a name is tried at its beginning alone. */
const attributes = /(?<![\w:-])([\w:-]{1,64})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))/g;

/** Shows what a page gives its forms and scripts to send back: hidden fields, and `meta` with a name: `html.csrf_token`. */
export function readHtml(text: string, visit: Visit, budget: LeafBudget): void {
  let count = 0;
  const seen = new Map<string, number>();
  for (const [, tag = '', inside = ''] of text.matchAll(tags)) {
    if (++count > maxTags) return;
    const values = new Map<string, string>();
    for (const [, name = '', double, single, bare] of inside.matchAll(attributes)) {
      values.set(name.toLowerCase(), double ?? single ?? bare ?? '');
    }
    const isField = tag.toLowerCase() === 'input';
    if (isField && values.get('type')?.toLowerCase() !== 'hidden') continue;
    const name = values.get('name');
    const value = values.get(isField ? 'value' : 'content');
    if (name === undefined || value === undefined) continue;
    const nth = seen.get(name) ?? 0;
    seen.set(name, nth + 1);
    const pointer = `html.${name}${nth === 0 ? '' : `[${nth}]`}`;
    show(visit, budget, { place: `html.${placeName(name)}`, pointer, text: unescaped(value) });
  }
}

const entities: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['#39', "'"],
  ['#x27', "'"],
  ['#43', '+'],
  ['#x2B', '+'],
  ['#61', '='],
  ['#x3D', '='],
  ['#47', '/'],
  ['#x2F', '/'],
]);

/** With the entities that tokens are written with. */
function unescaped(text: string): string {
  return text.includes('&')
    ? text.replace(/&(#?\w{1,6});/g, (whole, name: string) => entities.get(name) ?? whole)
    : text;
}

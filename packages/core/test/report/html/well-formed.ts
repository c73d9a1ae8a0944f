const tag = /<(?:!doctype html|(\/?)([a-z][a-zA-Z0-9]*)((?: [a-zA-Z0-9:-]+="[^"<>]*")*)(\/?))>/gy;
const text = /[^<>]+/y;
/** What is written without an end. */
const empty = new Set(['meta', 'line', 'circle', 'path', 'rect']);

/**
 * Reads a page that must be XML but for its doctype: every element closed in its order, every attribute quoted, every `&` an
 * entity. Gives the elements with their attributes; throws with the place where it is not so.
 */
export function readPage(
  page: string,
): { readonly name: string; readonly attributes: ReadonlyMap<string, string> }[] {
  const elements: { name: string; attributes: ReadonlyMap<string, string> }[] = [];
  const open: string[] = [];
  for (let at = 0; at < page.length; ) {
    text.lastIndex = at;
    const words = text.exec(page)?.[0];
    if (words !== undefined) {
      if (open.at(-1) !== 'style' && /&(?!(?:amp|lt|gt|quot|#39);)/.test(words)) throw wrong(page, at);
      at += words.length;
      continue;
    }
    tag.lastIndex = at;
    const match = tag.exec(page);
    if (match === null) throw wrong(page, at);
    at += match[0].length;
    const [, closes, name, attributes = '', closed] = match;
    if (name === undefined) continue;
    if (closes === '/') {
      if (open.pop() !== name) throw wrong(page, at);
      continue;
    }
    if (empty.has(name) !== (closed === '/')) throw wrong(page, at);
    const pairs = [...attributes.matchAll(/ ([a-zA-Z:-]+)="([^"]*)"/g)];
    const map = new Map(pairs.map(([, key = '', value = '']) => [key, value]));
    if (map.size !== pairs.length) throw wrong(page, at);
    elements.push({ name, attributes: map });
    if (closed !== '/') open.push(name);
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(', ')}`);
  return elements;
}

function wrong(page: string, at: number): Error {
  return new Error(`not well-formed at ${at}: ${page.slice(Math.max(0, at - 120), at + 80)}`);
}

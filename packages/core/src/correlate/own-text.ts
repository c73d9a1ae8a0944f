/**
 * The same text in memory of its own, well-formed. A piece of a text keeps the whole of it in memory: a token of a page, the page.
 */
export function ownText(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

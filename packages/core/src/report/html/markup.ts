import { escapeText } from '../escape-text.ts';

/** Text that is HTML already. Only {@link html} makes it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: markup as it is, all else as text. Nothing stands for what is undefined or false. */
export type Content = Markup | string | number | undefined | false | readonly Content[];

/**
 * A template whose values are escaped, so that no recorded text becomes markup, in an element or in a quoted attribute. What
 * changes the direction of text, and control characters, are shown as `\u{…}`.
 */
export function html(pieces: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(pieces.reduce((text, piece, i) => text + contentText(values[i - 1]) + piece));
}

function contentText(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(contentText).join('');
  return content === undefined || content === false ? '' : escapeHtml(String(content));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  const wellFormed = text.replace(/\p{Cs}/gu, '\ufffd');
  return escapeText(wellFormed).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

import { type Content, html, type Markup } from './markup.ts';

/** How a column stands: texts begin at its left, numbers end at its right, code is not broken between words. */
export type ColumnKind = 'text' | 'number' | 'code';

export interface TableOptions {
  readonly caption: string;
  readonly columns: readonly { readonly name: string; readonly kind: ColumnKind }[];
  /** The first cell of a row names it. */
  readonly rows: readonly (readonly Content[])[];
  /** Rows that stand out, by place. */
  readonly tones?: readonly (string | undefined)[] | undefined;
}

/** A table that scrolls by itself where the page is narrower. */
export function table({ caption, columns, rows, tones }: TableOptions): Markup {
  const kindOf = (i: number) => columns[i]?.kind ?? 'text';
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ name, kind }) => html`<th scope="col" class="${kind}">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    (cells, row) => html`<tr class="${tones?.[row] ?? 'plain'}">${cells.map((cell, i) =>
      i === 0
        ? html`<th scope="row" class="${kindOf(i)}">${cell}</th>`
        : html`<td class="${kindOf(i)}">${cell}</td>`,
    )}</tr>
`,
  )}</tbody>
</table></div>
`;
}

/** Says how many rows are not shown, where there are any. */
export function andMore(all: number, shown: number, noun: string): Markup {
  return html`${all > shown && html`<p class="note">and ${all - shown} more ${noun}</p>`}`;
}

import { escapeText } from './escape-text.ts';

/** How a column stands: texts begin at its left, numbers end at its right. */
export type Column = 'left' | 'right';

const maxCell = 72;

/**
 * Rows as lines with aligned columns. Cells are made safe for a terminal, and cut in their middle when they are long.
 *
 * @param columns - Of each column, how it stands.
 * @param rows - The first may be a head.
 */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  indent = '  ',
): string[] {
  const cells = rows.map((row) => row.map((cell) => shorten(escapeText(cell))));
  const widths = columns.map((_, i) => Math.max(0, ...cells.map((row) => row[i]?.length ?? 0)));
  return cells.map((row) =>
    (
      indent +
      row
        .map((cell, i) =>
          columns[i] === 'right' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
        )
        .join('  ')
    ).trimEnd(),
  );
}

function shorten(cell: string): string {
  const half = (maxCell - 1) >> 1;
  return cell.length <= maxCell ? cell : `${cell.slice(0, half)}…${cell.slice(-half)}`;
}

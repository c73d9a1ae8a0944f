import { expect, test } from 'vitest';
import { textTable } from '../../src/report/text-table.ts';

test('textTable() aligns texts left and numbers right, without spaces at the end', () => {
  expect(
    textTable(
      ['left', 'right', 'left'],
      [
        ['name', 'count', ''],
        ['a', '7', 'x'],
        ['longer', '1234', ''],
      ],
    ),
  ).toEqual(['  name    count', '  a           7  x', '  longer   1234']);
});

test('textTable() cuts long cells in their middle and shows what a terminal would obey', () => {
  const [line] = textTable(['left'], [[`${'a'.repeat(100)}z`]], '');
  expect(line).toHaveLength(71);
  expect(line).toMatch(/^a+…a+z$/);
  expect(textTable(['left'], [['\u001b[2J']], '')).toEqual(['\\u{1b}[2J']);
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/guides/recording.md'), 'utf8');
const source = (name: string) => readFileSync(join(root, 'packages/core/src/record', name), 'utf8');

/** The fields of an interface in a source file, in order. */
function fieldsOf(file: string, name: string): string[] {
  const body = source(file).split(`export interface ${name} {`)[1]?.split('\n}')[0] ?? '';
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((field) => field[1] ?? '');
}

function rowsUnder(heading: string): string[] {
  const table = page.split(heading)[1]?.split('\n\n')[0] ?? '';
  return [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap((row) =>
    [...(row[1] ?? '').matchAll(/`(\w+)`/g)].map((name) => name[1] ?? ''),
  );
}

test('docs/guides/recording.md names every option of a recorder, in the order of the code', () => {
  const documented = rowsUnder('## Options\n\n');
  expect(documented.length).toBeGreaterThan(10);
  expect(documented).toEqual(fieldsOf('recorder-options.ts', 'RecorderOptions'));
});

test('docs/guides/recording.md names every field of its stats', () => {
  const documented = rowsUnder('| in `stats()` | |\n');
  expect(documented.length).toBeGreaterThan(10);
  expect(documented.toSorted()).toEqual(fieldsOf('recorder-stats.ts', 'RecorderStats').toSorted());
});

test('the program of docs/guides/recording.md prints what the page says', () => {
  const [, program = '', printed = ''] =
    /<!-- run -->\n```js\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/.exec(page) ?? [];
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'docs-'));
  try {
    const file = join(folder, 'program.mjs');
    writeFileSync(file, program);
    expect(execFileSync(process.execPath, [file], { encoding: 'utf8' })).toBe(printed);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const adapter = 'packages/grpc-adapter/test/';
const read = (path: string): string => readFileSync(root + path, 'utf8');

interface Named {
  readonly path: string;
  readonly title: string;
}

/** The tests that a cell names: a path, and the titles of tests in it. */
function testsIn(cell: string): Named[] {
  return [...cell.matchAll(/`([^`]+\.test\.ts)`((?:,? “[^”]+”)+)/g)].flatMap(([, path = '', titles = '']) =>
    [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => ({
      path: /^(?:packages|test)\//.test(path) ? path : adapter + path,
      title,
    })),
  );
}

const page = read('docs/notes/grpc-cases.md');
const rows = page
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, number, , , , cell = '']) => ({ number: Number(number), cell, tests: testsIn(cell) }));

test('docs/notes/grpc-cases.md has a row for each of the 42 cases, and each names its tests', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 42 }, (_, i) => i + 1));
  for (const { number, cell, tests } of rows) {
    expect(tests.length, `case ${number}`).toBeGreaterThan(0);
    // Nothing of the cell was overlooked.
    expect([number, tests.length]).toEqual([number, cell.split('“').length - 1]);
  }
});

test('each test that docs/notes/grpc-cases.md names exists under that name', () => {
  const named = rows.flatMap(({ tests }) => tests);
  const missing = named.filter(({ path, title }) => !read(path).includes(`'${title}'`));
  expect(missing).toEqual([]);
  for (const [, path = ''] of page.matchAll(/`(test\/[^`]+\.test\.ts)`/g))
    expect(read(path)).toContain('test');
});

test('each test of the gRPC adapter that names a case stands in its row of docs/notes/grpc-cases.md', () => {
  const files = readdirSync(root + adapter, { encoding: 'utf8', recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => adapter + name);
  const titled = files.flatMap((path) =>
    [...read(path).matchAll(/'(cases? (\d+)(?: and (\d+))?: [^'\n]*)'/g)].flatMap(
      ([, title = '', ...numbers]) =>
        numbers
          .filter((number) => number !== undefined)
          .map((number) => ({ number: Number(number), path, title })),
    ),
  );
  expect(titled.length).toBeGreaterThan(100);
  const absent = titled.filter(
    ({ number, path, title }) =>
      !rows[number - 1]?.tests.some((one) => one.path === path && one.title === title),
  );
  expect(absent).toEqual([]);
});

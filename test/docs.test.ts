import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test, vi } from 'vitest';
import { createProgram } from '../packages/cli/src/program.ts';
import { whereFields } from '../packages/cli/src/where.ts';
import { memoryIo } from '../packages/cli/test/support.ts';
import { tempDir } from './support/captures.ts';
import { publicNames } from './support/public-names.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

const pages = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.md') && !/(^|\/)(node_modules|dist)\//.test(path))
  .sort();
const textOf = (page: string) => readFileSync(join(root, page), 'utf8');

interface Snippet {
  readonly where: string;
  readonly language: string;
  readonly runs: boolean;
  readonly code: string;
}

const snippets: Snippet[] = pages.flatMap((page) =>
  [...textOf(page).matchAll(/^```(\w+)( run)?\n([\s\S]*?)^```$/gm)].map(
    ([whole, language = '', flag, code = '']) => ({
      where: `${page}:${textOf(page).slice(0, textOf(page).indexOf(whole)).split('\n').length}`,
      language,
      runs: flag !== undefined,
      code,
    }),
  ),
);

/** Within the workspace, so that the packages are found by their names as in a project that has them installed. */
const scratch = join(root, 'node_modules/.cache/gardenhose-snippets');
mkdirSync(scratch, { recursive: true });
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function scratchFile({ where, code }: Snippet): string {
  const file = join(scratch, `${where.replace(/\W+/g, '-')}.mjs`);
  writeFileSync(file, code);
  return file;
}

/** Parses files as modules, as `node --check` does, which takes only one. */
const parseAll = `for (const file of process.argv.slice(1)) {
  new (require('node:vm').SourceTextModule)(require('node:fs').readFileSync(file, 'utf8'), { identifier: file });
}`;

test('snippets in JavaScript can be read, and import only names that exist', async () => {
  const scripts = snippets.filter(({ language }) => language === 'js');
  expect(scripts.length).toBeGreaterThan(5);
  await run(process.execPath, ['--experimental-vm-modules', '-e', parseAll, ...scripts.map(scratchFile)]);
  const unknown: string[] = [];
  for (const snippet of scripts) {
    for (const [, names = '', from = ''] of snippet.code.matchAll(/import \{([^}]*)\} from '([^']+)'/g)) {
      const known = publicNames(from);
      if (known === undefined) continue;
      for (const name of names.split(',').map((text) => text.trim().replace(/ as .*/, ''))) {
        if (name !== '' && !known.includes(name)) unknown.push(`${snippet.where}: ${name} of ${from}`);
      }
    }
  }
  expect(unknown).toEqual([]);
});

test('no snippet is in a language that nothing checks', () => {
  const languages = new Set(snippets.map(({ language }) => language));
  expect(
    [...languages].filter((language) => !['js', 'json', 'sh', 'hex', 'text'].includes(language)),
  ).toEqual([]);
});

test.each(snippets.filter(({ runs }) => runs))('the snippet at $where runs', async (snippet) => {
  using dir = tempDir();
  const { stdout } = await run(process.execPath, [scratchFile(snippet)], { cwd: dir.path });
  expect(stdout.trim()).not.toBe('');
});

test('the first page shows what its programs print', async () => {
  const shown = [...textOf('README.md').matchAll(/^```text\n(Replay: [\s\S]*?)^```$/gm)];
  const programs = snippets.filter(({ where, runs }) => runs && where.startsWith('README.md:'));
  expect(shown.length).toBe(2);
  expect(programs.length).toBe(2);
  // The run's name and its timing differ from run to run.
  const stable = (text: string) =>
    text
      .replace(/run [0-9a-f]{16}/, 'run ID')
      .replace(/fidelity [\w-]+/, 'fidelity F')
      .split('\n')
      .filter((line) => !/^(?:Time:| {2}(?:ms|lag|service time) )/.test(line));
  for (const [place, program] of programs.entries()) {
    using dir = tempDir();
    const { stdout } = await run(process.execPath, [scratchFile(program)], { cwd: dir.path });
    const printed = stable(stdout);
    const lines = stable(shown[place]?.[1]?.trimEnd() ?? '');
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.filter((line) => !printed.includes(line))).toEqual([]);
  }
});

test('every package page and the first page hold a snippet that runs', () => {
  const packages = ['core', 'http-adapter', 'grpc-adapter'].map((name) => `packages/${name}/README.md`);
  for (const page of ['README.md', ...packages]) {
    expect(
      snippets.some(({ where, runs }) => runs && where.startsWith(`${page}:`)),
      page,
    ).toBe(true);
  }
});

test('links between pages lead somewhere', () => {
  const broken: string[] = [];
  for (const page of pages) {
    const text = textOf(page).replace(/^```[\s\S]*?^```$/gm, '');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      if (!existsSync(file)) broken.push(`${page}: ${target}`);
      else if (anchor !== undefined && !anchorsOf(file).includes(anchor)) broken.push(`${page}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});

test('pages name only files of the workspace that are there', () => {
  const missing: string[] = [];
  for (const page of pages) {
    for (const [, path = ''] of textOf(page).matchAll(
      /`((?:packages|docs|examples|bench|test|scripts)\/[\w./-]+)`/g,
    )) {
      if (!existsSync(join(root, path))) missing.push(`${page}: ${path}`);
    }
  }
  expect(missing).toEqual([]);
});

function anchorsOf(file: string): string[] {
  if (!file.endsWith('.md')) return [];
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

const program = await createProgram(memoryIo().io);
/** Those that do something, with their whole names. */
const commands = program.commands.flatMap((command) =>
  command.commands.length === 0
    ? [[command.name(), command] as const]
    : command.commands.map((inner) => [`${command.name()} ${inner.name()}`, inner] as const),
);
const reference = textOf('docs/reference/cli.md');
const common = ['--json', '--quiet', '--help'];

/** The part of the page on one command. */
const sectionOf = (command: string) =>
  reference.split(`\n## gardenhose ${command}\n`)[1]?.split('\n## ')[0] ?? '';
const rowsOf = (text: string) =>
  [...text.matchAll(/^\| (`-[^|]*`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, flag = '']) => flag),
  );

test('docs/reference/cli.md has a section for each command, and no other', () => {
  const sections = [...reference.matchAll(/^## gardenhose ([\w ]+)$/gm)].map(([, command]) => command);
  expect(sections.sort()).toEqual(commands.map(([name]) => name).sort());
});

test.each(commands)('docs/reference/cli.md has every flag of %s, and no other', (name, command) => {
  const flags = command.options.map(({ flags: text }) => text).filter((text) => !common.includes(text));
  const documented = rowsOf(sectionOf(name)).filter((flag) => flag !== '-o');
  expect(documented.sort()).toEqual(flags.map((text) => text.replace(/^-\w, /, '')).sort());
  const shared = rowsOf(reference.split('## What all commands share')[1]?.split('\n## ')[0] ?? '');
  expect(shared.sort()).toEqual([...common].sort());
});

test('docs/reference/cli.md has every field that a filter can name', () => {
  for (const field of whereFields) expect(sectionOf('inspect')).toContain(`\`${field}\``);
});

test('the commands that the pages show can be parsed', () => {
  const shown = pages.flatMap((page) =>
    [...textOf(page).matchAll(/^(?:npx )?gardenhose (policy \w+|\w+)(.*)$/gm)].map(
      ([, command = '', rest = '']) => ({
        page: relative(root, join(root, page)),
        command,
        flags: [...(rest.split(' -- ')[0]?.matchAll(/(?<= )--[a-z-]+/g) ?? [])].map(([flag]) => flag),
      }),
    ),
  );
  for (const { page, command, flags } of shown) {
    const known = commands.find(([name]) => name === command)?.[1];
    expect(known, `${page}: gardenhose ${command}`).toBeDefined();
    for (const flag of flags) {
      expect([...common, ...(known?.options.map(({ long }) => long) ?? [])], page).toContain(flag);
    }
  }
});

test('the changelog has a part for what is not released', () => {
  expect(textOf('CHANGELOG.md')).toContain('\n## Unreleased\n');
});

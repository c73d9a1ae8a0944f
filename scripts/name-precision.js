// Measures how the names of real APIs are told apart: which share is masked by name, how much of that is wrong and what is
// missed. Needs npm and its registry (17 MB), GNU tar and a build; run `npm run precision`.
// With --list PACKAGE it prints what is flagged there; with --rest PACKAGE, what is not.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nameMeaning } from '../packages/core/dist/mask/value/key-words.js';

const corpora = [
  { package: 'aws-sdk', version: '2.1693.0', files: 'package/apis/*.min.json', read: readAws },
  {
    package: '@octokit/openapi-types',
    version: '29.0.1',
    files: 'package/types.d.ts',
    read: readDeclarations,
  },
  { package: 'stripe', version: '23.1.0', files: 'package/esm/resources/*', read: readDeclarations },
  { package: 'plaid', version: '47.0.0', files: 'package/dist/api.d.ts', read: readDeclarations },
];
const texts = new Set(['string', 'integer', 'long', 'float', 'double', 'blob', 'character', 'timestamp']);

/**
 * Names of members that hold a text or a number; of those, the names that the API's own model ever calls sensitive.
 * @typedef {{ all: Set<string>, sensitive: Set<string> }} Names
 */

/**
 * @param {string} directory
 * @returns {string[]}
 */
function filesIn(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * The models of the AWS SDK, whose shapes carry the trait `sensitive`.
 * @param {string} directory
 * @returns {Names}
 */
function readAws(directory) {
  /** @type {Names} */
  const names = { all: new Set(), sensitive: new Set() };
  for (const file of filesIn(directory)) {
    const model = JSON.parse(readFileSync(file, 'utf8'));
    /** @param {any} shape @param {Set<string>} under */
    const walk = (shape, under) => {
      if (typeof shape !== 'object' || shape === null) return;
      for (const [name, member] of Object.entries(shape.members ?? {})) {
        const known = member.shape === undefined ? member : { ...model.shapes?.[member.shape], ...member };
        if (texts.has(known.type ?? 'string')) {
          names.all.add(name);
          if (known.sensitive === true) names.sensitive.add(name);
        }
        walkOnce(member, under);
      }
      for (const part of ['member', 'key', 'value']) walkOnce(shape[part], under);
    };
    /** @param {any} shape @param {Set<string>} under */
    const walkOnce = (shape, under) => {
      if (shape?.shape === undefined) walk(shape, under);
      else if (!under.has(shape.shape)) {
        under.add(shape.shape);
        walk(model.shapes?.[shape.shape], under);
      }
    };
    const seen = new Set();
    for (const operation of Object.values(model.operations ?? {})) {
      walkOnce(operation.input, seen);
      walkOnce(operation.output, seen);
    }
  }
  return names;
}

/** Types that a value to be masked does not have. */
const noValue = /^(?:boolean\b|never\b|null;|true\b|false\b|operations\[|Promise<)|=>/;

/**
 * Members of type declarations, but for booleans and functions, and for names with dashes, which are those of schemas. Objects count: a name decides on all that they hold.
 * @param {string} directory
 * @returns {Names}
 */
function readDeclarations(directory) {
  /** @type {Names} */
  const names = { all: new Set(), sensitive: new Set() };
  for (const file of filesIn(directory).filter((path) => path.endsWith('.d.ts'))) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [, name, type = ''] = /^\s+(?:readonly )?['"]?([A-Za-z_]\w*)['"]?\??: (.+)$/.exec(line) ?? [];
      if (name !== undefined && !noValue.test(type)) names.all.add(name);
    }
  }
  return names;
}

/** @param {typeof corpora[number]} corpus */
function namesOf({ package: name, version, files, read }) {
  const directory = mkdtempSync(join(tmpdir(), 'names-'));
  try {
    const packed = execFileSync('npm', ['pack', '--silent', `${name}@${version}`], { cwd: directory });
    const archive = packed.toString().trim().split('\n').at(-1) ?? '';
    const content = join(directory, 'content');
    mkdirSync(content);
    execFileSync('tar', ['xzf', join(directory, archive), '-C', content, '--wildcards', files]);
    return read(content);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** @param {string} name */
const flagged = (name) => nameMeaning(name, false);
const percent = (/** @type {number} */ share) => `${(share * 100).toFixed(1)} %`;

const [mode, only] = process.argv.slice(2);
const review = JSON.parse(readFileSync(new URL('name-review.json', import.meta.url), 'utf8'));
/** @type {string[]} */
const notReviewed = [];
const rows = [];
for (const corpus of corpora) {
  if (only !== undefined && only !== corpus.package) continue;
  const { all, sensitive } = namesOf(corpus);
  const found = [...all].filter((name) => flagged(name) !== undefined).sort();
  if (mode === '--list') {
    for (const name of found)
      console.log(`${flagged(name)?.type}\t${sensitive.has(name) ? 'S' : ''}\t${name}`);
    continue;
  }
  if (mode === '--rest') {
    for (const name of [...all].sort()) {
      if (flagged(name) === undefined) console.log(`${sensitive.has(name) ? 'S' : ''}\t${name}`);
    }
    continue;
  }
  const { wrong, missed, right } = review[corpus.package];
  const isWrong = new Set(wrong);
  const known = new Set([...wrong, ...right]);
  notReviewed.push(...found.filter((name) => !known.has(name)).map((name) => `${corpus.package}: ${name}`));
  const falseOnes = found.filter((name) => isWrong.has(name));
  const stillMissed = missed.filter(
    (/** @type {string} */ name) => all.has(name) && flagged(name) === undefined,
  );
  const named = [...sensitive].filter((name) => flagged(name) !== undefined).length;
  rows.push(
    `| ${corpus.package} ${corpus.version} | ${all.size} | ${found.length} (${percent(found.length / all.size)}) | ${falseOnes.length} (${percent(falseOnes.length / found.length)}) | ${stillMissed.length} | ${sensitive.size === 0 ? '' : `${named} of ${sensitive.size}`} |`,
  );
}
if (rows.length > 0) {
  console.log(
    '| package | names | masked by name | of these wrong | missed | sensitive by the model |\n|---|---|---|---|---|---|',
  );
  console.log(rows.join('\n'));
}
if (notReviewed.length > 0) {
  console.error(`not in scripts/name-review.json:\n${notReviewed.join('\n')}`);
  process.exitCode = 1;
}

// The tests of well-known servers and clients, run as they are and with the tap preloaded: both must end alike.
//
//   npm run peers:suites [-- NAME…] [--write] [--folder DIR]
//
// Packages come from npm where their tests are in them, else from Debian's sources (apt-get, which needs no root for that).
// `--write` puts the table into docs/notes/peer-suites.md; `--folder` keeps what was installed.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openCapture } from '@gardenhose/core';

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} what
 * @property {{ npm: string } | { debian: string, version: string }} from
 * @property {readonly string[]} command
 * @property {readonly (readonly string[])[]} [before]
 */

/** @type {readonly Suite[]} */
const suites = [
  {
    name: 'express',
    what: 'servers of HTTP/1.1, through supertest',
    from: { debian: 'node-express', version: '4.18' },
    command: [
      'mocha',
      '--require',
      'test/support/env',
      '--reporter',
      'tap',
      '--check-leaks',
      'test/',
      'test/acceptance/',
    ],
  },
  {
    name: 'fastify',
    what: 'servers of HTTP/1.1 and HTTP/2, and calls without a socket',
    from: { npm: 'fastify@5' },
    command: ['borp', '--reporter=tap', '--concurrency', '2'],
  },
  {
    name: 'light-my-request',
    what: 'calls without a socket',
    from: { npm: 'light-my-request@6' },
    command: ['node', '--test', '--test-reporter=tap'],
  },
  {
    name: 'needle',
    what: 'a client on node:http and node:https',
    from: { npm: 'needle@3' },
    before: [
      ['mkdir', '-p', 'test/keys'],
      [
        ...[
          'openssl',
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-days',
          '2',
          '-subj',
          '/CN=localhost',
        ],
        ...['-keyout', 'test/keys/ssl.key', '-out', 'test/keys/ssl.cert'],
      ],
    ],
    command: ['mocha', '--exit', '--reporter', 'tap', 'test'],
  },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: 'boolean', default: false }, folder: { type: 'string' } },
});
const unknown = positionals.find((name) => !suites.some((suite) => suite.name === name));
if (unknown !== undefined) {
  console.error(`no suite is named ${unknown}; known are ${suites.map(({ name }) => name).join(', ')}`);
  process.exit(64);
}
const folder =
  values.folder === undefined ? mkdtempSync(join(tmpdir(), 'peer-suites-')) : resolve(values.folder);
mkdirSync(folder, { recursive: true });
const register = import.meta.resolve('@gardenhose/http-adapter/register');

/** @param {readonly string[]} words @param {import('node:child_process').SpawnSyncOptions} [options] */
function run([command = '', ...args], options = {}) {
  const ran = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 900_000,
    ...options,
  });
  return { status: ran.status, out: `${ran.stdout ?? ''}${ran.stderr ?? ''}`, why: ran.error?.message };
}

/** @param {readonly string[]} words @param {import('node:child_process').SpawnSyncOptions} [options] */
function must(words, options) {
  const { status, out, why } = run(words, options);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${why ?? out.trim().split('\n').at(-1)}`);
  return out;
}

/** Unpacks the sources of a suite, installs what they need, and says which version they are. @param {Suite} suite */
function install({ name, from, before = [] }) {
  const cwd = join(folder, name);
  if (!existsSync(join(cwd, 'node_modules'))) {
    rmSync(cwd, { recursive: true, force: true });
    mkdirSync(cwd);
    const archive = 'npm' in from ? npmArchive(from.npm, cwd) : debianArchive(from.debian, cwd);
    must(['tar', 'xzf', archive, '--strip-components=1'], { cwd });
    must(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd });
    for (const words of before) must(words, { cwd });
  }
  return JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8')).version;
}

/** @param {string} spec @param {string} cwd */
function npmArchive(spec, cwd) {
  return must(['npm', 'pack', spec, '--silent'], { cwd }).trim().split('\n').at(-1) ?? '';
}

/** From the sources of the archives that this machine installs from. @param {string} source @param {string} cwd */
function debianArchive(source, cwd) {
  const apt = join(folder, 'apt');
  const listed = '/etc/apt/sources.list.d';
  mkdirSync(join(apt, 'lists/partial'), { recursive: true });
  mkdirSync(join(apt, 'parts'), { recursive: true });
  for (const file of readdirSync(listed).filter((each) => each.endsWith('.sources'))) {
    const text = readFileSync(join(listed, file), 'utf8').replace(/^Types: .*$/gm, 'Types: deb-src');
    writeFileSync(join(apt, 'parts', file), text);
  }
  const options = [
    `Dir::State::Lists=${join(apt, 'lists')}`,
    'Dir::Etc::sourcelist=/dev/null',
    `Dir::Etc::sourceparts=${join(apt, 'parts')}`,
    `APT::Sandbox::User=${process.env.USER ?? 'root'}`,
  ].flatMap((each) => ['-o', each]);
  must(['apt-get', ...options, 'update'], { cwd });
  must(['apt-get', ...options, 'source', '--download-only', source], { cwd });
  const archive = readdirSync(cwd).find((file) => /\.orig\.tar\.gz$/.test(file));
  if (archive === undefined) throw new Error(`${source} has no archive that this script can read`);
  return archive;
}

/**
 * How many tests passed, and the names of those that failed, of what TAP says: mocha's ends with totals as Node's does.
 *
 * @param {string} out
 */
function outcome(out) {
  const passed = [...out.matchAll(/^# pass (\d+)/gm)].at(-1)?.[1];
  if (passed === undefined) return undefined;
  const failed = [...out.matchAll(/^\s*not ok \d+ (?:- )?(.*)$/gm)].map(([, name]) => name ?? '');
  return { passed: Number(passed), failed: new Set(failed) };
}

/** @param {Suite} suite @param {boolean} tapped */
function attempt(suite, tapped) {
  const cwd = join(folder, suite.name);
  const captures = join(folder, `${suite.name}-captures`);
  rmSync(captures, { recursive: true, force: true });
  mkdirSync(captures);
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { out, why } = run(suite.command, {
    cwd,
    env: {
      ...env,
      PATH: `${join(cwd, 'node_modules/.bin')}:${env.PATH}`,
      ...(tapped
        ? {
            NODE_OPTIONS: `--import=${register}`,
            GARDENHOSE_OUTPUT: join(captures, 'suite.hose'),
            GARDENHOSE_OUTBOUND: '1',
          }
        : {}),
    },
  });
  writeFileSync(join(folder, `${suite.name}-${tapped ? 'tapped' : 'plain'}.log`), out);
  const found = outcome(out);
  if (found === undefined)
    throw new Error(`its tests cannot be run: ${why ?? out.trim().split('\n').at(-1)}`);
  return found;
}

/** How many exchanges the captures of a suite hold. @param {Suite} suite */
async function recorded({ name }) {
  const captures = join(folder, `${name}-captures`);
  let exchanges = 0;
  for (const file of readdirSync(captures)) {
    const capture = await openCapture(join(captures, file), { mode: 'salvage' });
    exchanges += (await capture.summary()).exchanges;
    await capture.close();
  }
  return exchanges;
}

const rows = [];
let worse = false;
for (const suite of suites) {
  if (positionals.length > 0 && !positionals.includes(suite.name)) continue;
  try {
    const version = install(suite);
    const [plain, tapped] = [attempt(suite, false), attempt(suite, true)];
    const exchanges = await recorded(suite);
    let blamed = [...tapped.failed].filter((name) => !plain.failed.has(name));
    // Tests that fail now and then are no fault of the tap's.
    for (let times = 0; times < 2 && blamed.length > 0; times++) {
      const [without, withTap] = [attempt(suite, false).failed, attempt(suite, true).failed];
      blamed = blamed.filter((name) => withTap.has(name) && !without.has(name));
    }
    worse ||= blamed.length > 0;
    rows.push(
      `| ${suite.name} ${version} | ${suite.what} | ${plain.passed} / ${plain.failed.size} | ${tapped.passed} / ${tapped.failed.size} | ${blamed.length} | ${exchanges} |`,
    );
    console.log(
      `${blamed.length === 0 ? 'ok    ' : 'NOT OK'} ${suite.name} ${version}: ${plain.passed} passed and ${plain.failed.size} failed without the tap, ${tapped.passed} and ${tapped.failed.size} with it; ${exchanges} exchanges recorded`,
    );
    for (const name of blamed) console.log(`       only with the tap fails: ${name}`);
  } catch (error) {
    console.log(`left out ${suite.name}: ${error instanceof Error ? error.message : error}`);
  }
}
if (values.write && rows.length > 0) {
  const page = fileURLToPath(new URL('../docs/notes/peer-suites.md', import.meta.url));
  writeFileSync(
    page,
    `# The tests of others, with the tap preloaded

What a service does must not change because it is recorded. These packages test their own behaviour; their tests are run as
they are, and again with \`--import @gardenhose/http-adapter/register\`, which records what they serve and what they ask for.

| package | what it tests | passed / failed without | with the tap | fail only with it | exchanges recorded |
|---|---|---|---|---|---|
${rows.join('\n')}

Node ${process.version}. What fails without the tap needs an older Node, or a network. A test that fails with the tap alone is tried
again, up to twice, both ways: some of these fail now and then. Calls without a
socket reach no server, so that nothing is recorded of them; their tests show that the preload does not stand in their way.
\`npm run peers:suites -- --write\` wrote this page. Other servers and clients (Koa, undici, got, ws) publish
no tests on npm.
`,
  );
}
if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
process.exit(worse ? 1 : 0);

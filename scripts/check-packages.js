// Looks at each package as its users get it: built from nothing, then packed and read by publint and attw.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = ['core', 'http-adapter', 'grpc-adapter', 'cli'];

/**
 * The file behind a command of an installed package, so that nothing depends on the shell or on the path.
 * @param {string} packageName
 * @param {string} command
 * @returns {string}
 */
function bin(packageName, command) {
  const home = join(root, 'node_modules', packageName);
  const { bin: bins } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  return join(home, typeof bins === 'string' ? bins : bins[command]);
}

/** @type {(file: string, args: string[], cwd: string) => import('node:child_process').SpawnSyncReturns<string>} */
const run = (file, args, cwd) => spawnSync(process.execPath, [file, ...args], { cwd, encoding: 'utf8' });

execFileSync(process.execPath, [join(root, 'scripts/clean.js')], { stdio: 'inherit' });
execFileSync(process.execPath, [bin('typescript', 'tsc'), '-b'], { cwd: root, stdio: 'inherit' });

/** @type {[check: string, file: string, args: string[]][]} */
const checks = [
  ['publint', bin('publint', 'publint'), ['run', '--strict', '--pack', 'npm']],
  // `--no-definitely-typed`: our packages bring their own types, so nothing is looked up elsewhere.
  [
    'attw',
    bin('@arethetypeswrong/cli', 'attw'),
    ['--profile', 'esm-only', '--no-definitely-typed', '--no-emoji', '--format', 'ascii', '--pack', '.'],
  ],
];

let red = false;
for (const name of packages) {
  for (const [check, file, args] of checks) {
    // The CLI exports a command and no module: there are no types that could be wrong.
    if (check === 'attw' && name === 'cli') continue;
    const { status, stdout, stderr } = run(file, args, join(root, 'packages', name));
    const ok = status === 0;
    red ||= !ok;
    console.log(`${ok ? 'ok  ' : 'RED '} ${check} packages/${name}`);
    if (!ok) console.log(`${stdout}${stderr}`);
  }
}
process.exitCode = red ? 1 : 0;

// What `npm run peers` needs that is not of npm: Python with protobuf and grpcio, and protoc. Looks for them, has apt-get install
// what is missing, and ends with 1 and the reason where that cannot be.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** @type {(command: string, ...args: string[]) => boolean} */
const works = (command, ...args) => spawnSync(command, args).status === 0;

/**
 * The Python that has what is needed: another may stand before that of the system.
 *
 * @returns {string | undefined}
 */
export function python() {
  return ['python3', '/usr/bin/python3'].find((each) => works(each, '-c', 'import google.protobuf, grpc'));
}

const wanted = [
  {
    name: "Python's protobuf and grpcio",
    packages: ['python3-protobuf', 'python3-grpcio'],
    has: () => python() !== undefined,
  },
  { name: 'protoc', packages: ['protobuf-compiler'], has: () => works('protoc', '--version') },
];

/**
 * What is not there, and the packages of Debian that have it; undefined where all is.
 *
 * @returns {{ names: string, packages: readonly string[] } | undefined}
 */
export function missingTools() {
  const missing = wanted.filter((each) => !each.has());
  if (missing.length === 0) return undefined;
  const names = missing.map(({ name }) => name).join(' and ');
  return { names, packages: missing.flatMap((each) => each.packages) };
}

/**
 * Has apt-get install what is missing.
 *
 * @returns {string | undefined} why that could not be; undefined where all is there
 */
function installMissing() {
  const missing = missingTools();
  if (missing === undefined) return undefined;
  const { names, packages } = missing;
  console.log(`${names} missing: apt-get installs ${packages.join(' ')}`);
  const byHand = `install ${names} yourself (Debian's packages: ${packages.join(' ')}), and run this again`;
  if (!works('apt-get', '--version')) return `there is no apt-get here: ${byHand}`;
  if (process.getuid?.() !== 0) return `apt-get installs for root only: ${byHand}`;
  // A fresh machine has no lists of packages yet; another apt-get may be at work.
  const steps = [['update'], ['install', '-y', '--no-install-recommends', ...packages]];
  for (const step of steps) {
    const { status, signal, error, stdout, stderr } = spawnSync(
      'apt-get',
      ['-o', 'DPkg::Lock::Timeout=120', ...step],
      { encoding: 'utf8', timeout: 300_000, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } },
    );
    if (status === 0) continue;
    const end = `${stdout ?? ''}\n${stderr ?? ''}`.trim().split('\n').slice(-10).join('\n');
    const how = error?.message ?? (status === null ? `was ended by ${signal}` : `ended with ${status}`);
    // Of several lists some may have come: then the packages can be had all the same.
    if (step === steps[0]) console.log(`apt-get update: ${how}\n${end}`);
    else return `apt-get ${step.join(' ')}: ${how}\n${end}\nOr ${byHand}`;
  }
  const still = missingTools();
  return still === undefined
    ? undefined
    : `apt-get has installed ${packages.join(' ')}, but ${still.names} cannot be used`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const why = installMissing();
  if (why !== undefined) {
    console.error(`npm run peers: ${why}`);
    process.exitCode = 1;
  }
}

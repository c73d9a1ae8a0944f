import { spawnSync } from 'node:child_process';

// What these tests need is not of npm: they are skipped where it is missing, and `npm run peers` installs it first, where it can.

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

/** The Python that has what is needed: another may stand before that of the system. */
export function python(): string | undefined {
  return ['python3', '/usr/bin/python3'].find((each) => works(each, '-c', 'import google.protobuf, grpc'));
}

const wanted: readonly { readonly name: string; readonly packages: readonly string[]; has(): boolean }[] = [
  {
    name: "Python's protobuf and grpcio",
    packages: ['python3-protobuf', 'python3-grpcio'],
    has: () => python() !== undefined,
  },
  { name: 'protoc', packages: ['protobuf-compiler'], has: () => works('protoc', '--version') },
];

/** Why the tests cannot run here; undefined where they can. */
export function whyNot(): string | undefined {
  const missing = wanted.filter((each) => !each.has());
  if (missing.length === 0) return undefined;
  const packages = missing.flatMap((each) => each.packages);
  const names = missing.map(({ name }) => name).join(' and ');
  if (process.env.PEERS !== '1') return `${names} missing: \`npm run peers\` installs ${packages.join(' ')}`;
  if (works('apt-get', 'install', '-y', ...packages) && missing.every((each) => each.has())) return undefined;
  return `${names} missing, and apt-get cannot install ${packages.join(' ')} (it needs root, and Debian or the like)`;
}

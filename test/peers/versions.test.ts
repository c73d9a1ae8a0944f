import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';

// Hard case 28: each line of grpc-js that the adapter is for, and three majors of protobufjs in one process.

const versions = ['1.8', '1.9', '1.10', '1.11', '1.12', '1.13', '1.14'];
const packages = [
  ...versions.map((version) => `grpc-js-${version}@npm:@grpc/grpc-js@~${version}`),
  ...['6', '7', '8'].map((major) => `protobufjs-${major}@npm:protobufjs@^${major}`),
  '@grpc/proto-loader',
];
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const require = createRequire(import.meta.url);
const urlOf = (name: string): string => pathToFileURL(require.resolve(name)).href;

const hello = (exchange: number): string[] => [
  `${exchange} start /greeter.Greeter/Hello`,
  `${exchange} request rose masked`,
  `${exchange} response rose masked`,
  `${exchange} status 0`,
];
const chat = (exchange: number): string[] => [
  `${exchange} start /greeter.Greeter/Chat`,
  `${exchange} request lily masked`,
  `${exchange} response lily masked`,
  `${exchange} status 0`,
];
const talk = [
  ...[1, 3, 5].flatMap((exchange) => [...hello(exchange), ...chat(exchange + 1)]),
  '7 start /greeter.Greeter/None',
  '7 status 12',
  '8 start /greeter.Greeter/Chat',
  '8 request ivy',
  '8 response ivy',
  '8 abort RST_STREAM 8',
];

describe.skipIf(process.env.PEERS !== '1')('versions of grpc-js, which `npm run peers` installs', () => {
  const folder = tempDir();
  beforeAll(() => {
    writeFileSync(folder.file('package.json'), JSON.stringify({ private: true, type: 'module' }));
    const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages];
    const { status, stderr } = spawnSync('npm', install, { cwd: folder.path, encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm cannot install the versions: ${stderr}`);
    copyFileSync(here('frameworks/greeter.proto'), folder.file('greeter.proto'));
    copyFileSync(here('versions/calls.js'), folder.file('calls.js'));
  }, 120_000);
  afterAll(() => folder[Symbol.dispose]());

  test.each(
    versions.flatMap((version) => [
      [version, 'tap'],
      [version, 'attach'],
    ]),
  )('%s, by %s: recorded alike at the server and at the client', (version, how) => {
    const args = ['calls.js', urlOf('@gardenhose/core'), urlOf('@gardenhose/grpc-adapter'), version, how];
    const run = spawnSync(process.execPath, args, { cwd: folder.path, encoding: 'utf8', timeout: 20_000 });
    const told: unknown[] = run.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    const alike = { tapFailures: 0, leaked: false, lines: talk };
    expect(told, run.stderr).toMatchObject([
      { side: 'inbound', ...alike },
      { side: 'outbound', ...alike },
    ]);
  });
});

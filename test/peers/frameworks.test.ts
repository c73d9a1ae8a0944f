import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Exchange, openCapture } from '@gardenhose/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';

// Frameworks on grpc-js, each recorded by one line. They are large, and installed from npm into a folder of their own.

const frameworks = [
  'nice-grpc',
  '@nestjs/core',
  '@nestjs/common',
  '@nestjs/microservices',
  'reflect-metadata',
  'rxjs',
  '@grpc/grpc-js',
  '@grpc/proto-loader',
];
const here = (name: string): string => fileURLToPath(new URL(`frameworks/${name}`, import.meta.url));
const require = createRequire(import.meta.url);
const urlOf = (name: string): string => pathToFileURL(require.resolve(name)).href;

describe.skipIf(process.env.PEERS !== '1')('frameworks, which `npm run peers` installs', () => {
  const folder = tempDir();
  beforeAll(() => {
    writeFileSync(folder.file('package.json'), JSON.stringify({ private: true, type: 'module' }));
    const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...frameworks];
    const { status, stderr } = spawnSync('npm', install, { cwd: folder.path, encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm cannot install the frameworks: ${stderr}`);
    for (const name of ['greeter.proto', 'nest.js', 'nice-grpc.js'])
      copyFileSync(here(name), folder.file(name));
  }, 120_000);
  afterAll(() => folder[Symbol.dispose]());

  test.each(['nice-grpc', 'nest'])('%s', async (name) => {
    const path = folder.file(`${name}.hose`);
    const args = [`${name}.js`, path, urlOf('@gardenhose/core'), urlOf('@gardenhose/grpc-adapter')];
    const run = spawnSync(process.execPath, args, { cwd: folder.path, encoding: 'utf8', timeout: 20_000 });
    expect(`${run.stdout}${run.stderr}`).toBe('hello rose\nhello lily\nhello ivy\n');
    const calls: Exchange[] = [];
    await using capture = await openCapture(path);
    for await (const exchange of capture.exchanges()) calls.push(exchange);
    expect(calls.map(({ operation }) => operation)).toEqual([
      'greeter.Greeter/Hello',
      'greeter.Greeter/Chat',
    ]);
    expect(calls.flatMap(({ partial }) => partial)).toEqual([]);
    const sent = calls.flatMap(({ request }) => request.messages.map(({ data }) => Buffer.from(data)));
    expect(sent.map((data) => /rose|lily|ivy/.exec(data.toString())?.[0])).toEqual(['rose', 'lily', 'ivy']);
    // Masked by the descriptors that the service came with.
    expect(sent.map((data) => data.includes('mk_secret_'))).toEqual([true, true, false]);
    expect(sent.join()).not.toContain('hunter2');
    expect(calls.map(({ response }) => response?.messages.length)).toEqual([1, 2]);
  });
});

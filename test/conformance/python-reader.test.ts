import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const directory = fileURLToPath(new URL('./vectors/v1/', import.meta.url));
const python = spawnSync('python3', ['--version']).status === 0;

it.skipIf(!python)('a reader in Python, made from the specification, finds the same (needs python3)', () => {
  const script = fileURLToPath(new URL('./read_capture.py', import.meta.url));
  const names = readdirSync(directory).filter((name) => name.endsWith('.hose'));
  const run = spawnSync('python3', [script, ...names.map((name) => directory + name)], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  const found: Record<string, unknown> = JSON.parse(run.stdout);
  const skipped: string[] = [];
  for (const name of names) {
    const result = found[directory + name];
    if (typeof result === 'string') skipped.push(`${name}: ${result}`);
    else
      expect(result, name).toEqual(
        JSON.parse(readFileSync(directory + name.replace('.hose', '.json'), 'utf8')),
      );
  }
  expect(skipped).toEqual(['brotli.hose: codec 2', 'encrypted.hose: encryption']);
});

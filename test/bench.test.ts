import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const folder = fileURLToPath(new URL('../bench/', import.meta.url));
const bench = (...args: string[]) =>
  spawnSync(process.execPath, [`${folder}run.js`, ...args], { encoding: 'utf8' });

test('--list names every benchmark, with what it measures', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.js') && file !== 'run.js');
  const { status, stdout } = bench('--list');
  expect(status).toBe(0);
  const listed = stdout.trimEnd().split('\n');
  expect(listed.map((line) => `${line.split(' ')[0]}.js`)).toEqual(files.sort());
  for (const line of listed) expect(line).toMatch(/^[a-z-]+ {2,}\w.{20,}$/);
});

test.each([
  [[], 'found: none'],
  [['no-such-benchmark'], 'found: no-such-benchmark'],
  [['--nonsense'], "Unknown option '--nonsense'"],
  [['replay-lag', '--write'], 'found: replay-lag'],
  [['--all', '--json'], 'found: none'],
])('%j is wrong usage', (args, sentence) => {
  const { status, stderr } = bench(...args);
  expect(status).toBe(64);
  expect(stderr).toContain(sentence);
});

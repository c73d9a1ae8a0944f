import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempDir } from './support/captures.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

test('docs/guides/stubs.md shows what its program prints', async () => {
  const page = readFileSync(join(root, 'docs/guides/stubs.md'), 'utf8');
  const code = /^```js run\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '';
  const shown = /^```text\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '';
  // Within the workspace, so that the packages are found by their names.
  const folder = join(root, 'node_modules/.cache/gardenhose-stubs-page');
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, 'page.mjs'), code);
    using dir = tempDir();
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'page.mjs')], {
      cwd: dir.path,
    });
    expect(stdout.trimEnd()).toBe(shown.trimEnd());
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

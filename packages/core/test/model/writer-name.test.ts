import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { version, writerName } from '../../src/model/writer-name.ts';

test.each(['core', 'http-adapter', 'cli'])('the version is that of the manifest of %s', (name) => {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL(`../../../${name}/package.json`, import.meta.url), 'utf8'),
  );
  expect(manifest.version).toBe(version);
  expect(writerName).toBe(`gardenhose/${version}`);
});

import { readFileSync } from 'node:fs';

const entries: Readonly<Record<string, string>> = {
  '@gardenhose/core': 'core/src/index.ts',
  '@gardenhose/core/adapter': 'core/src/adapter/index.ts',
  '@gardenhose/core/testing': 'core/src/testing/index.ts',
  '@gardenhose/http-adapter': 'http-adapter/src/index.ts',
  '@gardenhose/grpc-adapter': 'grpc-adapter/src/index.ts',
};

/** What can be imported from this package, values and types; undefined if it is none of ours. */
export function publicNames(specifier: string): string[] | undefined {
  const entry = entries[specifier];
  if (entry === undefined) return undefined;
  const source = readFileSync(new URL(`../../packages/${entry}`, import.meta.url), 'utf8');
  return [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
    .flatMap(([, list = '']) => list.split(','))
    .map((name) => name.trim().replace(/^.* as /, ''))
    .filter((name) => name !== '')
    .sort();
}

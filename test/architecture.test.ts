import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = ['core', 'http-adapter', 'grpc-adapter', 'cli'] as const;

/** The stages of core, in order. A stage imports only itself and what stands before it. */
const stages = [
  'errors.ts',
  'clock.ts',
  'model',
  'shadow',
  'protobuf',
  'mask',
  'hook',
  'record',
  'capture',
  'correlate',
  'replay',
  'compare',
  'stub',
  'report',
  'minimise',
  'run.ts',
  'index.ts',
  'adapter',
  'testing',
];

/** The folders of the mask stage, in order; `.` are the files beside them. */
const maskFolders = [
  'policy',
  'value',
  'rules',
  'detect',
  'json',
  'text',
  'protobuf',
  'head',
  'body',
  '.',
  'tools',
];

const transports = ['http', 'http2', 'https', 'net', 'tls', 'dgram', 'undici', '@grpc/grpc-js', 'ws'];

/** What each package may import of the others. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  'http-adapter': ['@gardenhose/core'],
  'grpc-adapter': ['@gardenhose/core'],
  cli: ['@gardenhose/core', '@gardenhose/http-adapter', '@gardenhose/grpc-adapter'],
};

function sourcesOf(name: string): string[] {
  const src = join(root, 'packages', name, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(src, path))
    .sort();
}

const withoutComments = (source: string) => source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

/** What a file names in `import`, `export … from`, `import()` and `new URL(…, import.meta.url)`. */
function importsOf(path: string): string[] {
  const source = withoutComments(readFileSync(path, 'utf8'));
  const statement = /^(?:import\s*|(?:import|export)\b[^'"`;=]*?\bfrom\s*)['"]([^'"]+)['"]/gm;
  const inPlace = /\bimport\(\s*['"]([^'"]+)['"]\s*\)|\bnew URL\(\s*['"](\.[^'"]+)['"],\s*import\.meta\.url/g;
  return [...source.matchAll(statement), ...source.matchAll(inPlace)].map(
    (match) => match[1] ?? match[2] ?? '',
  );
}

/** The files of the same package that a file imports. A worker's URL names its built file. */
function neighboursOf(path: string): string[] {
  return importsOf(path)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => resolve(dirname(path), specifier.replace(/\.js$/, '.ts')))
    .filter((target) => target.endsWith('.ts'));
}

const packageOf = (specifier: string) =>
  specifier
    .replace(/^node:/, '')
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const shown = (path: string) => relative(root, path);

test('a stage of core imports only stages before it', () => {
  const src = join(root, 'packages/core/src');
  const stageOf = (path: string) => relative(src, path).split('/')[0] ?? '';
  const wrong: string[] = [];
  for (const path of sourcesOf('core')) {
    expect(stages, `${shown(path)} stands in no known stage`).toContain(stageOf(path));
    for (const target of neighboursOf(path)) {
      if (stages.indexOf(stageOf(target)) > stages.indexOf(stageOf(path))) {
        wrong.push(`${shown(path)} imports ${shown(target)}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('ARCHITECTURE.md names the stages in this order', () => {
  const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const table = page.split('## Stages of core, in order')[1]?.split('\n## ')[0] ?? '';
  const named = [...table.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap((row) =>
    [...(row[1] ?? '').matchAll(/`([^`]+?)\/?`/g)].map((cell) => cell[1]),
  );
  expect(named).toEqual(stages.filter((stage) => stage !== 'index.ts'));
});

test('a folder of the mask stage imports only folders before it', () => {
  const src = join(root, 'packages/core/src/mask');
  const folderOf = (path: string) => relative(src, dirname(path)).split('/')[0] || '.';
  const wrong: string[] = [];
  for (const path of sourcesOf('core').filter((each) => each.startsWith(`${src}/`))) {
    expect(maskFolders, `${shown(path)} stands in no known folder`).toContain(folderOf(path));
    for (const target of neighboursOf(path).filter((each) => each.startsWith(`${src}/`))) {
      if (maskFolders.indexOf(folderOf(target)) > maskFolders.indexOf(folderOf(path))) {
        wrong.push(`${shown(path)} imports ${shown(target)}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('ARCHITECTURE.md names the folders of the mask stage in this order', () => {
  const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const list = page.split('`mask/` is the largest stage.')[1]?.split('\n## ')[0] ?? '';
  const named = [...list.matchAll(/^- `([\w.]+)\/?`/gm)].map(([, name]) =>
    name === 'masker.ts' ? '.' : name,
  );
  expect(named.length).toBeGreaterThan(8);
  expect(named).toEqual(maskFolders.filter((folder) => named.includes(folder)));
});

test('core touches no transport', () => {
  const wrong = sourcesOf('core').flatMap((path) =>
    importsOf(path)
      .filter((specifier) => transports.includes(packageOf(specifier)))
      .map((specifier) => `${shown(path)} imports ${specifier}`),
  );
  expect(wrong).toEqual([]);
});

test('a package imports only what its package.json declares, and no package beside or above it', () => {
  const wrong: string[] = [];
  for (const name of packages) {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    for (const path of sourcesOf(name)) {
      for (const specifier of importsOf(path)) {
        if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
        const imported = packageOf(specifier);
        const sibling = imported.startsWith('@gardenhose/') || imported === 'gardenhose';
        if (!declared.includes(imported) || (sibling && !mayImport[name]?.includes(imported))) {
          wrong.push(`${shown(path)} imports ${specifier}`);
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('modules of the platform are imported by their node: name', () => {
  const wrong = packages.flatMap(sourcesOf).flatMap((path) =>
    importsOf(path)
      .filter((specifier) => builtinModules.includes(specifier))
      .map((specifier) => `${shown(path)} imports ${specifier}`),
  );
  expect(wrong).toEqual([]);
});

test('there are no import cycles', () => {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].map(shown).join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const target of neighboursOf(path)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of packages.flatMap(sourcesOf)) visit(path, []);
  expect(cycles).toEqual([]);
});

test('every relative import leads to a file', () => {
  const missing = packages.flatMap(sourcesOf).flatMap((path) =>
    neighboursOf(path)
      .filter((target) => !existsSync(target))
      .map((target) => `${shown(path)}: ${shown(target)}`),
  );
  expect(missing).toEqual([]);
});

/** Tests that stand for more than one source, with what they hold. */
const storyTests: Record<string, string> = {
  'packages/core/test/capture/crash.test.ts': 'a writer that is killed, and every reader after it',
  'packages/core/test/capture/hostile.test.ts': 'all readers against captures made to harm them',
  'packages/core/test/capture/round-trip.test.ts': 'writer and readers together',
  'packages/core/test/mask/body.test.ts': 'bodies of every kind through the whole masker',
  'packages/core/test/mask/protobuf/random-messages.test.ts': 'the walker against an oracle',
  'packages/core/test/protobuf/random-messages.test.ts':
    'views and rewriting against each other and against protobufjs',
  'packages/core/test/record/record-to-file.test.ts': 'recorder and file sink together',
  'packages/grpc-adapter/test/fields.test.ts': 'schemas from the recorder through capture, hooks and compare',
  'packages/grpc-adapter/test/record-to-file.test.ts': 'the tap, the recorder and the file sink together',
  'packages/grpc-adapter/test/causal-messages.test.ts':
    'what messages of a call wait for, by hooks and senders',
  'packages/grpc-adapter/test/hard-cases/captures.test.ts': 'as endings, of what comes into files',
  'packages/grpc-adapter/test/hard-cases/clients.test.ts': 'as endings, of the tap of clients',
  'packages/grpc-adapter/test/hard-cases/coexistence.test.ts': 'as endings',
  'packages/grpc-adapter/test/hard-cases/copies.test.ts': 'several copies of the libraries in one process',
  'packages/grpc-adapter/test/hard-cases/endings.test.ts': 'how calls end, with the tap on and off',
  'packages/grpc-adapter/test/hard-cases/frames.test.ts': 'as endings',
  'packages/grpc-adapter/test/hard-cases/messages.test.ts': 'as endings',
  'packages/grpc-adapter/test/hard-cases/metadata.test.ts': 'as endings',
  'packages/grpc-adapter/test/hard-cases/odd-servers.test.ts': 'as endings',
  'packages/grpc-adapter/test/hard-cases/prefixes.test.ts': 'what is held for a prefix, by all that read one',
  'packages/grpc-adapter/test/hard-cases/tls.test.ts': 'as endings, of servers with TLS',
  'packages/grpc-adapter/test/sender-contract.test.ts': 'what every sender must do, of each sender',
  'packages/grpc-adapter/test/sender-hostile.test.ts': 'the sender against targets made to harm it',
  'packages/http-adapter/test/behaviours/bodies.test.ts':
    'behaviours of Node servers, with the tap on and off',
  'packages/http-adapter/test/behaviours/connections.test.ts': 'as bodies',
  'packages/http-adapter/test/behaviours/headers.test.ts': 'as bodies',
  'packages/http-adapter/test/behaviours/streams.test.ts': 'as bodies',
  'packages/http-adapter/test/behaviours/outbound.test.ts':
    'what a tap sees of requests that go out, with and without it',
  'packages/http-adapter/test/frameworks.test.ts': 'the same capture from every framework',
  'packages/http-adapter/test/guards-of-rate.test.ts':
    'how a replay begins, and ends when it falls behind, seen by servers',
  'packages/http-adapter/test/guards.test.ts':
    'guards of a replay, seen by the servers that must get nothing',
  'packages/http-adapter/test/live-values.test.ts':
    'live values across lanes and threads, against a server that makes its ids anew',
  'packages/http-adapter/test/order.test.ts': 'the order of a replay as a server with random delays sees it',
  'packages/http-adapter/test/own-processor.test.ts': 'replays that take a processor, each way of ending',
  'packages/http-adapter/test/sender-contract.test.ts': 'what every sender must do, of each sender',
  'packages/http-adapter/test/sender-hostile.test.ts': 'the sender against targets made to harm it',
  'packages/http-adapter/test/session-lane.test.ts': 'one session over two connections, replayed',
};

test('a test of a package lies where its source lies', () => {
  const stray = packages.flatMap((name) => {
    const folder = join(root, 'packages', name, 'test');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.test.ts'))
      .filter((path) => !existsSync(join(root, 'packages', name, 'src', path.replace(/\.test\.ts$/, '.ts'))))
      .map((path) => `packages/${name}/test/${path}`);
  });
  expect(stray.sort()).toEqual(Object.keys(storyTests).sort());
});

test('every package carries the licence', () => {
  const licence = readFileSync(join(root, 'LICENSE'), 'utf8');
  for (const name of packages) {
    expect(readFileSync(join(root, 'packages', name, 'LICENSE'), 'utf8'), name).toBe(licence);
  }
});

test('every public value is named in a test', () => {
  const tests = [...packages.map((name) => join(root, 'packages', name, 'test')), join(root, 'test')]
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
    )
    // The lists of names are no tests of them.
    .filter((path) => path.endsWith('.ts') && !path.endsWith('/api.test.ts'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const words = new Set(tests.match(/\w+/g));
  const untested = packages
    .filter((name) => name !== 'cli')
    .flatMap((name) => {
      const index = withoutComments(readFileSync(join(root, 'packages', name, 'src/index.ts'), 'utf8'));
      return [...index.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, list = '']) => list.split(','));
    })
    .map((name) => name.trim())
    .filter((name) => name !== '' && !words.has(name));
  expect(untested).toEqual([]);
});

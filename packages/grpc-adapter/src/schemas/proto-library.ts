import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GardenhoseError } from '@gardenhose/core';
import type * as Protobuf from 'protobufjs';

/** What is used of `protobufjs`. */
export type ProtoLibrary = Pick<
  typeof Protobuf,
  'parse' | 'tokenize' | 'Root' | 'Namespace' | 'Type' | 'Enum' | 'Field' | 'MapField' | 'Service'
>;

export interface ProtoParser {
  readonly library: ProtoLibrary;
  /** The `.proto` files that it brings along stand below it. */
  readonly folder: string;
}

/**
 * Loads protobufjs: the one that is installed beside this package, else the one that grpc-js brings along.
 *
 * @param name - of the package
 * @throws GardenhoseError `invalid-option` when there is none
 */
export async function loadProtoParser(name = 'protobufjs'): Promise<ProtoParser> {
  const here = createRequire(import.meta.url);
  const places: readonly (readonly string[])[] = [
    [],
    ['@grpc/proto-loader'],
    ['@grpc/grpc-js', '@grpc/proto-loader'],
  ];
  for (const dependents of places) {
    const manifest = resolveThrough(here, dependents, `${name}/package.json`);
    if (manifest === undefined) continue;
    const loaded: unknown = await import(
      pathToFileURL(createRequire(manifest).resolve(dirname(manifest))).href
    );
    const library = [loaded, defaultOf(loaded)].find(isProtoLibrary);
    if (library !== undefined) return { library, folder: dirname(manifest) };
  }
  throw new GardenhoseError(
    'invalid-option',
    `.proto files cannot be read without the package '${name}': install it (npm install ${name}), or compile them with protoc or buf and give the descriptor set`,
    { subject: 'proto' },
  );
}

/** The path of a file of a package, as packages that depend on each other see it. */
function resolveThrough(
  from: NodeJS.Require,
  dependents: readonly string[],
  target: string,
): string | undefined {
  try {
    let require = from;
    for (const dependent of dependents)
      require = createRequire(require.resolve(join(dependent, 'package.json')));
    return require.resolve(target);
  } catch {
    // Not installed there.
    return undefined;
  }
}

function defaultOf(module: unknown): unknown {
  return typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
}

function isProtoLibrary(value: unknown): value is ProtoLibrary {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['parse', 'tokenize', 'Root', 'Namespace', 'Type', 'Enum', 'Field', 'MapField', 'Service'].every(
      (name) => typeof Reflect.get(value, name) === 'function',
    )
  );
}

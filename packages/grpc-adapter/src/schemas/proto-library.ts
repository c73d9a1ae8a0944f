import { readFile } from 'node:fs/promises';
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
  readonly version: string;
  /** The `.proto` files that it brings along stand below it. */
  readonly folder: string;
}

/** Older ones misread options or refuse them. */
const oldest: readonly [major: number, minor: number] = [7, 4];

/**
 * Loads protobufjs: the one that is installed beside this package, else the one that grpc-js brings along; the first that is new
 * enough. An application may have others for itself.
 *
 * @param name - of the package
 * @param beside - the module that it is looked up from
 * @throws GardenhoseError `invalid-option` when there is none that is new enough
 */
export async function loadProtoParser(
  name = 'protobufjs',
  beside: string | URL = import.meta.url,
): Promise<ProtoParser> {
  const here = createRequire(beside);
  const places: readonly (readonly string[])[] = [
    [],
    ['@grpc/proto-loader'],
    ['@grpc/grpc-js', '@grpc/proto-loader'],
  ];
  const tooOld: string[] = [];
  for (const dependents of places) {
    const manifest = resolveThrough(here, dependents, `${name}/package.json`);
    if (manifest === undefined) continue;
    const version = await versionIn(manifest);
    if (!isNewEnough(version)) {
      tooOld.push(version);
      continue;
    }
    const loaded: unknown = await import(
      pathToFileURL(createRequire(manifest).resolve(dirname(manifest))).href
    );
    const library = [loaded, defaultOf(loaded)].find(isProtoLibrary);
    if (library !== undefined) return { library, version, folder: dirname(manifest) };
  }
  const found = tooOld.length === 0 ? '' : ` ${oldest.join('.')} or newer (found ${tooOld.join(' and ')})`;
  throw new GardenhoseError(
    'invalid-option',
    `.proto files cannot be read without the package '${name}'${found}: install it (npm install ${name}), or compile them with protoc or buf and give the descriptor set`,
    { subject: 'proto' },
  );
}

async function versionIn(manifest: string): Promise<string> {
  const read: unknown = JSON.parse(await readFile(manifest, 'utf8'));
  const version: unknown =
    typeof read === 'object' && read !== null && 'version' in read ? read.version : undefined;
  return typeof version === 'string' ? version : 'no version';
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
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

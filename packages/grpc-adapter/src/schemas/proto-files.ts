import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { GardenhoseError } from '@gardenhose/core';
import type { Root } from 'protobufjs';
import { knownProtos } from './known-protos.ts';
import type { ProtoLibrary, ProtoParser } from './proto-library.ts';

/** A `.proto` file that was parsed. Nothing in it is resolved. */
export interface ProtoFile {
  /** As it is imported. */
  readonly name: string;
  readonly package: string;
  /** `proto2`, `proto3` or the edition. */
  readonly syntax: string;
  readonly imports: readonly ProtoImport[];
  readonly root: Root;
}

export interface ProtoImport {
  readonly name: string;
  readonly kind: 'plain' | 'public' | 'weak' | 'option';
}

/** What may be read of `.proto` files. */
export const protoLimits = { files: 20_000, fileBytes: 8_000_000, totalBytes: 256_000_000 } as const;

const mostNamed = 10;
const longestShown = 500;

/**
 * Reads `.proto` files and all that they import, each once.
 *
 * @returns each file after those that it imports
 * @throws GardenhoseError `schema-invalid`; system errors for a file that cannot be read
 */
export async function readProtoFiles(
  files: readonly string[],
  importPaths: readonly string[],
  parser: ProtoParser,
): Promise<ProtoFile[]> {
  const reader = new ProtoReader(importPaths, parser);
  for (const file of files) await reader.given(file);
  return reader.read;
}

class ProtoReader {
  readonly read: ProtoFile[] = [];
  readonly #parser: ProtoParser;
  readonly #paths: string[];
  /** By name: where they were read. */
  readonly #done = new Map<string, string>();
  #bytes = 0;

  constructor(importPaths: readonly string[], parser: ProtoParser) {
    this.#paths = importPaths.map((path) => resolve(path));
    this.#parser = parser;
  }

  /** A file that was asked for: by its path, or by the name under which others import it. */
  async given(file: string): Promise<void> {
    const path = resolve(file);
    if (await isFile(path)) {
      // Without import paths, a file finds those beside it.
      if (!this.#paths.some((folder) => isWithin(folder, path))) this.#paths.push(dirname(path));
      const [within = ''] = this.#paths.filter((folder) => isWithin(folder, path));
      const name = relative(within, path).split(sep).join('/');
      const other = this.#done.get(name);
      if (other !== undefined && other !== path) {
        throw invalid(
          `${path} and ${other} both have the name ${name}: give the folder above them as import path`,
          file,
        );
      }
      await this.#withImports(name, path);
      return;
    }
    if (await isFolder(path)) throw invalid(`${file} is a directory, expected a .proto file`, file);
    const found = isAbsolute(file) ? undefined : await this.#find(file);
    if (found === undefined)
      throw invalid(`${file} is not found${isOutside(file) ? '' : this.#tried(file)}`, file);
    await this.#withImports(file, found);
  }

  /** Goes down before it goes on, without recursion: chains of imports can be long. */
  async #withImports(name: string, path: string): Promise<void> {
    if (this.#done.has(name)) return;
    const chain: { readonly file: ProtoFile; next: number }[] = [];
    const enter = async (entered: string, source: string | Source): Promise<void> => {
      this.#done.set(entered, typeof source === 'string' ? source : entered);
      chain.push({ file: await this.#parse(entered, source), next: 0 });
    };
    await enter(name, path);
    for (let last = chain.at(-1); last !== undefined; last = chain.at(-1)) {
      const wanted = last.file.imports[last.next++];
      if (wanted === undefined) {
        this.read.push(last.file);
        chain.pop();
        continue;
      }
      const names = chain.map(({ file }) => file.name);
      if (names.includes(wanted.name)) {
        const circle = [...names.slice(names.indexOf(wanted.name)), wanted.name];
        throw invalid(`imports run in a circle: ${listed(circle, ' -> ')}`, wanted.name);
      }
      if (this.#done.has(wanted.name)) continue;
      const source = (await this.#find(wanted.name)) ?? knownSource(wanted.name);
      if (source !== undefined) await enter(wanted.name, source);
      else if (wanted.kind !== 'weak') {
        throw invalid(
          `${last.file.name} imports ${wanted.name.slice(0, longestShown)}, which is not found${this.#tried(wanted.name)}`,
          wanted.name,
        );
      }
    }
  }

  async #find(name: string): Promise<string | undefined> {
    // A name with ".." could reach outside of the folders that were named.
    if (isOutside(name)) return undefined;
    const folders = name.startsWith('google/') ? [...this.#paths, this.#parser.folder] : this.#paths;
    for (const folder of folders) {
      const path = join(folder, name);
      if (await isFile(path)) return path;
    }
    return undefined;
  }

  #tried(name: string): string {
    if (isOutside(name))
      return ', since imports with ".." or from the root are not looked up: name it from one of the import paths';
    const tried = this.#paths.map((path) => join(path, name.slice(0, longestShown)));
    return tried.length === 0
      ? ''
      : `: tried ${listed(tried, ', ')}; add the folder that its name begins in to the import paths`;
  }

  async #parse(name: string, from: string | Source): Promise<ProtoFile> {
    const source = typeof from === 'string' ? await this.#text(from) : from.text;
    if (this.#done.size > protoLimits.files) {
      throw invalid(`more than ${protoLimits.files} .proto files are imported`, name);
    }
    const { library, version } = this.#parser;
    try {
      const head = readHead(library, source);
      const root = new library.Root();
      const parsed = library.parse(source, root, { keepCase: true });
      return { name, package: parsed.package ?? '', ...head, root };
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      const why = `${problem.slice(0, 300)} (read by protobufjs ${version})`;
      throw invalid(`${name} is no .proto file that can be read: ${why}`, name, cause);
    }
  }

  async #text(path: string): Promise<string> {
    const { size } = await stat(path);
    this.#bytes += size;
    if (size > protoLimits.fileBytes) {
      throw invalid(`${path} has ${size} bytes, a .proto file has at most ${protoLimits.fileBytes}`, path);
    }
    if (this.#bytes > protoLimits.totalBytes) {
      throw invalid(`the .proto files have more than ${protoLimits.totalBytes} bytes together`, path);
    }
    return readFile(path, 'utf8');
  }
}

interface Source {
  readonly text: string;
}

function knownSource(name: string): Source | undefined {
  const text = knownProtos.get(name);
  return text === undefined ? undefined : { text };
}

/** What protobufjs does not tell of a file: how it is to be read, and of each import of what kind it is. */
function readHead(library: ProtoLibrary, source: string): Pick<ProtoFile, 'syntax' | 'imports'> {
  const tokens = library.tokenize(source, false);
  const imports: ProtoImport[] = [];
  let syntax = 'proto2';
  let depth = 0;
  let isFirst = true;
  for (let token = tokens.next(); token !== null; token = tokens.next()) {
    const begins = isFirst;
    isFirst = token === ';' || token === '}';
    if (token === '{') depth++;
    else if (token === '}') depth--;
    // Content of texts is a token of its own, and may read as anything.
    else if (token === '"' || token === "'") {
      tokens.next();
      tokens.next();
    } else if (depth === 0 && begins && (token === 'syntax' || token === 'edition')) {
      tokens.skip('=');
      syntax = readText(tokens);
    } else if (depth === 0 && begins && token === 'import') {
      const kind = tokens.peek();
      const special = kind === 'public' || kind === 'weak' || kind === 'option' ? kind : undefined;
      if (special !== undefined) tokens.next();
      imports.push({ name: readText(tokens), kind: special ?? 'plain' });
    }
  }
  return { syntax, imports };
}

function readText(tokens: ReturnType<ProtoLibrary['tokenize']>): string {
  let text = '';
  for (let quote = tokens.peek(); quote === '"' || quote === "'"; quote = tokens.peek()) {
    tokens.next();
    text += tokens.next() ?? '';
    tokens.skip(quote);
  }
  return text;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

function isOutside(name: string): boolean {
  return isAbsolute(name) || name.split(/[\\/]/).includes('..');
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
}

function listed(names: readonly string[], separator: string): string {
  const more = names.length > mostNamed ? `${separator}and ${names.length - mostNamed} more` : '';
  const shown = names.slice(0, mostNamed).map((name) => name.slice(0, longestShown));
  return `${shown.join(separator)}${more}`;
}

function invalid(message: string, subject: string, cause?: unknown): GardenhoseError {
  return new GardenhoseError('schema-invalid', message, { subject, cause });
}

import { open } from 'node:fs/promises';
import { descriptorSet, filesOf, invalid } from './descriptor-set.ts';

/** Descriptors with comments are many times as large as without. */
const longestFile = 64 << 20;

/**
 * Descriptors from files: serialised `google.protobuf.FileDescriptorSet`s, as
 * `protoc --include_imports --descriptor_set_out=FILE` and `buf build -o FILE.binpb` write them. Several files may complete each
 * other. They are checked: all that is imported is there.
 *
 * @returns one set without comments, for `recorder.describe` or `SchemaRegistry.add`
 * @throws GardenhoseError `schema-invalid` for what is no such set, not complete, over 64 MiB in one file, or over `schemaLimits`;
 *   system errors for a file that cannot be read
 *
 * @example
 * recorder.describe(await schemasFromFile('orders.binpb'));
 */
export async function schemasFromFile(path: string | readonly string[]): Promise<Uint8Array> {
  const paths = typeof path === 'string' ? [path] : path;
  const files = [];
  for (const each of paths) files.push(...filesOf(await readBounded(each), each));
  return descriptorSet(files, {
    name: paths.join(', '),
    whole: 'write it with them: --include_imports for protoc, no --exclude-imports for buf',
  });
}

async function readBounded(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const found = await file.stat();
    if (found.isDirectory()) throw invalid(`${path} is a directory, expected a FileDescriptorSet`, path);
    if (found.size > longestFile) {
      throw invalid(`${path} has ${found.size} bytes, a descriptor set has at most ${longestFile}`, path);
    }
    const parts: Uint8Array[] = [];
    let length = 0;
    // What it says of its size may be wrong: it can be a pipe, or grow.
    for await (const part of file.createReadStream({ autoClose: false, end: longestFile })) {
      if (!(part instanceof Uint8Array)) continue;
      parts.push(part);
      length += part.length;
    }
    if (length > longestFile) throw invalid(`${path} has more than ${longestFile} bytes`, path);
    return Buffer.concat(parts);
  } finally {
    await file.close();
  }
}

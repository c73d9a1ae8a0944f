import { outlineSchema, type SchemaFile } from '@gardenhose/core';
import { invalidOption, onlyOptions } from '@gardenhose/core/adapter';
import { descriptorSet, invalid } from './descriptor-set.ts';
import { describeFiles } from './proto-descriptor.ts';
import { readProtoFiles } from './proto-files.ts';
import { loadProtoParser } from './proto-library.ts';
import { sizedField } from './wire.ts';

export interface ProtoOptions {
  /** Folders that imports are looked up in, in order. Default those that the files stand in. */
  readonly importPaths?: readonly string[] | undefined;
}

/**
 * Descriptors from `.proto` files and all that they import, which `protobufjs` reads: install it, unless grpc-js has brought it
 * along. Options of messages, fields and enum values stay, custom ones too. Of `google/*`, what compilers bring along need
 * not be there.
 *
 * @returns one set, for `recorder.describe` or `SchemaRegistry.add`
 * @throws GardenhoseError `schema-invalid` for what is no `.proto` file, imports what is not found or itself, uses types or
 *   options that nobody declares, or is over a limit; `invalid-option` without protobufjs; system errors for a file that
 *   cannot be read
 *
 * @example
 * recorder.describe(await schemasFromProto(['shop/orders.proto'], { importPaths: ['proto', 'third_party'] }));
 */
export async function schemasFromProto(
  files: readonly string[],
  options: ProtoOptions = {},
): Promise<Uint8Array> {
  onlyOptions('schemasFromProto', options, { importPaths: true });
  const { importPaths = [] } = options;
  if (files.length === 0) throw invalidOption('files', 'is empty, expected names of .proto files');
  const parser = await loadProtoParser();
  const read = await readProtoFiles(files, importPaths, parser);
  const described = describeFiles(read, parser.library);
  return descriptorSet(
    described.flatMap((file, i) => outlined(file, read[i]?.name ?? '')),
    { name: files.join(', '), whole: 'add the folders of the imports' },
  );
}

function outlined(descriptor: Uint8Array, name: string): readonly SchemaFile[] {
  const files = outlineSchema(sizedField(1, descriptor));
  if (files !== undefined) return files;
  throw invalid(`${name} holds a full name over 1,000 characters, or more than 400,000 declarations`, name);
}

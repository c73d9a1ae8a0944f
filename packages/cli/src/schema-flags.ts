import { GardenhoseError, type SenderTlsOptions } from '@gardenhose/core';
import type { Command } from 'commander';
import { collect } from './flags.ts';

/** Flags of the commands that have to know what the messages of gRPC are made of. */
export interface SchemaFlags {
  readonly descriptors?: readonly string[];
  readonly proto?: readonly string[];
  readonly protoPath?: readonly string[];
  /** Only where there is a server to ask. */
  readonly reflection?: boolean;
}

/** A server that `--reflection` asks. */
export interface LiveTarget {
  /** An origin, `https:` for TLS. */
  readonly origin: string;
  readonly tls?: SenderTlsOptions | undefined;
  /** Metadata that is sent along, as pairs. */
  readonly metadata?: readonly string[] | undefined;
}

const text = collect((value) => value);

/**
 * Adds the flags.
 *
 * @param options - `live`: the command has a server that can be asked, so `--reflection` is one of them
 */
export function withSchemaFlags(
  command: Command,
  { live = false }: { readonly live?: boolean } = {},
): Command {
  command
    .option('--descriptors <file>', 'schemas of gRPC messages: a FileDescriptorSet; may be repeated', text)
    .option('--proto <file>', 'schemas of gRPC messages: a .proto file; may be repeated', text)
    .option('--proto-path <dir>', 'where .proto files and their imports are; may be repeated', text);
  return live
    ? command.option('--reflection', 'ask the target for its schemas, by gRPC server reflection')
    : command;
}

/**
 * The schemas that the flags name, each a serialised FileDescriptorSet; none where no flag is given.
 *
 * @throws GardenhoseError as `schemasFromFile`, `schemasFromProto` and `schemasFromServer`; `invalid-option` for `--proto-path` without
 *   `--proto`
 */
export async function schemasOf(flags: SchemaFlags, live?: LiveTarget): Promise<readonly Uint8Array[]> {
  const { descriptors, proto, protoPath, reflection } = flags;
  if (protoPath !== undefined && proto === undefined) {
    throw new GardenhoseError(
      'invalid-option',
      '--proto-path says where --proto files are, and none is given',
      {
        subject: '--proto-path',
      },
    );
  }
  if (descriptors === undefined && proto === undefined && reflection !== true) return [];
  // Most commands are run without: they start sooner.
  const { schemasFromFile, schemasFromProto, schemasFromServer } = await import('@gardenhose/grpc-adapter');
  const schemas: Uint8Array[] = [];
  if (descriptors !== undefined) schemas.push(await schemasFromFile(descriptors));
  if (proto !== undefined) schemas.push(await schemasFromProto(proto, { importPaths: protoPath }));
  if (reflection === true && live !== undefined) {
    const { origin, tls, metadata } = live;
    schemas.push(await schemasFromServer(origin, { tls, metadata }));
  }
  return schemas;
}

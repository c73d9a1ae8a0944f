import { GardenhoseError } from '@gardenhose/core';
import type * as Grpc from '@grpc/grpc-js';

/** What a sender uses of `@grpc/grpc-js`: hand in the application's copy, whole. */
export type GrpcLibrary = Pick<
  typeof Grpc,
  'Channel' | 'Metadata' | 'Server' | 'ServerCredentials' | 'connectivityState' | 'credentials' | 'status'
>;

export type GrpcChannel = InstanceType<GrpcLibrary['Channel']>;
export type GrpcCall = ReturnType<GrpcChannel['createCall']>;
export type GrpcMetadata = InstanceType<GrpcLibrary['Metadata']>;
export type GrpcStatus = Parameters<Parameters<GrpcCall['start']>[1]['onReceiveStatus']>[0];

/** The package as it is named where nothing else is said. */
export const defaultLibrary = '@grpc/grpc-js';

/**
 * Loads grpc-js where none was handed in: in a worker, or for a command.
 *
 * @throws GardenhoseError `invalid-option` when there is no such module, or when it is another
 */
export async function loadLibrary(name: string = defaultLibrary): Promise<GrpcLibrary> {
  let loaded: unknown;
  try {
    loaded = await import(name);
  } catch (cause) {
    throw new GardenhoseError(
      'invalid-option',
      `library: '${name}' cannot be loaded; install @grpc/grpc-js, or give the URL of its copy`,
      { subject: 'library', cause },
    );
  }
  // What a module of CommonJS exports is not always found by its names.
  const library = isLibrary(loaded) ? loaded : defaultOf(loaded);
  if (isLibrary(library)) return library;
  throw new GardenhoseError('invalid-option', `library: '${name}' is not @grpc/grpc-js`, {
    subject: 'library',
  });
}

function defaultOf(module: unknown): unknown {
  return typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
}

export function isLibrary(value: unknown): value is GrpcLibrary {
  return (
    typeof value === 'object' &&
    value !== null &&
    'Channel' in value &&
    'Metadata' in value &&
    'Server' in value &&
    'ServerCredentials' in value &&
    'connectivityState' in value &&
    'credentials' in value &&
    'status' in value
  );
}

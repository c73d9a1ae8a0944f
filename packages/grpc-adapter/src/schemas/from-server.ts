import { GardenhoseError, type HeaderList, type SchemaFile, type SenderTlsOptions } from '@gardenhose/core';
import { onlyOptions, originOption, senderTlsNames, wholeOption } from '@gardenhose/core/adapter';
import type * as Grpc from '@grpc/grpc-js';
import { type GrpcChannel, type GrpcLibrary, type GrpcMetadata, isLibrary, loadLibrary } from '../library.ts';
import { type ChannelOptions, connectChannel, openChannel } from './channel.ts';
import { descriptorSet } from './descriptor-set.ts';
import {
  fileByName,
  fileWithSymbol,
  listServices,
  type ReflectionAnswer,
  readAnswer,
} from './reflection-answer.ts';
import { type Ended, ReflectionCall } from './reflection-call.ts';

export interface ServerSchemasOptions {
  /** The application's copy of `@grpc/grpc-js`. Default: it is loaded by its name. */
  readonly grpc?: GrpcLibrary | undefined;
  /** How the server is trusted, and who asks; in place of `tls`. Default: as the address says. */
  readonly credentials?: Grpc.ChannelCredentials | undefined;
  /** How a server at an `https:` address is trusted. Default as Node does. */
  readonly tls?: SenderTlsOptions | undefined;
  /** Metadata that is sent along, as pairs: such as what the server asks for to know who asks. Default none. */
  readonly metadata?: HeaderList | undefined;
  /** For all of it, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

const optionNames: Readonly<Record<keyof ServerSchemasOptions, true>> = {
  grpc: true,
  credentials: true,
  tls: true,
  metadata: true,
  timeoutMs: true,
};

/** What a server may tell. */
const limits = { services: 5_000, files: 10_000, imports: 400_000, bytes: 64 << 20 };
const versions = ['v1', 'v1alpha'];
const own = /^grpc\.reflection\./;

/**
 * Descriptors of all services of a server, and of all that they import, by server reflection (v1, else v1alpha).
 *
 * @param address - an origin such as `http://127.0.0.1:50051`, `https:` for TLS; without a scheme it has no TLS, unless
 *   `credentials` are given
 * @returns one set, for `recorder.describe` or `SchemaRegistry.add`
 * @throws GardenhoseError `schema-unavailable` when the server has no reflection, or refuses it; `schema-invalid` when what it tells is
 *   not complete, or over `schemaLimits`; `response-malformed`, `response-limit`, `response-timeout`, `connection-closed`,
 *   `target-unreachable`; `invalid-option`
 *
 * @example
 * recorder.describe(await schemasFromServer('http://127.0.0.1:50051', { grpc }));
 */
export async function schemasFromServer(
  address: string,
  options: ServerSchemasOptions = {},
): Promise<Uint8Array> {
  onlyOptions('schemasFromServer', options, optionNames);
  const { credentials, tls, metadata: given = [] } = options;
  if (tls !== undefined) onlyOptions('tls', tls, senderTlsNames);
  const scheme = credentials === undefined ? 'http' : 'https';
  const url = originOption('address', address.includes('://') ? address : `${scheme}://${address}`);
  const timeoutMs = wholeOption('timeoutMs', options.timeoutMs, 10_000);
  const library = options.grpc ?? (await loadLibrary());
  if (!isLibrary(library)) {
    throw new GardenhoseError('invalid-option', 'grpc is not @grpc/grpc-js, hand in the whole module', {
      subject: 'grpc',
    });
  }
  const deadline = Date.now() + timeoutMs;
  const channelOptions = {
    url,
    // Of credentials nobody knows what they trust, so that is not what is wrong.
    tls: credentials === undefined ? (tls ?? {}) : { rejectUnauthorized: false },
    connectTimeoutMs: timeoutMs,
    maxMessageBytes: limits.bytes,
  };
  const channel = channelTo(library, channelOptions, credentials);
  try {
    const problem = await connectChannel(library, channel, channelOptions);
    if (problem !== undefined)
      throw new GardenhoseError(problem.code, problem.message, { subject: url.origin });
    for (const version of versions) {
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      const call = new ReflectionCall(library, channel, path, metadataOf(library, given), deadline);
      try {
        const reader = new ReflectionReader(call, library, url.origin, timeoutMs);
        const services = await reader.services();
        if (services === undefined) continue;
        const files = await reader.files(services);
        return descriptorSet(files, { name: `what ${url.origin} tells of itself`, whole: elsewhere });
      } finally {
        call.close();
      }
    }
    throw unavailable(url.origin, 'has no server reflection (v1, v1alpha)');
  } finally {
    channel.close();
  }
}

/** @throws GardenhoseError `invalid-option` for certificates and keys that are none */
function channelTo(
  library: GrpcLibrary,
  options: ChannelOptions,
  credentials: Grpc.ChannelCredentials | undefined,
): GrpcChannel {
  try {
    return openChannel(library, options, credentials);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.slice(0, 200) : 'no reason given';
    throw new GardenhoseError('invalid-option', `tls cannot be used: ${why}`, { subject: 'tls', cause });
  }
}

const elsewhere = 'give a descriptor set or .proto files in its place';

/** Asks for all that there is, within limits. */
class ReflectionReader {
  readonly #call: ReflectionCall;
  readonly #library: GrpcLibrary;
  readonly #origin: string;
  readonly #timeoutMs: number;
  readonly #files = new Map<string, SchemaFile>();
  readonly #services = new Set<string>();
  #bytes = 0;
  #imports = 0;

  constructor(call: ReflectionCall, library: GrpcLibrary, origin: string, timeoutMs: number) {
    this.#call = call;
    this.#library = library;
    this.#origin = origin;
    this.#timeoutMs = timeoutMs;
  }

  /** Undefined where the server does not know this version of reflection. */
  async services(): Promise<readonly string[] | undefined> {
    const answer = await this.#call.ask(listServices);
    if (!(answer instanceof Uint8Array) && answer.code === this.#library.status.UNIMPLEMENTED)
      return undefined;
    const told = this.#read(answer);
    if (told.kind === 'error') throw this.#refused(told.code, 'its services');
    if (told.kind !== 'services') throw this.#malformed();
    const names = told.names.filter((name) => !own.test(name));
    if (names.length === 0) throw unavailable(this.#origin, 'tells of no service but reflection itself');
    if (names.length > limits.services) throw this.#tooMuch(`${names.length} services`, limits.services);
    return names;
  }

  async files(services: readonly string[]): Promise<readonly SchemaFile[]> {
    for (const service of services) {
      await this.#take(fileWithSymbol(service), service);
      if (!this.#services.has(service)) throw this.#lacking(service);
    }
    const asked = new Set<string>();
    // The map grows meanwhile, and what came new is gone through as well.
    for (const { imports } of this.#files.values()) {
      for (const name of imports) {
        if (this.#files.has(name) || asked.has(name)) continue;
        asked.add(name);
        await this.#take(fileByName(name), name);
      }
    }
    return [...this.#files.values()];
  }

  async #take(question: Uint8Array, name: string): Promise<void> {
    const told = this.#read(await this.#call.ask(question));
    if (told.kind === 'error') throw this.#refused(told.code, name);
    if (told.kind !== 'files') throw this.#malformed();
    for (const file of told.files) {
      if (this.#files.has(file.name)) continue;
      this.#files.set(file.name, file);
      for (const service of file.services) this.#services.add(service);
      this.#bytes += file.descriptor.length;
      this.#imports += file.imports.length;
    }
    if (this.#files.size > limits.files) throw this.#tooMuch('files', limits.files);
    if (this.#imports > limits.imports) throw this.#tooMuch('imports', limits.imports);
    if (this.#bytes > limits.bytes) throw this.#tooMuch('bytes of descriptors', limits.bytes);
  }

  #read(answer: Buffer | Ended): ReflectionAnswer {
    if (!(answer instanceof Uint8Array)) throw this.#endedBy(answer.code);
    const told = readAnswer(answer);
    if (told === undefined) throw this.#malformed();
    return told;
  }

  #endedBy(code: number): GardenhoseError {
    const { status } = this.#library;
    const subject = this.#origin;
    const error = (kind: 'response-timeout' | 'response-limit' | 'connection-closed', what: string) =>
      new GardenhoseError(kind, `${subject} ${what}`, { subject });
    if (code === status.DEADLINE_EXCEEDED)
      return error('response-timeout', `did not tell its schemas within ${this.#timeoutMs} ms`);
    if (code === status.RESOURCE_EXHAUSTED)
      return error(
        'response-limit',
        `refused to tell its schemas, or told more than ${limits.bytes} bytes at once (RESOURCE_EXHAUSTED)`,
      );
    if (code === status.UNAVAILABLE)
      return error('connection-closed', 'went away while it told its schemas (UNAVAILABLE)');
    if (code === status.OK || code === status.INTERNAL) return this.#malformed();
    return unavailable(this.#origin, `refuses server reflection (${this.#nameOf(code)})`);
  }

  #refused(code: number, what: string): GardenhoseError {
    return unavailable(
      this.#origin,
      `does not tell the schema of ${what.slice(0, 200)} (${this.#nameOf(code)})`,
    );
  }

  #lacking(service: string): GardenhoseError {
    return unavailable(
      this.#origin,
      `tells of ${service.slice(0, 200)}, and gives files that do not declare it`,
    );
  }

  #malformed(): GardenhoseError {
    return new GardenhoseError(
      'response-malformed',
      `${this.#origin} answers server reflection with what is no answer to it; ${elsewhere}`,
      { subject: this.#origin },
    );
  }

  #tooMuch(what: string, most: number): GardenhoseError {
    return new GardenhoseError(
      'response-limit',
      `${this.#origin} tells of ${what}, at most ${most} are taken; ${elsewhere}`,
      {
        subject: this.#origin,
      },
    );
  }

  #nameOf(code: number): string {
    return this.#library.status[code] ?? `status ${code}`;
  }
}

function unavailable(origin: string, why: string): GardenhoseError {
  return new GardenhoseError('schema-unavailable', `${origin} ${why}; ${elsewhere}`, { subject: origin });
}

/** @throws GardenhoseError `invalid-option` */
function metadataOf(library: GrpcLibrary, given: HeaderList): GrpcMetadata {
  const metadata = new library.Metadata();
  for (let i = 0; i + 1 < given.length; i += 2) {
    const name = given[i] ?? '';
    const value = given[i + 1] ?? '';
    try {
      metadata.add(name, name.toLowerCase().endsWith('-bin') ? Buffer.from(value, 'base64') : value);
    } catch (cause) {
      throw new GardenhoseError(
        'invalid-option',
        `metadata: ${JSON.stringify(name)} is none that gRPC can send`,
        {
          subject: 'metadata',
          cause,
        },
      );
    }
  }
  return metadata;
}

import * as grpc from '@grpc/grpc-js';

const bytes = (message: Buffer): Buffer => message;
const codecs = {
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};

/** A service with a method of each kind, whose messages are any bytes. */
export const definition = {
  unary: { path: '/test.Echo/Unary', requestStream: false, responseStream: false, ...codecs },
  upload: { path: '/test.Echo/Upload', requestStream: true, responseStream: false, ...codecs },
  list: { path: '/test.Echo/List', requestStream: false, responseStream: true, ...codecs },
  chat: { path: '/test.Echo/Chat', requestStream: true, responseStream: true, ...codecs },
} satisfies grpc.ServiceDefinition;

export type Handlers = Partial<Record<keyof typeof definition, grpc.UntypedHandleCall>>;

export interface Running extends AsyncDisposable {
  readonly server: grpc.Server;
  readonly client: grpc.Client;
  readonly port: number;
}

export interface ServeOptions {
  readonly server?: grpc.ServerOptions;
  readonly client?: grpc.ClientOptions;
  /** Codecs in place of those of the definition, which leave bytes as they are. */
  readonly codecs?: Partial<typeof codecs>;
}

/** A server on a port of its own and a client of it. Methods that are not given echo. */
export async function serve(
  handlers: Handlers,
  prepare: ((server: grpc.Server) => void) | undefined = undefined,
  options: ServeOptions = {},
): Promise<Running> {
  const server = new grpc.Server(options.server);
  prepare?.(server);
  const { unary, upload, list, chat } = definition;
  const own = options.codecs;
  const service = {
    unary: { ...unary, ...own },
    upload: { ...upload, ...own },
    list: { ...list, ...own },
    chat: { ...chat, ...own },
  };
  server.addService(service, { ...echo, ...handlers });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options.client);
  return {
    server,
    client,
    port,
    async [Symbol.asyncDispose]() {
      client.close();
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
        server.forceShutdown();
      });
    },
  };
}

const echo: Required<Handlers> = {
  unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) =>
    answer(null, call.request),
  upload: (call: grpc.ServerReadableStream<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
    const parts: Buffer[] = [];
    call.on('data', (part: Buffer) => parts.push(part));
    call.on('end', () => answer(null, Buffer.concat(parts)));
  },
  list: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
    for (const part of call.request.toString().split(' ')) call.write(Buffer.from(part));
    call.end();
  },
  chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
    call.on('data', (part: Buffer) => call.write(part));
    call.on('end', () => call.end());
  },
};

export const unary = (
  client: grpc.Client,
  message: string,
  metadata = new grpc.Metadata(),
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = definition.unary;
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.from(message),
      metadata,
      (error, value) => (error === null && value !== undefined ? resolve(value) : reject(error)),
    );
  });

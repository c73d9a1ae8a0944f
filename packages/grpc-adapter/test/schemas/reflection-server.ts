import { outlineSchema } from '@gardenhose/core';
import { eachField, textAt } from '@gardenhose/core/adapter';
import * as grpc from '@grpc/grpc-js';
import { numberField, sizedField } from '../../src/schemas/wire.ts';

const bytes = (message: Buffer): Buffer => message;
const codecs = {
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
  requestStream: true,
  responseStream: true,
} as const;

type Stream = grpc.ServerDuplexStream<Buffer, Buffer>;
export type Answering = (question: Question, call: Stream) => Uint8Array | undefined;

export interface Question {
  readonly kind: 'services' | 'file' | 'symbol';
  readonly name: string;
}

export interface ReflectionServer extends AsyncDisposable {
  readonly address: string;
  readonly asked: Question[];
  readonly metadata: grpc.Metadata[];
}

export interface ReflectionServerOptions {
  readonly version?: string;
  readonly credentials?: grpc.ServerCredentials;
}

/** A real server with server reflection that answers as told. */
export async function reflectionServer(
  reflect: Answering | undefined,
  { version = 'v1', credentials = grpc.ServerCredentials.createInsecure() }: ReflectionServerOptions = {},
): Promise<ReflectionServer> {
  const server = new grpc.Server();
  const asked: Question[] = [];
  const metadata: grpc.Metadata[] = [];
  if (reflect !== undefined) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    server.addService(
      { info: { path, ...codecs } },
      {
        info: (call: Stream) => {
          metadata.push(call.metadata);
          call.on('error', () => {});
          call.on('end', () => call.end());
          call.on('data', (message: Buffer) => {
            const question = questionOf(message);
            asked.push(question);
            const answer = reflect(question, call);
            if (answer !== undefined) call.write(Buffer.from(answer));
          });
        },
      },
    );
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    asked,
    metadata,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
        server.forceShutdown();
      });
    },
  };
}

function questionOf(message: Buffer): Question {
  const kinds = new Map([
    [3, 'file'],
    [4, 'symbol'],
    [7, 'services'],
  ] as const);
  let question: Question | undefined;
  eachField({ bytes: message, start: 0, end: message.length }, (number, _type, start, end) => {
    const kind = [...kinds].find(([known]) => known === number)?.[1];
    if (kind !== undefined) question = { kind, name: textAt(message, start, end) };
  });
  if (question === undefined) throw new Error('no question');
  return question;
}

export const servicesAnswer = (...names: readonly string[]): Uint8Array =>
  sizedField(6, Buffer.concat(names.map((name) => sizedField(1, sizedField(1, name)))));
export const filesAnswer = (...files: readonly Uint8Array[]): Uint8Array =>
  sizedField(4, Buffer.concat(files.map((file) => sizedField(1, file))));
export const errorAnswer = (code: number): Uint8Array =>
  sizedField(7, Buffer.concat([numberField(1, code), sizedField(2, 'as the server words it')]));

/** Answers of a server that serves all of a set, file by file. */
export function serving(set: Uint8Array): Answering {
  const files = outlineSchema(set) ?? [];
  return ({ kind, name }) => {
    if (kind === 'services') {
      return servicesAnswer(
        'grpc.reflection.v1.ServerReflection',
        ...files.flatMap(({ services }) => services),
      );
    }
    const file = files.find((each) => (kind === 'file' ? each.name === name : each.services.includes(name)));
    return file === undefined ? errorAnswer(grpc.status.NOT_FOUND) : filesAnswer(file.descriptor);
  };
}

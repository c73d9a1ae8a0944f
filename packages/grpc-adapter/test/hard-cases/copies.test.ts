import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecorder, memorySink } from '@gardenhose/core';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import * as oldest from 'grpc-js-oldest';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { attach } from '../../src/attach.ts';
import { schemasFromProto } from '../../src/schemas/from-proto.ts';
import { tapServer } from '../../src/tap-server.ts';
import { recording, unaryCall } from '../support/recording.ts';
import { definition, serve, unary } from '../support/service.ts';

// Several copies of the libraries in one process. More versions of grpc-js, and of protobufjs: test/peers/versions.test.ts.

test('case 28: another copy of grpc-js is recorded alike', async () => {
  const { recorder, told } = recording();
  const server = new oldest.Server();
  // @ts-expect-error the two copies have each their own types; they are the same here
  tapServer(server, recorder);
  server.addService(definition, {
    unary: (call: oldest.ServerUnaryCall<Buffer, Buffer>, answer: oldest.sendUnaryData<Buffer>) =>
      answer(null, call.request),
    upload: () => undefined,
    list: () => undefined,
    chat: () => undefined,
  });
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', oldest.ServerCredentials.createInsecure(), (_error, bound) =>
      resolve(bound),
    );
  });
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  await unary(client, 'hello');
  client.close();
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  expect(await told()).toEqual(unaryCall);
});

test('case 28: what is no server of grpc-js 1.8 or newer is refused', () => {
  const { recorder } = recording();
  // @ts-expect-error what callers without types can give
  expect(() => tapServer({}, recorder)).toThrow(/server must be a Server of @grpc\/grpc-js, 1.8 or newer/);
});

test('case 28: messages that two majors of protobufjs make in one process are masked by one schema', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gardenhose-grpc-'));
  const file = join(folder, 'note.proto');
  writeFileSync(
    file,
    'syntax = "proto3"; package two; message Note { string id = 1; string password = 2; } service Notes { rpc Get(Note) returns (Note); }',
  );
  // The one of proto-loader, and one of the application's own.
  const loader = createRequire(createRequire(import.meta.url).resolve('@grpc/proto-loader'));
  expect(majorOf(loader)).not.toBe(majorOf(createRequire(import.meta.url)));
  const Notes = Reflect.get(grpc.loadPackageDefinition(loadSync(file)).two ?? {}, 'Notes');
  const type = protobuf.loadSync(file).lookupType('two.Note');
  const sink = memorySink();
  const recorder = createRecorder({ service: 'test', sink, pipeline: 'inline' });
  recorder.describe(await schemasFromProto([file]));
  rmSync(folder, { recursive: true });
  const server = new grpc.Server();
  tapServer(server, recorder);
  server.addService(Notes.service, {
    Get: (call: grpc.ServerUnaryCall<object, object>, answer: grpc.sendUnaryData<object>) =>
      answer(null, call.request),
  });
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, bound) =>
      resolve(bound),
    );
  });
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const back = await new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/two.Notes/Get',
      (note: object) => Buffer.from(type.encode(note).finish()),
      (bytes) => type.decode(bytes).toJSON(),
      { id: 'n1', password: 'hunter2' },
      (error, value) => (error === null ? resolve(value) : reject(error)),
    );
  });
  client.close();
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  await recorder.close();
  expect(back).toEqual({ id: 'n1', password: 'hunter2' });
  const notes = sink.events.flatMap((event) =>
    event.type === 'message' ? [type.decode(event.data ?? Buffer.alloc(0)).toJSON()] : [],
  );
  const masked = { id: 'n1', password: expect.stringMatching(/^mk_secret_/) };
  expect(notes).toEqual([masked, masked]);
});

function majorOf(require: NodeJS.Require): string {
  const { version }: { version: string } = require('protobufjs/package.json');
  return version.split('.')[0] ?? '';
}

test('case 28: a server that two ways tap for one recorder is recorded once, for two recorders twice', async () => {
  const first = recording();
  const second = recording();
  const detach = attach(first.recorder, { grpc });
  {
    await using running = await serve({}, (server) => {
      tapServer(server, first.recorder);
      tapServer(server, second.recorder);
    });
    await unary(running.client, 'hello');
  }
  detach();
  expect(await first.told()).toEqual(unaryCall);
  expect(await second.told()).toEqual(unaryCall);
});

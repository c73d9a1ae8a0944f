import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { attach } from '../src/attach.ts';
import { recording, unaryCall } from './support/recording.ts';
import { definition, serve, unary } from './support/service.ts';

test('every server that gets its services later is recorded', async () => {
  const { recorder, told } = recording();
  const detach = attach(recorder, { grpc });
  {
    await using running = await serve({});
    await unary(running.client, 'hello');
  }
  detach();
  expect(await told()).toEqual(unaryCall);
});

test('detached, the class is as it was and nothing is recorded', async () => {
  const { register, addService } = grpc.Server.prototype;
  const { recorder, told } = recording();
  await using running = await serve({}, () => {
    attach(recorder, { grpc })();
  });
  await unary(running.client, 'hello');
  expect(grpc.Server.prototype.register).toBe(register);
  expect(grpc.Server.prototype.addService).toBe(addService);
  expect(await told()).toEqual([]);
});

test('what is no grpc-js is refused', () => {
  const { recorder } = recording();
  // @ts-expect-error what callers without types can give
  expect(() => attach(recorder, {})).toThrow(/grpc must be the module @grpc\/grpc-js/);
  // @ts-expect-error as above
  expect(() => attach(recorder, { grpc: { Server: class {} } })).toThrow(/grpc must be the module/);
});

test('what messages are made of is taken from given services, where a framework leaves it out', async () => {
  const { recorder, sink } = recording();
  const file = Buffer.from([0x0a, 1, 0x61]);
  const type = { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos: [file] };
  const unaryMethod = { ...definition.unary, requestType: type, responseType: type };
  attach(recorder, { grpc, services: [{ unary: unaryMethod }] })();
  await recorder.close();
  expect(sink.events).toMatchObject([{ type: 'schema', format: 'protobuf' }]);
});

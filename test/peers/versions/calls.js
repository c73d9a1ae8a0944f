// Calls of all four kinds, their messages made by other majors of protobufjs, on one version of grpc-js, recorded at the server
// and at the client. Prints what was recorded. Arguments: @gardenhose/core, @gardenhose/grpc-adapter, the version, how to tap.

import { once } from 'node:events';
import protobuf6 from 'protobufjs-6';
import protobuf7 from 'protobufjs-7';
import protobuf8 from 'protobufjs-8';

const [core, adapter, version, how] = process.argv.slice(2);
const { createRecorder, memorySink } = await import(core);
const { attach, schemasFromProto, tapChannel, tapServer } = await import(adapter);
const { default: grpc } = await import(`grpc-js-${version}`);
const { default: loader } = await import('@grpc/proto-loader');

const typeOf = (protobuf) => protobuf.loadSync('greeter.proto').lookupType('greeter.Person');
const codec = (protobuf) => {
  const type = typeOf(protobuf);
  return { to: (value) => Buffer.from(type.encode(value).finish()), from: (bytes) => type.decode(bytes) };
};
const codecs = [protobuf6, protobuf7, protobuf8].map(codec);

const sides = ['inbound', 'outbound'].map((side) => {
  const sink = memorySink();
  return { side, sink, recorder: createRecorder({ service: side, sink, pipeline: 'inline' }) };
});
const [inbound, outbound] = sides.map(({ recorder }) => recorder);
// The client's calls are described by .proto files, which are read by one more copy of protobufjs.
outbound.describe(await schemasFromProto(['greeter.proto']));
const detach = how === 'attach' ? attach(inbound, { grpc }) : undefined;
const server = new grpc.Server();
if (how === 'tap') tapServer(server, inbound);
const { service } = grpc.loadPackageDefinition(loader.loadSync('greeter.proto')).greeter.Greeter;
server.addService(service, {
  Hello: (call, answer) => answer(null, { name: call.request.name, password: 'hunter2' }),
  Chat: (call) => call.pipe(call),
});
const port = await new Promise((resolve, reject) => {
  const bound = (error, at) => (error === null ? resolve(at) : reject(error));
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), bound);
});
server.start();
const target = `127.0.0.1:${port}`;
const client = new grpc.Client(target, grpc.credentials.createInsecure(), {
  ...tapChannel(outbound, { grpc }),
});
for (const { to, from } of codecs) {
  await new Promise((resolve, reject) => {
    client.makeUnaryRequest(service.Hello.path, to, from, { name: 'rose', password: 'hunter2' }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  const call = client.makeBidiStreamRequest(service.Chat.path, to, from);
  call.resume();
  call.write({ name: 'lily', password: 'hunter2' });
  call.end();
  await once(call, 'status');
}
// Refused, and cancelled.
const refused = client.makeServerStreamRequest('/greeter.Greeter/None', codecs[2].to, codecs[2].from, {});
refused.on('error', () => undefined);
refused.resume();
await new Promise((resolve) => refused.on('status', resolve));
const cancelled = client.makeBidiStreamRequest(service.Chat.path, codecs[2].to, codecs[2].from);
cancelled.on('error', () => undefined);
cancelled.write({ name: 'ivy' });
await once(cancelled, 'data');
cancelled.cancel();
while (sides.some(({ recorder }) => recorder.stats().underWay > 0)) await new Promise(setImmediate);
client.close();
server.forceShutdown();
detach?.();
for (const { side, sink, recorder } of sides) {
  const { tapFailures } = await recorder.close();
  const text = (data) => Buffer.from(data ?? []).toString('latin1');
  const lines = sink.events.flatMap((event) => {
    if (event.exchange === undefined) return [];
    const { exchange, type } = event;
    if (type === 'start') return [`${exchange} start ${event.target}`];
    if (type === 'message') {
      // Of a call that is refused at once, it is up to chance whether more than its head is seen.
      const [name] = /rose|lily|ivy/.exec(text(event.data)) ?? [];
      const secret = /mk_secret_/.test(text(event.data)) ? ' masked' : '';
      return name === undefined ? [] : [`${exchange} ${event.side} ${name}${secret}`];
    }
    if (type === 'trailers') return [`${exchange} status ${event.headers[1]}`];
    return type === 'abort' ? [`${exchange} abort ${event.code}`] : [];
  });
  const told = sink.events.map((event) => text(event.data)).join();
  process.stdout.write(`${JSON.stringify({ side, tapFailures, leaked: told.includes('hunter2'), lines })}\n`);
}

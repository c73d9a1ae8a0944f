// A service and its client on nice-grpc, recorded by one line. Arguments: the capture, @gardenhose/core, @gardenhose/grpc-adapter.

import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createChannel, createClient, createServer } from 'nice-grpc';

const [path, core, adapter] = process.argv.slice(2);
const { createRecorder, fileSink } = await import(core);
const { attach } = await import(adapter);
const recorder = createRecorder({ service: 'nice', sink: fileSink({ path }) });
const { greeter } = grpc.loadPackageDefinition(loadSync('greeter.proto'));
const definition = greeter.Greeter.service;
// nice-grpc does not pass on what the messages are made of.
attach(recorder, { grpc, services: [definition] });
const server = createServer();
server.add(definition, {
  Hello: async (person) => ({ name: `hello ${person.name}`, password: person.password }),
  async *Chat(people) {
    for await (const person of people) yield { name: `hello ${person.name}` };
  },
});
const port = await server.listen('127.0.0.1:0');
const channel = createChannel(`127.0.0.1:${port}`);
const client = createClient(definition, channel);
process.stdout.write(`${(await client.Hello({ name: 'rose', password: 'hunter2' })).name}\n`);
async function* people() {
  yield { name: 'lily', password: 'hunter2' };
  yield { name: 'ivy' };
}
for await (const person of client.Chat(people())) process.stdout.write(`${person.name}\n`);
channel.close();
await server.shutdown();
await recorder.close();

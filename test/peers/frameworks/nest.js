// A microservice on NestJS, recorded by one line. Arguments: the capture, @gardenhose/core, @gardenhose/grpc-adapter.

import 'reflect-metadata';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, GrpcStreamCall, Transport } from '@nestjs/microservices';

const [path, core, adapter] = process.argv.slice(2);
const { createRecorder, fileSink } = await import(core);
const { attach } = await import(adapter);
const recorder = createRecorder({ service: 'nest', sink: fileSink({ path }) });
attach(recorder, { grpc });

class Greeter {
  hello(person) {
    return { name: `hello ${person.name}`, password: person.password };
  }
  chat(call) {
    call.on('data', (person) => call.write({ name: `hello ${person.name}` }));
    call.on('end', () => call.end());
  }
}
// What decorators of TypeScript would do.
const decorate = (decorator, name) =>
  decorator(Greeter.prototype, name, Object.getOwnPropertyDescriptor(Greeter.prototype, name));
decorate(GrpcMethod('Greeter', 'Hello'), 'hello');
decorate(GrpcStreamCall('Greeter', 'Chat'), 'chat');
Controller()(Greeter);
class App {}
Module({ controllers: [Greeter] })(App);

const port = 20_000 + (process.pid % 20_000);
const url = `127.0.0.1:${port}`;
const app = await NestFactory.createMicroservice(App, {
  transport: Transport.GRPC,
  options: { package: 'greeter', protoPath: 'greeter.proto', url },
  logger: false,
});
await app.listen();
const { greeter } = grpc.loadPackageDefinition(loadSync('greeter.proto'));
const client = new greeter.Greeter(url, grpc.credentials.createInsecure());
await new Promise((resolve, reject) =>
  client.Hello({ name: 'rose', password: 'hunter2' }, (error, person) => {
    if (error) reject(error);
    else resolve(process.stdout.write(`${person.name}\n`));
  }),
);
await new Promise((resolve) => {
  const call = client.Chat();
  call.on('data', (person) => {
    process.stdout.write(`${person.name}\n`);
    if (person.name === 'hello lily') call.write({ name: 'ivy' });
    else call.end();
  });
  call.on('status', resolve);
  call.write({ name: 'lily', password: 'hunter2' });
});
client.close();
await app.close();
await recorder.close();

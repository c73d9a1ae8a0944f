import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type CaptureEvent, readCapture } from '@gardenhose/core';
import { assembleAll } from '@gardenhose/core/testing';
import { expect, onTestFinished, test } from 'vitest';

// These run the built packages in processes of their own.

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A call whose handler makes another call, which it waits for; then the process ends. */
const service = `
const bytes = (message) => message;
const method = (name) => ({ path: '/test.Echo/' + name, requestStream: false, responseStream: false, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes });
const definition = { outer: method('Outer'), inner: method('Inner') };
const call = (client, { path }, done) => client.makeUnaryRequest(path, bytes, bytes, Buffer.from('hello'), done);
const server = new grpc.Server();
let client;
server.addService(definition, {
  inner: ({ request }, answer) => answer(null, request),
  outer: (_, answer) => call(client, definition.inner, answer),
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_, port) => {
  client = new grpc.Client('127.0.0.1:' + port, grpc.credentials.createInsecure());
  call(client, definition.outer, (error, value) => {
    console.log(error ?? String(value));
    client.close();
    server.forceShutdown();
  });
});
`;

const preloads = ['http', 'grpc'].flatMap((name) => ['--import', `@gardenhose/${name}-adapter/register`]);

for (const [name, script] of [
  ['app.cjs', `const grpc = require('@grpc/grpc-js');${service}`],
  ['app.mjs', `import * as grpc from '@grpc/grpc-js';${service}`],
] as const) {
  test(`servers and clients of gRPC are recorded without a change to ${name}`, async () => {
    // Beside the packages, so that it finds them.
    const parent = join(root, 'node_modules', '.cache');
    mkdirSync(parent, { recursive: true });
    const folder = mkdtempSync(join(parent, 'gardenhose-register-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, name), script);
    writeFileSync(join(folder, 'policy.json'), '{"version":1,"extends":"none"}');
    const child = spawn(process.execPath, [...preloads, join(folder, name)], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        GARDENHOSE_OUTPUT: join(folder, 'a.hose'),
        GARDENHOSE_MASK_POLICY: join(folder, 'policy.json'),
        GARDENHOSE_OUTBOUND: '1',
        GARDENHOSE_PARENTS: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = await once(child, 'exit');
    expect([code, ...(await said)]).toEqual([0, 'hello\n', '']);
    const events: CaptureEvent[] = [];
    const capture = await readCapture(new Blob([readFileSync(join(folder, 'a.hose'))]).stream());
    for await (const event of capture.events) events.push(event);
    const exchanges = assembleAll(events);
    const outer = exchanges.find(
      ({ direction, operation }) => direction === 'inbound' && operation === 'test.Echo/Outer',
    );
    const family = exchanges.map(({ direction, operation, parent }) => `${direction} ${operation} ${parent}`);
    expect(family.sort()).toEqual([
      'inbound test.Echo/Inner undefined',
      'inbound test.Echo/Outer undefined',
      `outbound test.Echo/Inner ${outer?.id}`,
      'outbound test.Echo/Outer undefined',
    ]);
  });
}

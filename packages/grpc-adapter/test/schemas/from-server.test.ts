import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { outlineSchema, SchemaRegistry } from '@gardenhose/core';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { certificate } from '../../../http-adapter/test/support/certificate.ts';
import { schemasFromProto } from '../../src/schemas/from-proto.ts';
import { schemasFromServer } from '../../src/schemas/from-server.ts';
import { sizedField } from '../../src/schemas/wire.ts';
import {
  type Answering,
  errorAnswer,
  filesAnswer,
  type ReflectionServerOptions,
  reflectionServer,
  servicesAnswer,
  serving,
} from './reflection-server.ts';
import { failureOf, folderOf, options, shop } from './support.ts';

async function shopSet(): Promise<Uint8Array> {
  using folder = folderOf({ 'shop.proto': shop, 'corp/options.proto': options });
  return await schemasFromProto([folder.of('shop.proto')]);
}

/** What is said of a server that reflects so, without its address. */
async function failure(reflect: Answering | undefined, given: ReflectionServerOptions = {}): Promise<string> {
  await using server = await reflectionServer(reflect, given);
  const found = await failureOf(schemasFromServer(server.address, { grpc, timeoutMs: 10_000 }));
  return found.replaceAll(`http://${server.address}`, 'it');
}

test.each(['v1', 'v1alpha'])(
  'services, their files and all that those import are asked for by %s',
  async (version) => {
    const set = await shopSet();
    await using server = await reflectionServer(serving(set), { version });
    const found = await schemasFromServer(`http://${server.address}`, { grpc });
    expect(
      outlineSchema(found)
        ?.map(({ name }) => name)
        .sort(),
    ).toEqual(
      outlineSchema(set)
        ?.map(({ name }) => name)
        .sort(),
    );
    const registry = new SchemaRegistry();
    expect(registry.add(found)).toBe(true);
    expect(registry.method('/shop.v1.Orders/Get')?.request).toBe('shop.v1.Order');
    const card = registry.message('shop.v1.Order')?.fields[1];
    expect(card && registry.optionsOf(card)).toEqual(['corp.sensitive']);
    expect(server.asked.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'services *',
      'symbol shop.v1.Orders',
      'file corp/options.proto',
      'file google/protobuf/timestamp.proto',
      'file google/protobuf/descriptor.proto',
    ]);
  },
);

test('a server that tells all files at once is not asked again', async () => {
  const files = outlineSchema(await shopSet()) ?? [];
  const reflect: Answering = ({ kind }) =>
    kind === 'services'
      ? servicesAnswer('shop.v1.Orders')
      : filesAnswer(...files.map(({ descriptor }) => descriptor));
  await using server = await reflectionServer(reflect);
  await schemasFromServer(server.address, { grpc });
  expect(server.asked).toHaveLength(2);
});

test('metadata is sent along', async () => {
  await using server = await reflectionServer(serving(await shopSet()));
  await schemasFromServer(server.address, {
    grpc,
    metadata: ['authorization', 'Bearer x', 'id-bin', 'AQI='],
  });
  expect(server.metadata[0]?.get('authorization')).toEqual(['Bearer x']);
  expect(server.metadata[0]?.get('id-bin')).toEqual([Buffer.from([1, 2])]);
  expect(await failureOf(schemasFromServer(server.address, { grpc, metadata: ['a b', 'x'] }))).toContain(
    'invalid-option: metadata: "a b"',
  );
});

test('a server with TLS tells its schemas to whom it trusts', async () => {
  const credentials = grpc.ServerCredentials.createSsl(null, [
    { private_key: Buffer.from(certificate.key), cert_chain: Buffer.from(certificate.cert) },
  ]);
  await using server = await reflectionServer(serving(await shopSet()), { credentials });
  const address = `https://${server.address.replace('127.0.0.1', 'localhost')}`;
  expect(
    outlineSchema(await schemasFromServer(address, { grpc, tls: { ca: certificate.cert } })),
  ).toHaveLength(4);
  const own = grpc.credentials.createSsl(Buffer.from(certificate.cert));
  expect(outlineSchema(await schemasFromServer(address, { grpc, credentials: own }))).toHaveLength(4);
  expect(await failureOf(schemasFromServer(address, { grpc }))).toMatch(
    /^target-unreachable: No TLS with https:.*give its authority as tls\.ca/,
  );
  expect(await failureOf(schemasFromServer(server.address, { grpc }))).toMatch(
    /^target-unreachable: .* HTTP\/2 without TLS; give it as https:/,
  );
});

test('without TLS behind https: it is said so', async () => {
  await using server = await reflectionServer(serving(await shopSet()));
  expect(await failureOf(schemasFromServer(`https://${server.address}`, { grpc }))).toMatch(
    /^target-unreachable: No TLS with https:/,
  );
});

test('reflection that is not there, or refused, is told', async () => {
  expect(await failure(undefined)).toBe(
    'schema-unavailable: it has no server reflection (v1, v1alpha); give a descriptor set or .proto files in its place',
  );
  const refused: Answering = (_question, call) => {
    call.emit('error', { code: grpc.status.PERMISSION_DENIED, details: 'no' });
    return undefined;
  };
  expect(await failure(refused)).toBe(
    'schema-unavailable: it refuses server reflection (PERMISSION_DENIED); give a descriptor set or .proto files in its place',
  );
  expect(await failure(() => errorAnswer(grpc.status.UNAUTHENTICATED))).toContain(
    'it does not tell the schema of its services (UNAUTHENTICATED)',
  );
  expect(await failure(() => servicesAnswer('grpc.reflection.v1.ServerReflection'))).toContain(
    'it tells of no service but reflection itself',
  );
});

/** Package and name of a service, as a file has them. */
function declaring(fullName: string): Uint8Array {
  const [scope = '', name = ''] = fullName.split('.');
  return Buffer.concat([sizedField(2, scope), sizedField(6, sizedField(1, name))]);
}

test('a server whose files do not declare its services is told, and one without methods is a service', async () => {
  const serve =
    (name: string): Answering =>
    ({ kind }) =>
      kind === 'services'
        ? servicesAnswer('a.B')
        : filesAnswer(
            Buffer.concat([sizedField(1, 'x.proto'), declaring(name), sizedField(4, sizedField(1, 'M'))]),
          );
  expect(await failure(serve('a.Other'))).toBe(
    'schema-unavailable: it tells of a.B, and gives files that do not declare it; give a descriptor set or .proto files in its place',
  );
  expect(await failure(serve('a.B'))).toBe('nothing failed');
});

test('a certificate and a key that are none are a wrong option', async () => {
  for (const tls of [{ cert: 'x' }, { cert: 'x', key: 'y' }]) {
    expect(await failureOf(schemasFromServer('https://localhost:1', { grpc, tls }))).toMatch(
      /^invalid-option: tls cannot be used: /,
    );
  }
});

test('a file that the server does not tell is named', async () => {
  const set = await shopSet();
  const told = serving(set);
  const reflect: Answering = (question, call) =>
    question.name.endsWith('timestamp.proto') ? errorAnswer(grpc.status.NOT_FOUND) : told(question, call);
  expect(await failure(reflect)).toBe(
    'schema-unavailable: it does not tell the schema of google/protobuf/timestamp.proto (NOT_FOUND); give a descriptor set or .proto files in its place',
  );
});

test.each<[string, Answering]>([
  ['bytes that are no answer', () => Buffer.from([0xff, 0xff, 0xff])],
  ['an answer to another question', () => filesAnswer()],
  ['an empty answer', () => Buffer.alloc(0)],
  [
    'files that are no descriptors',
    ({ kind }) =>
      kind === 'services' ? servicesAnswer('a.B') : filesAnswer(Buffer.from('garbage, garbage')),
  ],
  [
    'an end of the call',
    (_question, call) => {
      call.end();
      return undefined;
    },
  ],
])('%s is no answer', async (_what, reflect) => {
  expect(await failure(reflect)).toBe(
    'response-malformed: it answers server reflection with what is no answer to it; give a descriptor set or .proto files in its place',
  );
});

test('random bytes for answers never pass for schemas', async () => {
  for (let i = 0; i < 20; i++) {
    expect(await failure(() => randomBytes(1 + i * 7))).toMatch(
      /^(response-malformed|schema-unavailable|schema-invalid): it/,
    );
  }
});

test('a server that does not answer is given up in time', async () => {
  await using server = await reflectionServer(() => undefined);
  const found = await failureOf(schemasFromServer(server.address, { grpc, timeoutMs: 300 }));
  expect(found).toBe(`response-timeout: http://${server.address} did not tell its schemas within 300 ms`);
});

test('a server that tells of files without end is given up', async () => {
  let made = 0;
  const endless: Answering = ({ kind }) => {
    if (kind === 'services') return servicesAnswer('a.B');
    const more = Array.from({ length: 500 }, () =>
      Buffer.concat([
        sizedField(1, `f${made++}.proto`),
        declaring('a.B'),
        sizedField(3, `f${made}.proto`),
        sizedField(3, `x${made}.proto`),
      ]),
    );
    return filesAnswer(...more);
  };
  expect(await failure(endless)).toBe(
    'response-limit: it tells of files, at most 10000 are taken; give a descriptor set or .proto files in its place',
  );
  const large: Answering = ({ kind }) =>
    kind === 'services'
      ? servicesAnswer('a.B')
      : filesAnswer(
          Buffer.concat([
            sizedField(1, `l${made++}.proto`),
            declaring('a.B'),
            sizedField(100, Buffer.alloc(30 << 20)),
            sizedField(3, `l${made}.proto`),
          ]),
        );
  expect(await failure(large)).toContain('response-limit: it tells of bytes of descriptors');
  const one = sizedField(3, 'b');
  const imports: Answering = ({ kind, name }) =>
    kind === 'services'
      ? servicesAnswer('a.B', 'a.C')
      : filesAnswer(
          Buffer.concat([sizedField(1, name), declaring(name), Buffer.alloc(300_000 * one.length, one)]),
        );
  expect(await failure(imports)).toContain('response-limit: it tells of imports, at most 400000 are taken');
  expect(await failure(() => servicesAnswer(...Array.from({ length: 6000 }, (_, i) => `a.B${i}`)))).toContain(
    'response-limit: it tells of 6000 services',
  );
});

test('what is no gRPC server, and nothing at all, is told', async () => {
  const http = createServer((_request, response) => response.end('hello'));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  expect(await failureOf(schemasFromServer(`127.0.0.1:${port}`, { grpc, timeoutMs: 2000 }))).toMatch(
    /^target-unreachable: /,
  );
  await new Promise((resolve) => http.close(resolve));
  expect(await failureOf(schemasFromServer(`127.0.0.1:${port}`, { grpc }))).toMatch(
    /^target-unreachable: Nothing listens at/,
  );
  const silent = createTcpServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const at = silent.address() as AddressInfo;
  const found = failureOf(schemasFromServer(`127.0.0.1:${at.port}`, { grpc, timeoutMs: 300 }));
  expect(await found).toMatch(/^target-unreachable: /);
  silent.close();
});

test('options and addresses that make no sense are refused', async () => {
  expect(await failureOf(schemasFromServer('ftp://x', { grpc }))).toContain(
    'invalid-option: address must be an origin',
  );
  expect(await failureOf(schemasFromServer('x:1', { grpc, timeoutMs: 0 }))).toContain(
    'invalid-option: timeoutMs',
  );
  expect(await failureOf(schemasFromServer('x:1', { grpc: {} as never }))).toContain('invalid-option');
  expect(await failureOf(schemasFromServer('x:1', { grpc, timeout: 5 } as never))).toContain(
    'did you mean "timeoutMs"?',
  );
});

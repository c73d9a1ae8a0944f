import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import { type AddressInfo, connect, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { schemasFromProto } from '@gardenhose/grpc-adapter';
import * as grpc from '@grpc/grpc-js';
import { expect, test, vi } from 'vitest';
import { reflectionServer, serving } from '../../packages/grpc-adapter/test/schemas/reflection-server.ts';
import { chat, seen, unarySeen } from '../../packages/grpc-adapter/test/support/hard-case.ts';
import { serve, unary } from '../../packages/grpc-adapter/test/support/service.ts';
import { certificate } from '../../packages/http-adapter/test/support/certificate.ts';
import { tempDir } from '../support/captures.ts';
import { type RunningCli, runCli, startCli } from '../support/run-cli.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const insecure = grpc.credentials.createInsecure();
const trusting = grpc.credentials.createSsl(Buffer.from(certificate.cert));

async function portOf(cli: RunningCli): Promise<number> {
  return Number((await cli.output(/listening on https?:\S+:(\d+),/))[1]);
}

async function interrupted(cli: RunningCli) {
  cli.child.kill('SIGINT');
  return cli.done;
}

/** Certificate and key as files. */
function pemIn(dir: { file(name: string): string }): string[] {
  writeFileSync(dir.file('cert.pem'), certificate.cert);
  writeFileSync(dir.file('key.pem'), certificate.key);
  return ['--tls-cert', dir.file('cert.pem'), '--tls-key', dir.file('key.pem')];
}

async function listening<S extends Server>(
  server: S,
): Promise<S & AsyncDisposable & { readonly port: number }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(server, {
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  });
}

/** An origin with TLS that answers HTTP/1.1 and, to any call, a gRPC answer with the bytes it was asked with. */
function bothKinds(): Http2SecureServer {
  return createSecureServer({ ...certificate, allowHTTP1: true }, async (req, res) => {
    if (req.headers['content-type'] !== 'application/grpc') {
      res.end('hello');
      return;
    }
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part);
    res.setHeader('content-type', 'application/grpc');
    res.addTrailers({ 'grpc-status': '0' });
    res.end(Buffer.concat(parts));
  });
}

const status = async (client: grpc.Client): Promise<string> => {
  const last = (await unarySeen(client, 'x')).at(-1) ?? '';
  client.close();
  return last;
};

test('one port takes gRPC and HTTP/1.1, and both are in one capture', async () => {
  using dir = tempDir();
  await using running = await serve({});
  const to = `http://127.0.0.1:${running.port}`;
  const cli = startCli(['record', '--listen', ':0', '--to', to, '-o', dir.file('a.hose')]);
  const port = await portOf(cli);
  const client = new grpc.Client(`127.0.0.1:${port}`, insecure);
  expect((await unary(client, 'hello')).toString()).toBe('hello');
  // The origin is of gRPC only: it closes what it does not understand.
  expect((await fetch(`http://127.0.0.1:${port}/orders`)).status).toBe(502);
  await cli.output(/no schema says what their messages are made of/);
  client.close();
  const { code, stdout } = await interrupted(cli);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^2 exchanges recorded/) });
  expect(stdout).toContain('1 gRPC call and 1 request of HTTP/1.1 passed on');
  const inspected = JSON.parse((await runCli(['inspect', dir.file('a.hose'), '--json'])).stdout);
  expect(inspected).toMatchObject({ condition: { state: 'complete' }, exchanges: { total: 2 } });
  const shown = JSON.parse(
    (await runCli(['inspect', dir.file('a.hose'), '--exchange', '1', '--json'])).stdout,
  );
  expect(shown).toMatchObject({ protocol: 'grpc', operation: 'test.Echo/Unary' });
  expect(JSON.stringify(shown)).not.toContain('hello');
});

const proto = `syntax = "proto3"; package test;
message Ask { string email = 1; string item = 2; }
service Echo { rpc Unary(Ask) returns (Ask); }`;
const ask = '\n\x0fada@example.com\x12\x04hose';

test('fields of messages are masked by the schemas that are given', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('echo.proto'), proto);
  await using running = await serve({});
  const to = `http://127.0.0.1:${running.port}`;
  const flags = ['record', '--listen', ':0', '--to', to, '-o', dir.file('a.hose'), '--json'];
  const cli = startCli([...flags, '--proto', dir.file('echo.proto')]);
  const client = new grpc.Client(`127.0.0.1:${await portOf(cli)}`, insecure);
  expect((await unary(client, ask)).toString()).toBe(ask);
  client.close();
  const { stdout, stderr } = await interrupted(cli);
  const said = JSON.parse(stdout);
  expect(said).toMatchObject({
    calls: 1,
    requests: 0,
    otherHttp2: 0,
    originErrors: 0,
    stats: { unread: [] },
  });
  expect(stderr).not.toContain('no schema');
  const shown = (await runCli(['inspect', dir.file('a.hose'), '--exchange', '1'])).stdout;
  expect(shown).toContain('hose');
  expect(shown).toContain('mk_email_');
  expect(shown).not.toContain('ada@');
});

test('the service is asked for its schemas, before anything is listened to or written', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('echo.proto'), proto);
  await using server = await reflectionServer(serving(await schemasFromProto([dir.file('echo.proto')])));
  const to = ['--to', `http://${server.address}`, '--reflection'];
  const cli = startCli(['record', '--listen', ':0', ...to, '-o', dir.file('a.hose')]);
  const client = new grpc.Client(`127.0.0.1:${await portOf(cli)}`, insecure);
  expect((await unarySeen(client, ask)).at(-1)).toMatch(/^status 12/);
  client.close();
  expect((await interrupted(cli)).code).toBe(0);
  expect((await runCli(['inspect', dir.file('a.hose'), '--exchange', '1'])).stdout).toContain('mk_email_');

  await using silent = await serve({});
  const refused = await runCli([
    'record',
    '--listen',
    ':0',
    '--to',
    `http://127.0.0.1:${silent.port}`,
    '--reflection',
    '-o',
    dir.file('b.hose'),
  ]);
  expect(refused.code).toBe(74);
  expect(refused.stderr).toMatch(/^gardenhose: .* has no server reflection .*\n$/);
});

test('clients and the service may speak TLS, over HTTP/2 and HTTP/1.1 on one port', async () => {
  using dir = tempDir();
  const listenTls = pemIn(dir);
  await using origin = await listening(bothKinds());
  const to = ['--to', `https://localhost:${origin.port}`, '--ca', dir.file('cert.pem')];
  const cli = startCli(['record', '--listen', ':0', ...to, ...listenTls, '-o', dir.file('a.hose')]);
  const port = await portOf(cli);
  const client = new grpc.Client(`localhost:${port}`, trusting);
  expect((await unary(client, 'hello')).toString()).toBe('hello');
  client.close();
  const asked = httpsRequest({ port, host: 'localhost', ca: certificate.cert, agent: false }).end();
  const [answer] = await once(asked, 'response');
  expect(await text(answer)).toBe('hello');
  const plain = new grpc.Client(`127.0.0.1:${port}`, insecure);
  expect(await status(plain)).toContain('status 14 gardenhose: this port speaks TLS');
  const unsure = await fetch(`http://127.0.0.1:${port}/`);
  expect([unsure.status, await unsure.text()]).toEqual([400, 'gardenhose: this port speaks TLS\n']);
  await cli.output(/a client speaks without TLS, and this port speaks TLS/);
  const babbling = connect(port, '127.0.0.1').on('error', () => undefined);
  babbling.write(Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]));
  await cli.output(/no TLS with a client \(ERR_SSL_/);
  const { code, stdout } = await interrupted(cli);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^2 exchanges recorded/) });
  const inspected = await runCli(['inspect', dir.file('a.hose'), '--exchange', '1', '--json']);
  expect(JSON.parse(inspected.stdout)).toMatchObject({ request: { scheme: 'https' } });
});

test('TLS that one side has and the other has not is told to the client and said once', async () => {
  using dir = tempDir();
  pemIn(dir);
  await using secure = await listening(bothKinds());
  await using plain = await serve({});
  await using old = await listening(createHttpsServer(certificate, (_req, res) => res.end('hello')));
  const cases: [to: string, flags: string[], sentence: string][] = [
    [
      `http://localhost:${secure.port}`,
      [],
      'it does not speak HTTP/2 without TLS; give it as https: if it has TLS',
    ],
    [`https://localhost:${plain.port}`, [], 'there is no TLS'],
    [`https://localhost:${secure.port}`, [], 'its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)'],
    [
      `https://localhost:${old.port}`,
      ['--ca', dir.file('cert.pem')],
      'it does not speak HTTP/2 over TLS (no ALPN protocol h2), which gRPC needs',
    ],
  ];
  for (const [to, flags, sentence] of cases) {
    const cli = startCli([
      'record',
      '--listen',
      ':0',
      '--to',
      to,
      ...flags,
      '-o',
      dir.file('a.hose'),
      '--overwrite',
    ]);
    const port = await portOf(cli);
    for (let i = 0; i < 2; i++) {
      const told = await status(new grpc.Client(`127.0.0.1:${port}`, insecure));
      expect(told).toContain(`status 14 gardenhose: no answer from ${to}: ${sentence}`);
    }
    if (flags.length === 0) {
      const lost = await status(new grpc.Client(`localhost:${port}`, trusting));
      expect(lost).toContain('status 14');
      await cli.output(/a client speaks TLS, and this port does not; give --tls-cert and --tls-key/);
    }
    const { stdout, stderr } = await interrupted(cli);
    expect(stdout).toContain(`2 requests got no answer from ${to}`);
    expect(stderr.split(`a request over HTTP/2 got no answer from ${to}: ${sentence}`)).toHaveLength(2);
  }
});

test('a call that is open when the recording ends is in the capture as far as it came', async () => {
  using dir = tempDir();
  await using running = await serve({});
  const to = `http://127.0.0.1:${running.port}`;
  const cli = startCli(['record', '--listen', ':0', '--to', to, '-o', dir.file('a.hose')]);
  const client = new grpc.Client(`127.0.0.1:${await portOf(cli)}`, insecure);
  const call = chat(client);
  const all = seen(call);
  call.write(Buffer.from('one'));
  await once(call, 'data');
  const { code, stdout } = await interrupted(cli);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^1 exchange recorded/) });
  expect((await all).at(-1)).toMatch(/^status 14/);
  client.close();
  const shown = JSON.parse(
    (await runCli(['inspect', dir.file('a.hose'), '--exchange', '1', '--json'])).stdout,
  );
  expect(shown).toMatchObject({ abort: 'recorder-closed' });
});

test('certificates, keys and authorities that cannot be used are told before anything is written', async () => {
  using dir = tempDir();
  const [certFlag = '', cert = '', keyFlag = '', key = ''] = pemIn(dir);
  writeFileSync(dir.file('empty.pem'), '');
  const base = ['record', '--listen', ':0', '--to', 'http://127.0.0.1:9', '-o', dir.file('none/a.hose')];
  const secure = ['record', '--listen', ':0', '--to', 'https://127.0.0.1:9', '-o', dir.file('none/a.hose')];
  const cases: [args: string[], exit: number, sentence: RegExp][] = [
    [[...base, certFlag, cert], 64, /--tls-cert needs --tls-key as well/],
    [[...base, keyFlag, key], 64, /--tls-key needs --tls-cert as well/],
    [[...base, certFlag, key, keyFlag, cert], 64, /are no certificate with its private key/],
    [[...base, certFlag, dir.file('gone.pem'), keyFlag, key], 74, /gone\.pem: no such file/],
    [[...base, '--ca', cert], 64, /--ca is for an origin with TLS; give --to as https:/],
    [[...secure, '--ca', dir.file('empty.pem')], 64, /empty\.pem holds no certificate in PEM/],
    [[...secure, '--ca', dir.file('gone.pem')], 74, /gone\.pem: no such file/],
    [[...base, '--proto-path', '.'], 64, /--proto-path says where --proto files are/],
    [[...base, '--descriptors', cert], 65, /./],
  ];
  for (const [args, exit, sentence] of cases) {
    const { code, stderr } = await runCli(args);
    expect({ args, code, stderr }).toEqual({ args, code: exit, stderr: expect.stringMatching(sentence) });
    expect(stderr).toMatch(/^gardenhose: [^\n]*\n$/);
  }
});

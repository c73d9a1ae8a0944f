// A service that is recorded, in a process of its own: everything it writes, and says on its standard output and error, is
// searched afterwards. It answers as its parent tells it, by messages.

import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import { createRecorder, fileSink } from '@gardenhose/core';
import { tapServer as tapCalls, tapChannel } from '@gardenhose/grpc-adapter';
import { markExchange, tapServer } from '@gardenhose/http-adapter';
import * as grpc from '@grpc/grpc-js';

/**
 * @typedef {import('./position.ts').Answer} Answer
 * @typedef {import('./position.ts').Told} Told
 * @typedef {import('./position.ts').Call} Call
 * @typedef {{
 *   file: import('@gardenhose/core').FileSinkOptions,
 *   recorder: Partial<import('@gardenhose/core').RecorderOptions>,
 *   tls: { key: string, cert: string },
 *   marksCases: boolean,
 * }} Setup
 * @typedef {{ type: 'case', number: number, answer?: Answer, mark?: readonly [string, string], told?: Told, call?: Call }} Case
 */

/** @type {Setup} */
const setup = JSON.parse(process.argv[2] ?? '');
process.on('SIGXFSZ', () => undefined);
const recorder = createRecorder({ service: 'leaks', sink: fileSink(setup.file), ...setup.recorder });
/** @type {Case} */
let current = { type: 'case', number: 0 };

/** @param {object} message */
const say = (message) => process.send?.(message);

/**
 * @param {import('@gardenhose/http-adapter').NodeRequest} req
 * @param {import('@gardenhose/http-adapter').NodeResponse} res
 */
function serve(req, res) {
  const { answer, mark, number } = current;
  if (setup.marksCases) markExchange(req, 'leak-case', String(number));
  if (mark !== undefined) markExchange(req, mark[0], mark[1]);
  req.on('error', () => undefined);
  req.on('data', () => say({ type: 'arrived' }));
  req.on('end', () => respond(res, answer ?? { pieces: ['ok'] }));
}

/** @param {import('@gardenhose/http-adapter').NodeResponse} res @param {Answer} answer */
function respond(res, answer) {
  res.sendDate = false;
  if (answer.early !== undefined) res.writeEarlyHints({ ...answer.early });
  const headers = (answer.headers ?? []).flat();
  if (answer.reason === undefined) res.writeHead(answer.status ?? 200, headers);
  else res.writeHead(answer.status ?? 200, answer.reason, headers);
  for (const piece of answer.pieces ?? []) {
    if (answer.hex === true) res.write(piece, 'hex');
    else res.write(Buffer.from(piece, 'latin1'));
  }
  if (answer.trailers !== undefined) res.addTrailers({ ...answer.trailers });
  if (answer.destroys === true) res.write('', () => setImmediate(() => res.destroy()));
  else res.end();
}

/** What a tap of another protocol would do. @param {Told} told */
function tell(told) {
  if (told.schema !== undefined) recorder.describe(Buffer.from(told.schema, 'base64'));
  const tap = recorder.begin({
    direction: 'inbound',
    protocol: 'http',
    lane: '1',
    scheme: 'http',
    version: '1.1',
    method: 'GET',
    target: '/',
    headers: [],
    ...told.start,
  });
  if (setup.marksCases) tap?.mark('leak-case', String(current.number));
  for (const [side, kind, data] of told.messages ?? []) tap?.message(side, kind, Buffer.from(data, 'latin1'));
  tap?.end('request');
  tap?.headers(200, 'OK', '1.1', []);
  if (told.trailers !== undefined) tap?.trailers('response', told.trailers);
  tap?.end('response');
}

/** The recorder, with a note of the case on each exchange. @type {import('@gardenhose/core').TapTarget} */
const noting = {
  begin(start) {
    const tap = recorder.begin(start);
    if (setup.marksCases) tap?.mark('leak-case', String(current.number));
    return tap;
  },
  tapFailed: (error) => recorder.tapFailed(error),
};

/** @param {readonly (readonly [string, string])[]} [list] */
function metadataOf(list = []) {
  const metadata = new grpc.Metadata();
  for (const [name, value] of list)
    metadata.add(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  return metadata;
}

/** @param {Buffer} message */
const bytes = (message) => message;
const codecs = {
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
/** @param {string} path @param {boolean} requestStream @param {boolean} responseStream */
const methodOf = (path, requestStream, responseStream) => ({
  path,
  requestStream,
  responseStream,
  ...codecs,
});

const service = {
  get: methodOf('/test.Service/Get', false, false),
  upload: methodOf('/test.Service/Upload', true, false),
  list: methodOf('/test.Service/List', false, true),
  chat: methodOf('/test.Service/Chat', true, true),
  // A method that takes any number of messages, and answers with any.
  call: methodOf('/test.Service/Call', true, true),
  other: methodOf('/test.Service/Other', true, true),
  wrong: methodOf('/test.Wrong/Call', true, true),
  old: methodOf('/old.Service/Call', true, true),
};

/**
 * @param {grpc.ServerUnaryCall<Buffer, Buffer> | grpc.ServerDuplexStream<Buffer, Buffer>} call
 * @param {grpc.sendUnaryData<Buffer>} [callback]
 */
function answerCall(call, callback) {
  const { metadata, messages = [], code = 0, details = '', trailers } = current.call?.answer ?? {};
  const behind = metadataOf(trailers);
  const done = () => {
    const parts = messages.map((message) => Buffer.from(message, 'latin1'));
    const error = code === 0 ? null : { code, details, metadata: behind };
    if (callback !== undefined) callback(error, parts[0] ?? Buffer.alloc(0), behind);
    else if ('write' in call) {
      for (const part of parts) call.write(part);
      if (error === null) call.end(behind);
      else call.emit('error', error);
    }
  };
  call.on('error', () => undefined);
  if (metadata !== undefined) call.sendMetadata(metadataOf(metadata));
  if ('resume' in call && !('request' in call)) call.resume().on('end', done);
  else done();
}

/** @param {grpc.Server} server */
function answerAll(server) {
  const names = Object.keys(service);
  server.addService(service, Object.fromEntries(names.map((name) => [name, answerCall])));
  return new Promise((resolve) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_, port) => resolve(port));
  });
}

/** A call that the service itself makes. @param {Call} call */
function makeCall({ path, headers, pieces }) {
  const metadata = metadataOf(
    Object.entries(headers).map(([name, value]) => /** @type {const} */ ([name, String(value)])),
  );
  const call = client.makeBidiStreamRequest(path, bytes, bytes, metadata);
  call.on('error', () => undefined);
  call.resume();
  for (const piece of pieces) call.write(Buffer.from(piece, 'latin1'));
  call.end();
  return new Promise((resolve) => call.on('status', resolve));
}

/** @param {import('node:net').Server} server */
function portOf(server) {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const calls = new grpc.Server();
tapCalls(calls, noting);
const other = new grpc.Server();
const callPort = await answerAll(calls);
const client = new grpc.Client(`127.0.0.1:${await answerAll(other)}`, grpc.credentials.createInsecure(), {
  ...tapChannel(noting, { grpc }),
});

const servers = [
  createServer(serve),
  createServer({ insecureHTTPParser: true, requireHostHeader: false }, serve),
  createSecureServer({ ...setup.tls }, serve),
];
for (const server of servers) {
  tapServer(server, recorder);
  server.on('upgrade', (req, socket) => {
    const { answer, mark, number } = current;
    if (setup.marksCases) markExchange(req, 'leak-case', String(number));
    if (mark !== undefined) markExchange(req, mark[0], mark[1]);
    socket.on('error', () => undefined).resume();
    const headers = [['Upgrade', 'websocket'], ['Connection', 'Upgrade'], ...(answer?.headers ?? [])];
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`, 'latin1');
    for (const piece of answer?.pieces ?? []) socket.write(piece, 'latin1');
    socket.end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
}
const pages = createHttp2Server(serve);
tapServer(pages, recorder);
await new Promise((resolve) => pages.listen(0, '127.0.0.1', () => resolve(undefined)));
await recorder.ready;

process.on('message', async (/** @type {Case | { type: 'close' | 'flush' }} */ message) => {
  if (message.type === 'case') {
    current = message;
    if (message.told !== undefined) tell(message.told);
    if (message.call !== undefined) recorder.describe(Buffer.from(message.call.schema, 'base64'));
    if (message.call?.outbound === true) await makeCall(message.call);
    say({ type: 'ready' });
  } else if (message.type === 'flush') {
    await recorder.flush();
    say({ type: 'flushed', stats: recorder.stats() });
  } else {
    client.close();
    calls.forceShutdown();
    other.forceShutdown();
    pages.close();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    const before = recorder.stats();
    const after = await recorder.close();
    say({ type: 'closed', stats: [before, after] });
    process.disconnect();
  }
});
say({
  type: 'listening',
  ports: [...servers.map(portOf), callPort, portOf(pages)],
});

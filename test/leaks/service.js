// A service that is recorded, in a process of its own: everything it writes, and says on its standard output and error, is
// searched afterwards. It answers as its parent tells it, by messages.

import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRecorder, fileSink } from '@gardenhose/core';
import { markExchange, tapServer } from '@gardenhose/http-adapter';

/**
 * @typedef {import('./position.ts').Answer} Answer
 * @typedef {import('./position.ts').Told} Told
 * @typedef {{
 *   file: import('@gardenhose/core').FileSinkOptions,
 *   recorder: Partial<import('@gardenhose/core').RecorderOptions>,
 *   tls: { key: string, cert: string },
 *   marksCases: boolean,
 * }} Setup
 * @typedef {{ type: 'case', number: number, answer?: Answer, mark?: readonly [string, string], told?: Told }} Case
 */

/** @type {Setup} */
const setup = JSON.parse(process.argv[2] ?? '');
process.on('SIGXFSZ', () => undefined);
const recorder = createRecorder({ service: 'leaks', sink: fileSink(setup.file), ...setup.recorder });
/** @type {Case} */
let current = { type: 'case', number: 0 };

/** @param {object} message */
const say = (message) => process.send?.(message);

/** @param {import('node:http').IncomingMessage} req @param {import('node:http').ServerResponse} res */
function serve(req, res) {
  const { answer, mark, number } = current;
  if (setup.marksCases) markExchange(req, 'leak-case', String(number));
  if (mark !== undefined) markExchange(req, mark[0], mark[1]);
  req.on('error', () => undefined);
  req.on('data', () => say({ type: 'arrived' }));
  req.on('end', () => respond(res, answer ?? { pieces: ['ok'] }));
}

/** @param {import('node:http').ServerResponse} res @param {Answer} answer */
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

const servers = [
  createServer(serve),
  createServer({ insecureHTTPParser: true, requireHostHeader: false }, serve),
  createSecureServer({ ...setup.tls }, serve),
];
for (const server of servers) {
  tapServer(server, recorder);
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
}
await recorder.ready;

process.on('message', async (/** @type {Case | { type: 'close' | 'flush' }} */ message) => {
  if (message.type === 'case') {
    current = message;
    if (message.told !== undefined) tell(message.told);
    say({ type: 'ready' });
  } else if (message.type === 'flush') {
    await recorder.flush();
    say({ type: 'flushed', stats: recorder.stats() });
  } else {
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
  ports: servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }),
});

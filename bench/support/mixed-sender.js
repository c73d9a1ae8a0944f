// A process that sends the mixed traffic of bench/replay-lag.js: as a replay (`ours`), or the plain way (`plain`), with a
// timer for each piece from the start, and Node's clients.
import { Agent, request } from 'node:http';
import { connect } from 'node:http2';
import { byProtocol, replay } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { createSender as createGrpcSender } from '@gardenhose/grpc-adapter';
import { createSender } from '@gardenhose/http-adapter';
import { chatPath, framed, mixedFor, pieceOf, readsForMs } from './mixed-load.js';

/** @typedef {import('./mixed-load.js').Mixed} Mixed */

const upload = ['Host', 'shop.example', 'Content-Type', 'text/plain', 'Transfer-Encoding', 'chunked'];
const read = ['Host', 'shop.example', 'Accept', 'text/event-stream'];
const call = ['content-type', 'application/grpc', 'te', 'trailers'];

/** @param {Mixed} mixed @returns {import('@gardenhose/core').Exchange} */
function exchangeOf({ id, kind, lane, atNs, pieces }) {
  const [first, ...rest] = pieces;
  const lastAt = atNs + (pieces.at(-1)?.offsetNs ?? 0);
  const common = { id, lane, startAt: atNs };
  const target = `/n${first?.number}`;
  if (kind === 'reader') {
    const endAt = atNs + readsForMs * 1e6;
    const abort = { at: endAt, by: /** @type {const} */ ('client'), code: 'ECONNRESET' };
    return anExchange({ ...common, endAt, abort, request: { target, headers: read }, response: null });
  }
  const endAt = lastAt + 1e6;
  if (kind === 'chat') {
    const messages = pieces.map(({ number, offsetNs }) => {
      const data = pieceOf(number);
      return {
        ...{ at: atNs + offsetNs, seq: number, kind: 0, size: data.length, data },
        state: /** @type {const} */ ('kept'),
      };
    });
    return anExchange({
      ...{ ...common, endAt, protocol: 'grpc', response: null },
      request: { method: 'POST', target: chatPath, version: '2', headers: call, messages, endAt: lastAt },
    });
  }
  const chunks = rest.map(({ number, offsetNs }) => {
    const data = pieceOf(number);
    return { at: atNs + offsetNs, size: data.length, data };
  });
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  return anExchange({
    ...{ ...common, endAt },
    request: { method: 'POST', target, headers: upload, chunks, size, endAt: lastAt },
    response: { at: endAt, endAt },
  });
}

/** @param {Mixed[]} all @param {number} port @param {number} grpcPort */
async function sendPlainly(all, port, grpcPort) {
  /** @type {Map<string, Agent>} */
  const agents = new Map();
  const session = connect(`http://127.0.0.1:${grpcPort}`);
  const from = performance.now() + 200;
  /** @param {Mixed} one @param {number} piece @param {() => void} run */
  const atPiece = ({ atNs, pieces }, piece, run) =>
    setTimeout(run, from + (atNs + (pieces[piece]?.offsetNs ?? 0)) / 1e6 - performance.now());
  /** @param {Mixed} one @param {(value?: unknown) => void} over */
  const send = (one, over) => {
    const { kind, lane, pieces } = one;
    const number = pieces[0]?.number ?? 0;
    if (kind === 'chat') {
      const stream = session.request({
        ':method': 'POST',
        ':path': chatPath,
        'content-type': 'application/grpc',
      });
      stream.on('error', over).on('close', over).resume();
      for (const [place, piece] of pieces.entries()) {
        const last = place === pieces.length - 1;
        const write = () => stream[last ? 'end' : 'write'](framed(pieceOf(piece.number)));
        if (place === 0) write();
        else atPiece(one, place, write);
      }
      return;
    }
    const agent = agents.get(lane) ?? new Agent({ keepAlive: true });
    agents.set(lane, agent);
    const method = kind === 'reader' ? 'GET' : 'POST';
    const sent = request({ ...{ host: '127.0.0.1', port, path: `/n${number}`, agent, method } });
    sent.on('error', over).on('close', over);
    sent.on('response', (response) => response.on('error', over).resume());
    if (kind === 'reader') {
      sent.end();
      setTimeout(() => sent.destroy(), readsForMs);
      return;
    }
    sent.flushHeaders();
    for (const [place, piece] of pieces.entries()) {
      const last = place === pieces.length - 1;
      if (place > 0) atPiece(one, place, () => sent[last ? 'end' : 'write'](pieceOf(piece.number)));
    }
  };
  await Promise.all(all.map((one) => new Promise((over) => atPiece(one, 0, () => send(one, over)))));
  session.close();
  for (const agent of agents.values()) agent.destroy();
}

const [mode, port, grpcPort, seconds] = process.argv.slice(2);
const all = mixedFor(Number(seconds));
if (mode === 'ours') {
  const target = byProtocol({
    http: createSender(`http://127.0.0.1:${port}`),
    grpc: createGrpcSender(`http://127.0.0.1:${grpcPort}`),
  });
  const { run, timing } = await replay(all.map(exchangeOf), target, { ownProcessor: 'auto' });
  await target.close();
  tell(timing, run?.ownProcessor === true);
} else {
  await sendPlainly(all, Number(port), Number(grpcPort));
  tell(undefined, false);
}

/** @param {import('@gardenhose/core').Report['timing'] | undefined} timing @param {boolean} ownProcessor */
function tell(timing, ownProcessor) {
  const { user, system } = process.cpuUsage();
  const { lag, messageLag } = timing ?? {};
  process.send?.({ lag, messageLag, ownProcessor, cpuMs: (user + system) / 1e3 }, () => process.disconnect());
}

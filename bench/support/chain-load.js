// The requests of bench/correlated-lag.js: those of bench/replay-lag.js, each naming the id that the answer before it in its lane told.
import { createHash } from 'node:crypto';
import { headersOf, poisson } from './replay-load.js';

/** What the server takes, as it was recorded: the next of a lane comes milliseconds after that. */
const takesNs = 1e6;
const filling = {
  customer: 'somebody',
  lines: Array.from({ length: 12 }, (_, i) => ({ place: i, name: 'a line of it', amount: 4 })),
};

/** About a kilobyte, as many services answer. @param {string} id */
export const answerBody = (id) => JSON.stringify({ id, state: 'open', ...filling });

/** @param {number} rate @param {number} seconds @returns {{ planned: import('./replay-load.js').Planned[], events(one: import('./replay-load.js').Planned): import('@gardenhose/core').CaptureEvent[] }} */
export function chains(rate, seconds) {
  const planned = poisson(rate, seconds);
  /** @type {Map<number, number>} */
  const last = new Map();
  const before = planned.map(({ number, lane }) => {
    const known = last.get(lane);
    last.set(lane, number);
    return known;
  });
  return {
    planned,
    events(one) {
      const known = before[one.number];
      const target = `/n${one.number}/${known === undefined ? 'first' : idOf(known)}`;
      const exchange = one.number + 1;
      const from = { seq: 0, at: one.atNs, exchange };
      const to = { seq: 0, at: one.atNs + takesNs, exchange };
      const body = Buffer.from(answerBody(idOf(one.number)));
      /** @type {{ state: 'kept', complete: boolean }} */
      const said = { state: 'kept', complete: true };
      return [
        {
          ...{
            type: 'start',
            ...from,
            sampleRate: 1,
            direction: 'inbound',
            protocol: 'http',
            lane: `c${one.lane}`,
          },
          ...{
            scheme: 'http',
            version: '1.1',
            method: 'GET',
            target,
            operation: '/n/:number/:id',
            headers: headersOf(one),
          },
        },
        { type: 'end', ...from, side: 'request', size: 0, ...said },
        {
          ...{ type: 'headers', ...to, status: 200, reason: 'OK', version: '1.1' },
          headers: ['Content-Type', 'application/json', 'Content-Length', String(body.length)],
        },
        { type: 'chunk', ...to, side: 'response', size: body.length },
        { type: 'body', ...to, side: 'response', data: body, ends: [body.length] },
        { type: 'end', ...to, side: 'response', size: body.length, ...said },
      ];
    },
  };
}

/** @param {number} number */
const idOf = (number) => createHash('sha256').update(String(number)).digest('base64url').slice(0, 16);

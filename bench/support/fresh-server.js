// A server of bench/correlated-lag.js: each answer tells a fresh id, which the next request of its client must name. It stamps arrivals
// on the clock that all processes of a machine share, and reads no more of HTTP than it must. Run as a child process.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { answerBody } from './chain-load.js';

/** @typedef {{ type: 'begin', zero: [number, number], count: number } | { type: 'stop' }} ToServer */

const asked = /GET \/n(\d+)\/(\S+) HTTP/;
const headEnd = '\r\n\r\n';

/** @type {[number, number]} */
let zero = process.hrtime();
/** Nanoseconds since zero, by number of the request: NaN for those that did not come. */
let arrivals = new Float64Array(0);
/** Requests that named an id which this server has not told. */
let wrong = 0;
/** @type {Set<string>} */
let told = new Set();

const server = createServer({ noDelay: true }, (socket) => {
  let held = '';
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    const [seconds, nanos] = process.hrtime(zero);
    held += data;
    for (let end = held.indexOf(headEnd); end >= 0; end = held.indexOf(headEnd)) {
      const [, number = '', id = ''] = asked.exec(held.slice(0, end)) ?? [];
      held = held.slice(end + headEnd.length);
      arrivals[Number(number)] = seconds * 1e9 + nanos;
      if (id !== 'first' && !told.has(id)) wrong++;
      const next = randomBytes(12).toString('base64url');
      told.add(next);
      const body = answerBody(next);
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    }
  });
});

process.on('message', (/** @type {ToServer} */ message) => {
  if (message.type === 'begin') {
    zero = message.zero;
    arrivals = new Float64Array(message.count).fill(Number.NaN);
    wrong = 0;
    told = new Set();
    process.send?.({ type: 'ready' });
  } else process.send?.({ type: 'arrivals', arrivals: [...arrivals], wrong });
});
process.on('disconnect', () => process.exit(0));

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
});

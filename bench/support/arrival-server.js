// A server that stamps when each request arrives, on the clock that all processes of a machine share. It reads no more of
// HTTP than it must, so that its own work does not show in the stamps. Run as a child process, spoken to by its channel.
import { createServer } from 'node:net';

/** @typedef {{ type: 'begin', zero: [number, number], count: number } | { type: 'stop' }} ToServer */

const answer = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"answer":"ok"}',
);
const headEnd = Buffer.from('\r\n\r\n');

/** @type {[number, number]} */
let zero = process.hrtime();
/** Nanoseconds since `zero`, by number of the request: NaN for those that did not come. */
let arrivals = new Float64Array(0);
let cpu = process.cpuUsage();

const server = createServer({ noDelay: true }, (socket) => {
  let held = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    const [seconds, nanos] = process.hrtime();
    const at = (seconds - zero[0]) * 1e9 + (nanos - zero[1]);
    held = held.length === 0 ? data : Buffer.concat([held, data]);
    for (let end = held.indexOf(headEnd); end >= 0; end = held.indexOf(headEnd)) {
      const number = Number(held.toString('latin1', held.indexOf('/n') + 2, held.indexOf(' HTTP/')));
      if (number < arrivals.length) arrivals[number] = at;
      socket.write(answer);
      held = held.subarray(end + headEnd.length);
    }
  });
});

process.on('message', (/** @type {ToServer} */ message) => {
  if (message.type === 'begin') {
    zero = message.zero;
    arrivals = new Float64Array(message.count).fill(Number.NaN);
    cpu = process.cpuUsage();
    process.send?.({ type: 'ready' });
  } else {
    const { user, system } = process.cpuUsage(cpu);
    process.send?.({ type: 'arrivals', arrivals: [...arrivals], serverMs: (user + system) / 1e3 });
  }
});
process.on('disconnect', () => process.exit(0));

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object')
    process.send?.({ type: 'listening', port: address.port });
});

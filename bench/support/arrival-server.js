// A server that stamps when each request arrives, on the clock that all processes of a machine share. It reads no more of
// HTTP than it must, so that its own work does not show in the stamps. Run as a child process, spoken to by its channel.
import { createServer } from 'node:net';

/** @typedef {{ type: 'begin', zero: [number, number], count: number } | { type: 'stop' }} ToServer */

const answer = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"answer":"ok"}',
);
const start = Buffer.from('GET /n');
const headEnd = Buffer.from('\r\n\r\n');
const nothing = Buffer.alloc(0);

/** What to add to `performance.now()`, which leaves no garbage, for milliseconds since the zero that was told. */
let offsetMs = 0;
/** Nanoseconds since zero, by number of the request: NaN for those that did not come. */
let arrivals = new Float64Array(0);
let cpu = process.cpuUsage();

/** Both clocks are one, of other origins. The shortest of some looks has the least between its two readings. @param {[number, number]} zero */
function offsetTo(zero) {
  let shortest = Number.POSITIVE_INFINITY;
  let offset = 0;
  for (let look = 0; look < 100; look++) {
    const before = performance.now();
    const [seconds, nanos] = process.hrtime();
    const after = performance.now();
    if (after - before >= shortest) continue;
    shortest = after - before;
    offset = (seconds - zero[0]) * 1e3 + (nanos - zero[1]) / 1e6 - (before + after) / 2;
  }
  return offset;
}

/** @param {Buffer} data @param {number} from */
function numberAt(data, from) {
  let number = 0;
  for (let at = from + start.length; ; at++) {
    const digit = (data[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return number;
    number = number * 10 + digit;
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  let held = nothing;
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    const at = (performance.now() + offsetMs) * 1e6;
    const bytes = held.length === 0 ? data : Buffer.concat([held, data]);
    let from = 0;
    for (let end = bytes.indexOf(headEnd); end >= 0; end = bytes.indexOf(headEnd, from)) {
      const number = numberAt(bytes, from);
      if (number < arrivals.length) arrivals[number] = at;
      socket.write(answer);
      from = end + headEnd.length;
    }
    held = from === bytes.length ? nothing : bytes.subarray(from);
  });
});

process.on('message', (/** @type {ToServer} */ message) => {
  if (message.type === 'begin') {
    offsetMs = offsetTo(message.zero);
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

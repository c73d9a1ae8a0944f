// A gRPC server that stamps when each message arrives, on the clock that all processes of a machine share, and sends it back. On
// HTTP/2 itself, so that its own work shows little in the stamps. Run as a child process, spoken to by its channel.
import { createServer } from 'node:http2';
import { unaryPath } from './grpc-replay-load.js';

/** @typedef {{ type: 'begin', zero: [number, number], count: number } | { type: 'stop' }} ToServer */

/** @type {[number, number]} */
let zero = [0, 0];
/** Nanoseconds since zero, by number of the message: NaN for those that did not come. */
let arrivals = new Float64Array(0);

const head = { ':status': 200, 'content-type': 'application/grpc' };
const trailers = { 'grpc-status': '0' };

const server = createServer();
server.on('stream', (stream, headers) => {
  const chat = headers[':path'] !== unaryPath;
  /** @type {Buffer} */
  let held = Buffer.alloc(0);
  stream.respond(head, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.on('error', () => stream.destroy());
  stream.on('data', (/** @type {Buffer} */ data) => {
    const [seconds, nanos] = process.hrtime();
    const at = (seconds - zero[0]) * 1e9 + (nanos - zero[1]);
    held = held.length === 0 ? data : Buffer.concat([held, data]);
    while (held.length >= 5) {
      const end = 5 + held.readUInt32BE(1);
      if (held.length < end) return;
      const number = held.readUInt32BE(5);
      if (number < arrivals.length) arrivals[number] = at;
      if (chat) stream.write(held.subarray(0, end));
      else stream.end(held.subarray(0, end));
      held = held.subarray(end);
    }
  });
  stream.on('end', () => {
    if (chat) stream.end();
  });
});

process.on('message', (/** @type {ToServer} */ message) => {
  if (message.type === 'begin') {
    zero = message.zero;
    arrivals = new Float64Array(message.count).fill(Number.NaN);
    process.send?.({ type: 'ready' });
  } else {
    process.send?.({ type: 'arrivals', arrivals: [...arrivals] });
  }
});
process.on('disconnect', () => process.exit(0));

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object')
    process.send?.({ type: 'listening', port: address.port });
});

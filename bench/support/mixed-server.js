// A server of HTTP/1.1 and, on another port, of HTTP/2 that stamps when each piece of the mixed traffic arrives, on the clock that all
// processes of a machine share. It reads no more than it must. Run as a child process, spoken to by its channel.
import { once } from 'node:events';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer } from 'node:net';

/** @typedef {{ type: 'begin', zero: [number, number], count: number } | { type: 'stop' }} ToServer */

/** @type {[number, number]} */
let zero = [0, 0];
/** Nanoseconds since zero, by number of the piece: NaN for those that did not come. */
let arrivals = new Float64Array(0);

/** Stamps all pieces that these bytes tell of. @param {Buffer} data */
function stamp(data) {
  const [seconds, nanos] = process.hrtime();
  const at = (seconds - zero[0]) * 1e9 + (nanos - zero[1]);
  for (const [, digits] of data.toString('latin1').matchAll(/[/#]n(\d+)[ ;]/g)) {
    const number = Number(digits);
    if (number < arrivals.length) arrivals[number] = at;
  }
}

const plain = createServer({ noDelay: true }, (socket) => {
  /** @type {NodeJS.Timeout | undefined} */
  let telling;
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearInterval(telling));
  socket.on('data', (data) => {
    stamp(data);
    if (data.includes('GET /')) {
      socket.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      telling = setInterval(() => socket.write('e\r\ndata: tick 01\n\r\n'), 20);
    } else if (data.includes('\r\n0\r\n\r\n')) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    }
  });
});

const calls = createHttp2Server();
calls.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.on('error', () => stream.destroy());
  stream.on('data', (/** @type {Buffer} */ data) => {
    stamp(data);
    stream.write(data);
  });
  stream.on('end', () => stream.end());
});

process.on('message', (/** @type {ToServer} */ message) => {
  if (message.type === 'begin') {
    zero = message.zero;
    arrivals = new Float64Array(message.count).fill(Number.NaN);
    process.send?.({ type: 'ready' });
  } else {
    process.send?.({ type: 'arrivals', arrivals: [...arrivals], serverMs: 0 });
  }
});
process.on('disconnect', () => process.exit(0));

/** @param {import('node:net').Server | import('node:http2').Http2Server} server */
async function portOf(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
}
process.send?.({ type: 'listening', port: await portOf(plain), grpcPort: await portOf(calls) });

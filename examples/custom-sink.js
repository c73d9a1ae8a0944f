// A sink of one's own: masked events as lines of JSON. In its place could stand a queue, a database or a socket.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRecorder } from '@gardenhose/core';
import { tapServer } from '@gardenhose/http-adapter';

/** @type {import('@gardenhose/core').SinkSource} */
const lines = {
  // Opened once, with what the capture says of itself.
  open(header) {
    console.log(JSON.stringify({ type: 'header', service: header.service, policy: header.policy.name }));
    return {
      // Takes events in order; a promise would ask the recorder to wait.
      write(events) {
        for (const event of events) {
          const { type, seq } = event;
          console.log(JSON.stringify({ type, seq, ...(type === 'headers' ? { status: event.status } : {}) }));
        }
      },
      async flush() {},
      async close() {
        console.log(JSON.stringify({ type: 'closed' }));
      },
    };
  },
};

// Without a module that a worker could load, the pipeline stays on this thread.
const recorder = createRecorder({ service: 'orders', sink: lines });
const server = createServer((_req, res) => res.writeHead(204).end());
tapServer(server, recorder);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
await fetch(
  `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/orders/1`,
);
server.close();
server.closeAllConnections();
await recorder.close();

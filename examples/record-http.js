// Records a service from inside. Only the two marked lines are Gardenhose's.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRecorder, fileSink } from '@gardenhose/core';
import { attach } from '@gardenhose/http-adapter';

const path = process.argv[2] ?? 'orders.hose';

const recorder = createRecorder({ service: 'orders', sink: fileSink({ path, overwrite: true }) }); // 1
attach(recorder); // 2: every HTTP server of this process

// The service: it knows nothing of it.
const server = createServer((req, res) => {
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify({ path: req.url, email: 'ada@example.com' }));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;

for (const id of [1, 2, 3]) {
  const response = await fetch(`http://127.0.0.1:${port}/orders/${id}`);
  console.log('the client gets', await response.text());
}
server.close();
server.closeAllConnections();

const stats = await recorder.close();
console.log(`${stats.recorded} exchanges recorded to ${path}, ${stats.masked} values masked`);

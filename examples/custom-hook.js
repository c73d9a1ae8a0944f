// Hooks while recording: health checks are left out, and each exchange carries its tenant as a mark.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { assemble, createRecorder, headerValue, memorySink } from '@gardenhose/core';
import { tapServer } from '@gardenhose/http-adapter';

/** @type {import('@gardenhose/core').RecordHooks} */
const hooks = {
  onExchange(start, context) {
    if (start.target === '/health') {
      context.drop();
      return;
    }
    context.mark('tenant', headerValue(start.headers, 'host')?.split('.')[0] ?? 'none');
  },
};

const sink = memorySink();
const recorder = createRecorder({
  service: 'orders',
  sink,
  hooks,
  // A header that the service knows to be harmless is kept as it is; every other unknown one becomes a token.
  mask: { version: 1, rules: [{ id: 'orders/host', at: 'header:host', mask: 'keep' }] },
});

const server = createServer((_req, res) => res.end('ok'));
tapServer(server, recorder);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;
for (const [host, path] of [
  ['red.localhost', '/orders/1'],
  ['red.localhost', '/health'],
  ['blue.localhost', '/orders/2'],
]) {
  const asked = request({ port, host: '127.0.0.1', path, headers: { host } }).end();
  const [response] = await once(asked, 'response');
  await once(response.resume(), 'end');
}
server.close();
const stats = await recorder.close();

for await (const exchange of assemble(sink.events)) {
  const marks = exchange.marks.map(({ name, value }) => `${name}=${value}`).join(' ');
  console.log(`${exchange.request.method} ${exchange.request.target}  ${marks}`);
}
console.log(`${stats.hookDrops} left out by the hook`);

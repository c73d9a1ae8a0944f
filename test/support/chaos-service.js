// A recorded service to which something bad happens: `chaos-service.js WHAT FILE`. It asks itself, before and after that, checks
// every answer, and prints what came of it.
import { rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createRecorder, fileSink } from '@gardenhose/core';
import { attach } from '@gardenhose/http-adapter';

const [what = '', path = ''] = process.argv.slice(2);
const body = 'x'.repeat(2000);
const hooks = {
  'hook-throws': `onEvent: () => { throw new Error('hunter2'); }`,
  'hook-hangs': `onExchange: () => new Promise(() => {})`,
  'worker-stuck': `onExchange: () => { for (;;); }`,
  'worker-killed': `onExchange: () => process.exit(1)`,
}[what];
const module = `export const createHooks = () => ({ ${hooks} });`;

const recorder = createRecorder({
  service: 'chaos',
  sink: fileSink({ path }),
  hooks: hooks === undefined ? undefined : { module: `data:text/javascript,${encodeURIComponent(module)}` },
  hookTimeoutMs: 5,
  flushWaitMs: what === 'worker-stuck' ? 200 : 20_000,
  closeWaitMs: what === 'worker-stuck' ? 200 : 20_000,
  maxBufferedBytes: 4 << 20,
});
recorder.ready.catch(() => undefined);
attach(recorder);

const server = createServer((req, res) => {
  req.resume();
  req.on('end', () => res.end(`${req.url} ${body}`));
});
server.listen(0, '127.0.0.1', run);

/** @param {number} port @param {string} asked @returns {Promise<boolean>} */
function answers(port, asked) {
  return new Promise((resolve) => {
    const req = request({ port, host: '127.0.0.1', path: asked, method: 'POST' }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (piece) => (text += piece));
      res.on('end', () => resolve(res.statusCode === 200 && text === `${asked} ${body}`));
      res.on('error', () => resolve(false));
    });
    req.on('error', () => resolve(false));
    req.end(body);
  });
}

async function run() {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  let answered = 0;
  const ask = async (/** @type {number} */ times) => {
    for (let i = 0; i < times; i += 4) {
      const four = [0, 1, 2, 3].map((n) => answers(port, `/orders/${answered}-${n}`));
      answered += (await Promise.all(four)).filter(Boolean).length;
    }
  };
  await ask(80);
  await recorder.flush();
  if (what === 'file-deleted') rmSync(path);
  if (what === 'clock-back') {
    const now = Date.now;
    Date.now = () => now() - 3_600_000;
  }
  if (what === 'killed') process.kill(process.pid, 'SIGKILL');
  await ask(80);
  await recorder.flush();
  const { state } = recorder.stats();
  const stats = await recorder.close();
  server.closeAllConnections();
  server.close();
  process.stdout.write(JSON.stringify({ answered, state, stats }));
}

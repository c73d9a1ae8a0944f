// Kills a recording service at random moments and looks at what is left.
//
//   node test/soak/kill-9.js [--times 200] [--seed 1]
//
// For every kill: the capture opens, every exchange that `recorder.flush()` had confirmed is in it and whole, and
// `recoverCapture` makes a file of it that `verifyCapture` calls complete. Ends with status 1 at the first that does not.

import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRecorder, fileSink, openCapture, recoverCapture, verifyCapture } from '@gardenhose/core';
import { attach } from '@gardenhose/http-adapter';

const child = process.env.KILL_9_CAPTURE;
if (child === undefined) await parent();
else await record(child);

/** The service that will be killed: answers its own requests for ever, and says after each flush how far it was. @param {string} path */
async function record(path) {
  const recorder = createRecorder({ service: 'kill-9', sink: fileSink({ path }) });
  attach(recorder);
  const server = createServer((req, res) => {
    req.resume();
    res.end(JSON.stringify({ path: req.url, filler: 'x'.repeat(2000) }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  for (let done = 0; ; ) {
    for (let batch = 0; batch < 20; batch += 1) {
      await Promise.all([1, 2, 3, 4].map(() => get(port, `/thing/${done}`)));
      done += 4;
    }
    await recorder.flush();
    process.send?.({ flushed: done });
  }
}

/** @param {number} port @param {string} path */
function get(port, path) {
  return new Promise((resolve, reject) => {
    const req = request({ port, path, host: '127.0.0.1' }, (res) => {
      res.on('end', () => resolve(undefined));
      res.resume();
    });
    req.on('error', reject);
    req.end();
  });
}

async function parent() {
  const { values } = parseArgs({
    options: { times: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
  });
  let randomState = Number(values.seed);
  const random = () => {
    randomState = (Math.imul(randomState, 1664525) + 1013904223) >>> 0;
    return randomState / 2 ** 32;
  };
  const folder = mkdtempSync(join(tmpdir(), 'kill-9-'));
  let whole = 0;
  let kept = 0;
  for (let time = 1; time <= Number(values.times); time += 1) {
    const path = join(folder, `${time}.hose`);
    const flushed = await killed(path, 1 + random() * 400);
    const found = await wholeExchanges(path);
    if (found < flushed)
      throw new Error(`kill ${time}: ${flushed} exchanges were flushed, ${found} are in the capture`);
    const clean = join(folder, `${time}.clean.hose`);
    await recoverCapture(path, clean);
    const { state } = await verifyCapture(clean);
    if (state !== 'complete') throw new Error(`kill ${time}: the recovered capture is ${state}`);
    if ((await wholeExchanges(clean)) !== found) throw new Error(`kill ${time}: recovery lost exchanges`);
    whole += found;
    kept += flushed;
    rmSync(path);
    rmSync(clean);
  }
  rmSync(folder, { recursive: true });
  console.log(
    `${values.times} kills: ${kept} exchanges confirmed by flush(), ${whole} found whole, every recovery complete`,
  );
}

/**
 * Starts a recording service and kills it some time after its first flush.
 *
 * @param {string} path
 * @param {number} afterMs
 * @returns {Promise<number>} How many exchanges the last confirmed flush held.
 */
function killed(path, afterMs) {
  return new Promise((resolve, reject) => {
    let flushed = 0;
    const service = fork(import.meta.filename, { env: { ...process.env, KILL_9_CAPTURE: path } });
    service.on('message', (/** @type {{ flushed: number }} */ message) => {
      if (flushed === 0) setTimeout(() => service.kill('SIGKILL'), afterMs);
      flushed = message.flushed;
    });
    service.on('error', reject);
    service.on('exit', (code, signal) => {
      if (signal === 'SIGKILL') resolve(flushed);
      else reject(new Error(`the recording service ended by itself with status ${code}`));
    });
  });
}

/** @param {string} path */
async function wholeExchanges(path) {
  const capture = await openCapture(path);
  let count = 0;
  for await (const exchange of capture.exchanges()) if (exchange.partial.length === 0) count += 1;
  await capture.close();
  return count;
}

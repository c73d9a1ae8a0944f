// A process that sends what bench/replay-lag.js measures: a replay of a capture (`ours`), or the same requests the plain way
// (`plain`). Of its own, so that what the benchmark itself holds in memory delays neither.
import { Agent, request } from 'node:http';
import { replay } from '@gardenhose/http-adapter';
import { headersOf, lanes, poisson } from './replay-load.js';

/** @typedef {import('./replay-load.js').Planned} Planned */

/** The usual way: a timer for each request from the start, and Node's client. @param {Planned[]} planned @param {number} port */
async function sendPlainly(planned, port) {
  const agents = Array.from({ length: lanes }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const from = performance.now() + 100;
  await Promise.all(
    planned.map(
      (one) =>
        new Promise((resolve, reject) => {
          const headers = headersOf(one);
          setTimeout(
            () => {
              const sent = request({
                ...{ host: '127.0.0.1', port, path: `/n${one.number}`, agent: agents[one.lane], headers },
              });
              sent.on('response', (response) => response.resume().on('end', resolve));
              sent.on('error', reject);
              sent.end();
            },
            from + one.atNs / 1e6 - performance.now(),
          );
        }),
    ),
  );
  for (const agent of agents) agent.destroy();
}

const [mode, port, ...rest] = process.argv.slice(2);
if (mode === 'ours') {
  const { timing } = await replay(rest[0] ?? '', `http://127.0.0.1:${port}`);
  tell(timing.lag);
} else {
  await sendPlainly(poisson(Number(rest[0]), Number(rest[1])), Number(port));
  tell(undefined);
}

/** @param {import('@gardenhose/core').Report['timing']['lag'] | undefined} lag */
function tell(lag) {
  const { user, system } = process.cpuUsage();
  process.send?.({ lag, cpuMs: (user + system) / 1e3 }, () => process.disconnect());
}

// A process that sends what bench/replay-throughput.js measures, and tells how fast it was. Of its own, so that what the benchmark
// itself holds in memory slows down nothing.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { emptyExchange, replayExchanges } from '@gardenhose/core';
import { createSender, replay } from '@gardenhose/http-adapter';
import autocannon from 'autocannon';
import { headersOf } from './replay-load.js';

const [mode, ...args] = process.argv.slice(2);

/** @param {string | undefined} port */
const originOf = (port) => `http://127.0.0.1:${port}`;

/** @param {object} facts */
function tell(facts) {
  process.send?.(facts, () => process.disconnect());
}

/** @param {number} ms */
function cpuPercent(ms) {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3 / ms / 0.01;
}

if (mode === 'replay') {
  const from = performance.now();
  const { exchanges, timing, errors } = await replay(args[1] ?? '', originOf(args[0]), { pace: 'asap' });
  if (exchanges.answered !== exchanges.total) throw new Error(JSON.stringify(errors));
  tell({
    perSecond: exchanges.answered / (timing.actualMs / 1e3),
    cpuPercent: cpuPercent(performance.now() - from),
  });
} else if (mode === 'autocannon') {
  const headers = headersOf({ number: 0, lane: 0, atNs: 0 });
  /** @type {Record<string, string>} */
  const fields = {};
  for (let i = 0; i < headers.length; i += 2) fields[headers[i] ?? ''] = headers[i + 1] ?? '';
  const from = performance.now();
  const { '2xx': answered, duration } = await autocannon({
    ...{ url: `${originOf(args[0])}/n0`, connections: Number(args[1]), duration: Number(args[2]) },
    headers: fields,
  });
  tell({ perSecond: answered / duration, cpuPercent: cpuPercent(performance.now() - from) });
} else if (mode === 'exact') {
  tell({ different: await differentHeads(Number(args[0])) });
} else {
  /** @type {number[]} */
  const samples = [];
  const sampling = setInterval(() => samples.push(process.memoryUsage.rss() / 2 ** 20), 20);
  const { exchanges } = await replay(args[1] ?? '', originOf(args[0]), { pace: 'asap' });
  clearInterval(sampling);
  const half = samples.length >> 1;
  tell({
    ...{ earlierMb: Math.max(...samples.slice(0, half)), laterMb: Math.max(...samples.slice(half)) },
    missing: exchanges.total - exchanges.answered,
  });
}

/**
 * Sends some heads as they were recorded, at full rate, to a server that keeps what comes. How many came otherwise?
 * @param {number} lanes
 */
async function differentHeads(lanes) {
  /** @type {string[]} */
  const came = [];
  const server = createServer((socket) => {
    let held = '';
    socket.on('data', (data) => {
      held += data.toString('latin1');
      for (let end = held.indexOf('\r\n\r\n'); end >= 0; end = held.indexOf('\r\n\r\n')) {
        came.push(held.slice(0, end));
        held = held.slice(end + 4);
        socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      }
    });
    socket.on('error', () => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const sender = createSender(originOf(String(typeof address === 'object' ? address?.port : '')), {
    host: 'recorded',
  });
  const recorded = Array.from({ length: 200 }, (_, number) => {
    const headers = headersOf({ number, lane: number % lanes, atNs: 0 });
    // Repeated, of odd case, and in an order of its own.
    headers.push('x-ODD', '1', 'X-odd', ' two', 'Accept', `text/x-${number}`);
    return { number, headers };
  });
  const run = replayExchanges(
    recorded.map(({ number, headers }) => ({
      ...{ ...emptyExchange, id: number + 1, lane: `c${number % lanes}`, startAt: number * 1_000 },
      request: { ...emptyExchange.request, target: `/n${number}`, headers },
    })),
    sender,
    { pace: 'asap', mark: false, guard: { keepCredentials: true } },
  );
  for await (const { entry } of run.results) {
    if (entry.outcome !== 'answered') throw new Error(JSON.stringify(entry));
  }
  server.close();
  const heads = recorded.map(({ number, headers }) => {
    const fields = [];
    for (let i = 0; i < headers.length; i += 2) fields.push(`${headers[i]}: ${headers[i + 1]}`);
    return `GET /n${number} HTTP/1.1\r\n${fields.join('\r\n')}`;
  });
  const exact = new Set(came);
  return heads.filter((head) => !exact.has(head)).length;
}

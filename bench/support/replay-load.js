// The requests of bench/replay-lag.js: the same in each run, and in each process that sends them.

/** @typedef {{ number: number, lane: number, atNs: number }} Planned */

export const lanes = 50;
/** A client does not ask again while it reads the answer. */
const laneRestMs = 5;

/** A random number generator with a seed (mulberry32): each run measures the same requests. @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {number} rate @param {number} seconds @returns {Planned[]} */
export function poisson(rate, seconds) {
  const next = random(rate);
  /** @type {Planned[]} */
  const planned = [];
  const restsUntil = new Float64Array(lanes);
  const count = rate * seconds;
  for (let atNs = 0, number = 0; number < count; number++) {
    let lane = Math.floor(next() * lanes);
    while ((restsUntil[lane] ?? 0) > atNs) lane = (lane + 1) % lanes;
    restsUntil[lane] = atNs + laneRestMs * 1e6;
    planned.push({ number, lane, atNs: Math.round(atNs) });
    atNs += (-Math.log(1 - next()) / rate) * 1e9;
  }
  return planned;
}

/** About 700 bytes of head, as browsers send. @param {Planned} planned */
export function headersOf({ lane }) {
  return [
    ...['Host', 'shop.example', 'Connection', 'keep-alive', 'Accept', 'application/json, text/plain, */*'],
    ...[
      'User-Agent',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36',
    ],
    ...['Accept-Encoding', 'gzip, deflate, br, zstd', 'Accept-Language', 'en-GB,en;q=0.9,de;q=0.8'],
    ...['Referer', 'https://shop.example/orders?page=3', 'X-Session', `session-${lane}`.padEnd(200, 'x')],
  ];
}

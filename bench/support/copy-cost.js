// What it costs to copy a body into the memory that a recorder shares with its thread.

const bodyBytes = 65_536;
const bufferBytes = 262_144;
const perBuffer = 3;

/**
 * @param {number} buffers that take turns: few stay in the processor's cache, many do not
 * @returns {number} microseconds for a body of 64 kB, the least of some rounds
 */
export function copyCost(buffers) {
  const body = Buffer.from('the garden hose '.repeat(bodyBytes / 16));
  const pool = Array.from({ length: buffers }, () => Buffer.from(new SharedArrayBuffer(bufferBytes)).fill(1));
  const count = Math.max(2000, 3 * buffers * perBuffer);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round += 1) {
    const from = process.hrtime.bigint();
    for (let i = 0; i < count; i += 1) {
      const place = i % (buffers * perBuffer);
      const to = (place % perBuffer) * (bodyBytes + 256);
      // As the recorder does it.
      pool[Math.floor(place / perBuffer)]?.fill(body, to, to + bodyBytes);
    }
    least = Math.min(least, Number(process.hrtime.bigint() - from) / count / 1000);
  }
  return least;
}

// What is made of processor time that was measured in turns: of a server without recording, and of one with.

/**
 * @typedef {import('./overhead-sides.js').Cpu} Cpu
 * @typedef {import('../run.js').Measure} Measure
 * @typedef {[bare: Cpu, recorded: Cpu]} Pair
 */

/**
 * @template Side
 * @param {Side} off
 * @param {Side} on
 * @param {(side: Side) => Promise<Cpu>} measure one round of one of them
 * @param {{ pairs: number, seconds: number }} most a busy machine ends it sooner, after five pairs at least
 */
export async function pairsOf(off, on, measure, most) {
  /** @type {Pair[]} */
  const pairs = [];
  const until = performance.now() + most.seconds * 1000;
  for (let i = 0; i < most.pairs && (i < 5 || performance.now() < until); i += 1) {
    if (i % 2 === 0) {
      const bare = await measure(off);
      pairs.push([bare, await measure(on)]);
    } else {
      const recorded = await measure(on);
      pairs.push([await measure(off), recorded]);
    }
  }
  return pairs;
}

/**
 * Of all rounds together: a round of large bodies takes one of two times, as the client reads in time or not.
 * @param {Pair[]} pairs
 */
export const totalRatio = (pairs) =>
  pairs.reduce((sum, [, recorded]) => sum + recorded.thread, 0) /
  pairs.reduce((sum, [bare]) => sum + bare.thread, 0);

/** @param {string} name @param {Pair[]} pairs @returns {Measure[]} */
export function quartiles(name, pairs) {
  const ratios = pairs.map(([bare, recorded]) => recorded.thread / bare.thread);
  return [
    { name: `${name}, lower quartile`, value: quantile(ratios, 0.25), unit: 'x' },
    { name: `${name}, upper quartile`, value: quantile(ratios, 0.75), unit: 'x' },
  ];
}

/** @param {Float64Array} sorted @param {number} share */
export const at = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
/** @param {number[]} values @param {number} share */
const quantile = (values, share) => at(Float64Array.from(values).sort(), share);
/** @param {number[]} values */
export const median = (values) => quantile(values, 0.5);

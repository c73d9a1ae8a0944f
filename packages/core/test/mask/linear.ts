import { expect } from 'vitest';

const short = 8 << 10;
const long = 128 << 10;
const most = 128;
/** Below it the clock and the machine say more than the code does. */
const quickMs = 25;

/** Sixteen times the length may take sixteen times as long, and more for noise; its square would be 256 times. */
export function expectLinear(
  what: string,
  before: string,
  seed: string,
  run: (text: string) => unknown,
): void {
  const text = (length: number) => before + seed.repeat(Math.ceil(length / seed.length));
  const timeOf = (value: string) => processorMs(() => run(value));
  const longText = text(long);
  let longMs = timeOf(longText);
  if (longMs < quickMs) return;
  let growth = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 4 && growth > most; round++) {
    const shortText = text(short);
    const shortMs = Math.max(Math.min(timeOf(shortText), timeOf(shortText), timeOf(shortText)), quickMs / 32);
    longMs = Math.min(longMs, timeOf(longText));
    growth = longMs / shortMs;
  }
  expect(growth, `${what}: ${longMs.toFixed(0)} ms for ${long} characters`).toBeLessThan(most);
}

/** What it takes of the processor: not the time on the clock, in which others run as well. */
export function processorMs(run: () => unknown): number {
  const start = process.cpuUsage();
  run();
  return process.cpuUsage(start).user / 1000;
}

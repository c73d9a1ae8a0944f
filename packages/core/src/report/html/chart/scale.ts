import { duration } from '../figures.ts';

/** Where a value lies on an axis, and what is written beside it. */
export interface Scale {
  at(value: number): number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

/** From `0` to a round number over `max`. `from` and `to` are places in the picture. */
export function linearScale(
  max: number,
  from: number,
  to: number,
  label: (value: number) => string,
  most = 5,
): Scale {
  const step = roundStep(Math.max(max, 1e-6) / most);
  const end = Math.max(step, Math.ceil(max / step - 1e-9) * step);
  const length = Math.round(end / step);
  return {
    at: (value) => from + (to - from) * Math.min(1, Math.max(0, value / end)),
    ticks: Array.from({ length: length + 1 }, (_, i) => ({ value: i * step, label: label(i * step) })),
  };
}

/** Time since the start of the run: ticks at round times, the end where the run ended. */
export function timeScale(endMs: number, from: number, to: number): Scale {
  const end = Math.max(endMs, 1e-3);
  const step = timeSteps.find((ms) => end / ms <= 9) ?? roundStep(end / 9);
  const length = Math.floor(end / step + 1e-9) + 1;
  return {
    at: (value) => from + (to - from) * Math.min(1, Math.max(0, value / end)),
    ticks: Array.from({ length }, (_, i) => ({ value: i * step, label: tickTime(i * step) })),
  };
}

/** Durations on a logarithmic scale, ticks at powers of ten of a microsecond. */
export function durationScale(minMs: number, maxMs: number, from: number, to: number): Scale {
  const first = Math.floor(Math.log10(Math.max(1e-3, minMs)) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(1e-3, maxMs)) - 1e-9));
  return {
    at: (ms) => {
      const share = (Math.log10(Math.max(1e-9, ms)) - first) / (last - first);
      return from + (to - from) * Math.min(1, Math.max(0, share));
    },
    ticks: Array.from({ length: last - first + 1 }, (_, i) => {
      const value = 10 ** (first + i);
      return { value, label: wholeDuration(value) };
    }),
  };
}

const minute = 60_000;
const hour = 60 * minute;
const timeSteps = [
  0.1,
  0.2,
  0.5,
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1_000,
  2_000,
  5_000,
  10_000,
  20_000,
  30_000,
  minute,
  2 * minute,
  5 * minute,
  10 * minute,
  20 * minute,
  30 * minute,
  hour,
  2 * hour,
  6 * hour,
  12 * hour,
  24 * hour,
  48 * hour,
  120 * hour,
  240 * hour,
];

function tickTime(ms: number): string {
  if (ms === 0) return '0';
  if (ms < 1_000) return `${Number(ms.toFixed(1))} ms`;
  if (ms < minute) return `${Number((ms / 1_000).toFixed(1))} s`;
  if (ms < hour) {
    const seconds = Math.round((ms % minute) / 1_000);
    return `${Math.floor(ms / minute)}:${String(seconds).padStart(2, '0')}`;
  }
  return `${Number((ms / hour).toFixed(1))} h`;
}

function wholeDuration(ms: number): string {
  if (ms < 0.9) return `${Math.round(ms * 1e3)} µs`;
  return ms < 900 ? `${Math.round(ms)} ms` : duration(ms).replace('.00', '').replace('.0 ', ' ');
}

/** The next of 1, 2, 5, 10, … */
function roundStep(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}

import type { ReplayProgress } from '@gardenhose/core';

/** How much a replay has to do, where that is known. */
export interface ReplayExtent {
  readonly exchanges: number;
  /** From the first planned send to the last; 0 without a plan. */
  readonly durationMs: number;
}

const barCells = 24;
const parts = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/**
 * How far a replay has come, in one line: as a bar where there are `columns`, else in words. What does not fit in the columns is
 * left out from the end, the bar first.
 */
export function replayProgressLine(
  now: ReplayProgress,
  extent: ReplayExtent | undefined,
  columns?: number,
): string {
  const { answered, failed, elapsedMs, perSecond, lagP99Ms, underWay, pace } = now;
  const share = extent === undefined ? undefined : shareDone(now, extent);
  const percent = share === undefined ? `${answered + failed} done` : `${Math.floor(100 * share)} %`;
  const facts = [
    `${rate(perSecond)}/s`,
    ...(pace === 'asap' ? [] : [`lag p99 ${milliseconds(lagP99Ms)}`]),
    `${underWay} under way`,
    `${failed} failed`,
    share === undefined ? clock(elapsedMs) : timeLeft(now, extent, share),
  ];
  if (columns === undefined) return `replay: ${percent}, ${facts.join(', ')}`;
  const words = `${percent.padStart(5)}  ${facts.join('  ')}`;
  const cells = Math.min(barCells, columns - words.length - 1);
  return share === undefined || cells < 5 ? words : `${bar(share, cells)} ${words}`;
}

/** By the time of the plan, which runs evenly; by exchanges where there is none, or it is over. */
function shareDone(
  { elapsedMs, answered, failed, skipped }: ReplayProgress,
  { exchanges, durationMs }: ReplayExtent,
): number {
  if (elapsedMs < durationMs) return elapsedMs / durationMs;
  const left = [...skipped.values()].reduce((sum, count) => sum + count, 0);
  return exchanges === 0 ? 1 : Math.min(1, (answered + failed + left) / exchanges);
}

function timeLeft({ elapsedMs }: ReplayProgress, extent: ReplayExtent | undefined, share: number): string {
  const planned = extent?.durationMs ?? 0;
  if (elapsedMs < planned) return `${clock(planned - elapsedMs)} left`;
  if (planned > 0) return 'past the plan';
  if (share === 0) return clock(elapsedMs);
  return `${clock((elapsedMs * (1 - share)) / share)} left`;
}

function bar(share: number, cells: number): string {
  const eighths = Math.round(share * cells * 8);
  const full = '█'.repeat(eighths >> 3) + (parts[eighths & 7] ?? '');
  return full + '░'.repeat(Math.max(0, cells - Math.ceil(eighths / 8)));
}

function rate(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

function milliseconds(ms: number): string {
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 1 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}

/** `0:07`, `12:30`, `1:02:03`. */
function clock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  const rest = two(seconds % 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
}

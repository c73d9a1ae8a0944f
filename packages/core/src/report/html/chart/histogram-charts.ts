import type { HistogramSummary } from '../../histogram.ts';
import { count, duration, percent } from '../figures.ts';
import { html, type Markup } from '../markup.ts';
import { legend, line, type Point, place, plot, plotArea, steps } from './plot.ts';
import { durationScale, linearScale, type Scale } from './scale.ts';

const width = 510;
const height = 250;
const area = plotArea(width, height);
const perDoubling = 4;

/** A distribution to draw. */
export interface Distribution {
  readonly tone: string;
  readonly name: string;
  readonly summary: HistogramSummary;
}

/** How durations were distributed: the first as an area, the others as lines. Nothing for those without a duration. */
export function histogramChart(
  id: string,
  title: string,
  distributions: readonly Distribution[],
): Markup | undefined {
  const shown = distributions.filter(({ summary }) => summary.buckets.length > 0);
  if (shown.length === 0) return undefined;
  const bounds = shown.flatMap(({ summary }) => summary.buckets.map(({ upToMs }) => upToMs));
  const x = durationScale(
    Math.min(...bounds) / 2 ** (1 / perDoubling),
    Math.max(...bounds),
    area.left,
    area.right,
  );
  const most = Math.max(
    ...shown.flatMap(({ summary }) => summary.buckets.map((one) => one.count / summary.count)),
  );
  const y = linearScale(100 * most, area.bottom, area.top, (value) => `${Number(value.toFixed(2))} %`);
  const marks = shown.flatMap(({ tone, summary }, i) => {
    const outline = outlineOf(summary, x, y);
    return i === 0
      ? [
          steps(tone, outline, outline.at(-1)?.x ?? 0, area.bottom),
          steps(tone, outline, outline.at(-1)?.x ?? 0),
        ]
      : [steps(tone, outline, outline.at(-1)?.x ?? 0)];
  });
  return html`${shown.length > 1 && legend(shown)}${plot({
    id,
    title,
    description: shown.map(described).join(' '),
    width,
    height,
    x,
    y,
    xLabel: 'duration (logarithmic)',
    yLabel: 'share',
    marks: [...marks, ...(shown.length === 1 ? shown.flatMap(({ summary }) => guides(summary, x)) : [])],
  })}`;
}

/** Durations by percentile, the last ones drawn apart: half of the picture is the slowest tenth. */
export function percentileChart(
  id: string,
  title: string,
  distributions: readonly Distribution[],
): Markup | undefined {
  const shown = distributions.filter(({ summary }) => summary.buckets.length > 0);
  if (shown.length === 0) return undefined;
  const counts = Math.max(...shown.map(({ summary }) => summary.count));
  const x = tailScale(counts);
  const values = shown.flatMap(({ summary }) => [summary.p50Ms, summary.maxMs]);
  const y = durationScale(Math.min(...values) / 2, Math.max(...values), area.bottom, area.top);
  return html`${legend(shown)}${plot({
    id,
    title,
    description: shown.map(described).join(' '),
    width,
    height,
    x,
    y,
    xLabel: 'percentile (the tail drawn apart)',
    yLabel: 'up to',
    marks: shown.map(({ tone, summary }) => line(tone, curveOf(summary, x, y))),
  })}`;
}

/** Nines: 90 % at 1, 99 % at 2, 99.9 % at 3. */
function tailScale(counts: number): Scale {
  const nines = Math.min(5, Math.max(1.3, Math.log10(counts)));
  const at = (share: number) =>
    area.left + ((area.right - area.left) * Math.min(nines, -Math.log10(1 - share))) / nines;
  const ticks = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999].filter((share) => -Math.log10(1 - share) <= nines);
  return { at, ticks: ticks.map((value) => ({ value, label: `${Number((100 * value).toFixed(3))} %` })) };
}

/** Where the counts of buckets and the exact percentiles say the curve runs. */
function curveOf(summary: HistogramSummary, x: Scale, y: Scale): Point[] {
  const { count: all, buckets, minMs, p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = summary;
  let below = 0;
  const known = buckets.map(({ upToMs, count: some }) => {
    below += some;
    return { share: below / all, ms: Math.min(upToMs, maxMs) };
  });
  const exact = [
    { share: 0, ms: minMs },
    { share: 0.5, ms: p50Ms },
    { share: 0.9, ms: p90Ms },
    { share: 0.99, ms: p99Ms },
    { share: 0.999, ms: p999Ms },
  ].filter(({ share }) => share <= 1 - 1 / all);
  let highest = 0;
  return [...known, ...exact]
    .sort((a, b) => a.share - b.share || a.ms - b.ms)
    .map(({ share, ms }) => {
      highest = Math.max(highest, ms);
      return { x: x.at(share), y: y.at(highest) };
    });
}

/** The top of the histogram: where buckets are missing, it goes down to the axis. */
function outlineOf({ buckets, count: all }: HistogramSummary, x: Scale, y: Scale): Point[] {
  const points: Point[] = [];
  for (const { upToMs, count: some } of buckets) {
    const from = x.at(upToMs / 2 ** (1 / perDoubling));
    const last = points.at(-1);
    // Bounds are cut to whole nanoseconds, so neighbours meet within a unit.
    if (last !== undefined && from - last.x < 1) points.pop();
    points.push({ x: last !== undefined && from - last.x < 1 ? last.x : from, y: y.at((100 * some) / all) });
    points.push({ x: x.at(upToMs), y: y.at(0) });
  }
  return points;
}

function guides({ p50Ms, p99Ms }: HistogramSummary, x: Scale): Markup[] {
  return [
    ['p50', p50Ms, area.top + 10],
    ['p99', p99Ms, area.top + 24],
  ].map(([name, ms, top]) => {
    const at = place(x.at(Number(ms)));
    const near = at > area.right - 40;
    return html`<line class="guide" x1="${at}" x2="${at}" y1="${area.top}" y2="${area.bottom}"/><text class="tick" x="${near ? at - 4 : at + 4}" y="${top}" text-anchor="${near ? 'end' : 'start'}">${name}</text>`;
  });
}

function described({ name, summary }: Distribution): string {
  const { count: all, p50Ms, p99Ms, maxMs, buckets } = summary;
  const widest = buckets.reduce((most, one) => (one.count > most.count ? one : most), {
    upToMs: 0,
    count: 0,
  });
  return `${name}: ${count(all)} durations, half up to ${duration(p50Ms)}, 99 % up to ${duration(p99Ms)}, the longest ${duration(maxMs)}; the fullest bucket, up to ${duration(widest.upToMs)}, holds ${percent(widest.count, all)}.`;
}

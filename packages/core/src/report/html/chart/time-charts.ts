import type { SendTimes } from '../../send-sample.ts';
import type { RunSeries } from '../../time-series.ts';
import { count, duration } from '../figures.ts';
import { html, type Markup } from '../markup.ts';
import { type Area, legend, line, type Point, place, plot, plotArea, steps } from './plot.ts';
import { durationScale, linearScale, type Scale, timeScale } from './scale.ts';

const width = 1_040;
const height = 240;
const lowHeight = 190;
const area: Area = plotArea(width, height);
const runTime = 'time since the start of the run';

/** Exchanges per second: planned, sent, failed. */
export function rateChart(series: RunSeries): Markup {
  const { bucketMs, planned, sent, failed } = joined(series, 8);
  // The last may be made of fewer.
  const lastMs = endOf(series) - bucketMs * (sent.length - 1);
  const perSecond = (counts: readonly number[]) =>
    counts.map((value, i) => (value * 1_000) / (i === counts.length - 1 ? lastMs : bucketMs));
  const rates = { planned: perSecond(planned), sent: perSecond(sent), failed: perSecond(failed) };
  const x = timeOf(series);
  const y = linearScale(greatest([...rates.planned, ...rates.sent]), area.bottom, area.top, count);
  const points = (values: readonly number[]) => pointsOf(values, bucketMs, x, y);
  const hasPlan = planned.some((value) => value > 0);
  const hasFailures = failed.some((value) => value > 0);
  return html`${legend([
    ...(hasPlan ? [{ tone: 'planned', name: 'planned' }] : []),
    { tone: 'sent', name: 'sent' },
    ...(hasFailures ? [{ tone: 'failed', name: 'failed' }] : []),
  ])}${plot({
    id: 'rate',
    title: 'Exchanges per second',
    description: `Sent at most ${count(Math.round(greatest(rates.sent)))} per second${hasPlan ? `, planned at most ${count(Math.round(greatest(rates.planned)))}` : ''}, in buckets of ${duration(bucketMs)}.`,
    width,
    height,
    x,
    y,
    xLabel: runTime,
    yLabel: 'per second',
    marks: [
      steps('sent', points(rates.sent), x.at(endOf(series)), area.bottom),
      steps('sent', points(rates.sent), x.at(endOf(series))),
      hasPlan ? steps('planned', points(rates.planned), x.at(endOf(series))) : html``,
      hasFailures ? steps('failed', points(rates.failed), x.at(endOf(series))) : html``,
    ],
  })}`;
}

/** How many exchanges waited for their answers at a time. */
export function inFlightChart(series: RunSeries): Markup {
  const { bucketMs, inFlight } = joined(series, 2);
  const lower = plotArea(width, lowHeight);
  const x = timeOf(series);
  const y = linearScale(greatest(inFlight), lower.bottom, lower.top, count, 4);
  const points = pointsOf(inFlight, bucketMs, x, y);
  return plot({
    id: 'in-flight',
    title: 'Exchanges in flight',
    description: `Sent and not yet answered: at most ${count(Number(greatest(inFlight).toFixed(1)))} in the mean of ${duration(bucketMs)}.`,
    width,
    height: lowHeight,
    x,
    y,
    xLabel: runTime,
    yLabel: 'in flight',
    marks: [
      steps('flight', points, x.at(endOf(series)), lower.bottom),
      steps('flight', points, x.at(endOf(series))),
    ],
  });
}

/** How late sends left: a dot for each sampled one, a ring for the worst, and the 99th percentile of lag. */
export function latenessChart(sends: SendTimes, series: RunSeries): Markup {
  const { sampled, worst } = sends;
  const { bucketMs, lagP99Ms, sent } = joined(series, 8);
  const dots = sampled.plannedMs.map((plannedMs, i) => {
    const blockedMs = sampled.blockedMs[i] ?? 0;
    const lateMs = (sampled.sentMs[i] ?? plannedMs) - plannedMs;
    return { plannedMs, lateMs, blocked: blockedMs > lateMs / 2 && blockedMs > 0.1 };
  });
  const lates = [...dots.map(({ lateMs }) => lateMs), ...worst.map(({ lagMs }) => lagMs), ...lagP99Ms];
  const x = timeOf(series);
  const y = durationScale(leastOver(lates, 1e-3), greatest(lates), area.bottom, area.top);
  const dot = (tone: string, atMs: number, lateMs: number, radius: number) =>
    html`<circle class="dot ${tone}" cx="${place(x.at(atMs))}" cy="${place(y.at(lateMs))}" r="${radius}"/>`;
  const hasBlocked = dots.some(({ blocked }) => blocked);
  return html`${legend([
    { tone: 'sent', name: `one of ${count(dots.length)} sends`, shape: 'dot' },
    ...(hasBlocked
      ? [{ tone: 'blocked', name: 'late because they waited for an answer', shape: 'dot' } as const]
      : []),
    { tone: 'lag99', name: 'p99 of lag, by time of sending' },
    { tone: 'worst', name: 'the worst lag of all', shape: 'dot' },
  ])}${plot({
    id: 'lateness',
    title: 'Planned against actual send times',
    description: `How long after its planned time each of ${count(dots.length)} sampled sends left. The worst lag of all sends was ${duration(worst[0]?.lagMs ?? 0)}.`,
    width,
    height,
    x,
    y,
    xLabel: 'planned time',
    yLabel: 'actual minus planned',
    marks: [
      ...dots.map(({ plannedMs, lateMs, blocked }) =>
        dot(blocked ? 'blocked' : 'sent', plannedMs, lateMs, 2),
      ),
      line(
        'lag99',
        lagP99Ms.map((ms, i) =>
          (sent[i] ?? 0) === 0 ? undefined : { x: x.at((i + 0.5) * bucketMs), y: y.at(ms) },
        ),
      ),
      ...worst.map(({ plannedMs, lagMs }) => dot('worst', plannedMs, lagMs, 4)),
    ],
  })}`;
}

/** Service and response time while the run went on. */
export function latencyChart(series: RunSeries): Markup {
  const { bucketMs, serviceP50Ms, serviceP99Ms, responseP99Ms } = joined(series, 8);
  const all = [...serviceP50Ms, ...serviceP99Ms, ...responseP99Ms].filter((ms) => ms > 0);
  if (all.length === 0) return html``;
  const x = timeOf(series);
  const y = durationScale(leastOver(all, 1e-3), greatest(all), area.bottom, area.top);
  const along = (tone: string, values: readonly number[]) =>
    line(
      tone,
      values.map((ms, i) => (ms === 0 ? undefined : { x: x.at((i + 0.5) * bucketMs), y: y.at(ms) })),
    );
  const hasResponse = responseP99Ms.some((ms) => ms > 0);
  return html`${legend([
    { tone: 'median', name: 'service time, p50' },
    { tone: 'service', name: 'service time, p99' },
    ...(hasResponse ? [{ tone: 'response', name: 'response time, p99' }] : []),
  ])}${plot({
    id: 'latency',
    title: 'Latency during the run',
    description: `The 99th percentile of service time was at most ${duration(greatest(serviceP99Ms))} in any ${duration(bucketMs)}.`,
    width,
    height,
    x,
    y,
    xLabel: runTime,
    yLabel: 'to the end of the answer',
    marks: [
      hasResponse ? along('response', responseP99Ms) : html``,
      along('service', serviceP99Ms),
      along('median', serviceP50Ms),
    ],
  })}`;
}

const mostBuckets = 160;

/**
 * The series with neighbouring buckets joined, so that there are no more than can be told apart, and each has a few sends.
 * Of percentiles the highest stands for those joined.
 */
function joined(series: RunSeries, sendsEach: number): RunSeries {
  const length = series.sent.length;
  const sends = sum(series.sent);
  const most = Math.max(1, Math.min(mostBuckets, Math.ceil(sends / sendsEach)));
  const each = Math.ceil(length / most);
  if (each === 1) return series;
  const join = (values: readonly number[], of: (some: readonly number[]) => number) =>
    Array.from({ length: Math.ceil(length / each) }, (_, i) => of(values.slice(i * each, (i + 1) * each)));
  const mean = (some: readonly number[]) => sum(some) / some.length;
  return {
    bucketMs: series.bucketMs * each,
    planned: join(series.planned, sum),
    sent: join(series.sent, sum),
    answered: join(series.answered, sum),
    failed: join(series.failed, sum),
    inFlight: join(series.inFlight, mean),
    lagP99Ms: join(series.lagP99Ms, greatest),
    lagMaxMs: join(series.lagMaxMs, greatest),
    serviceP50Ms: join(series.serviceP50Ms, greatest),
    serviceP99Ms: join(series.serviceP99Ms, greatest),
    responseP99Ms: join(series.responseP99Ms, greatest),
  };
}

function pointsOf(values: readonly number[], bucketMs: number, x: Scale, y: Scale): Point[] {
  return values.map((value, i) => ({ x: x.at(i * bucketMs), y: y.at(value) }));
}

function endOf({ bucketMs, sent }: RunSeries): number {
  return bucketMs * sent.length;
}

function timeOf(series: RunSeries): Scale {
  return timeScale(endOf(series), area.left, area.right);
}

function greatest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

function leastOver(values: readonly number[], bound: number): number {
  const over = values.filter((value) => value > bound);
  return over.length === 0 ? bound : over.reduce((least, value) => Math.min(least, value));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

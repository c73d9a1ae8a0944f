import type { HistogramSummary } from '../../histogram.ts';
import type { Report } from '../../report.ts';
import { histogramChart, percentileChart } from '../chart/histogram-charts.ts';
import { inFlightChart, latencyChart, latenessChart, rateChart } from '../chart/time-charts.ts';
import { count, counted, duration } from '../figures.ts';
import { html, type Markup } from '../markup.ts';
import { table } from '../table.ts';

/** Whether the schedule was held: planned against actual send times, lag, blocked time, order. */
export function scheduleSection(report: Report): Markup {
  const { series, sends, timing, order } = report;
  const planned = timing.lag.count > 0;
  const charts = [
    histogramChart('lag', 'Lag', [{ tone: 'sent', name: 'lag', summary: timing.lag }]),
    histogramChart('blocked', 'Blocked time', [
      { tone: 'blocked', name: 'blocked', summary: timing.blocked },
      { tone: 'median', name: 'messages blocked in their call', summary: timing.messageBlocked },
    ]),
  ].map(
    (chart, i) => chart && figure(i === 0 ? 'Lag' : 'Blocked time', chart, i === 0 ? lagWords : blockedWords),
  );
  const inversions = order.sendInversions + order.answerInversions;
  return html`<section id="schedule"><h2>Planned against actual send times</h2>
<p>${
    planned
      ? `Lag is how long after its planned time an exchange was sent, without the time it was blocked: waiting for an answer that its order asks for. Lag is the doing of the side that sends; blocked time is the target's.`
      : 'This run had no plan: each exchange was sent as soon as its order let it.'
  }</p>
${series && figure('Exchanges per second', rateChart(series), 'Exchanges per second, where they were planned and where they were sent. Where the two part, the schedule was not held.')}
${sends && series && figure('How late each was sent', latenessChart(sends, series), 'Each dot is one send of a sample that is spread evenly over the run; the worst of all sends are ringed.')}
<div class="pair">${charts}</div>
${histogramTable('Times of sending', [
  ['lag', timing.lag],
  ['lag of messages', timing.messageLag],
  ['blocked', timing.blocked],
  ['messages blocked in their call', timing.messageBlocked],
])}
${planned && html`<p>Drift, the median lag of the last 100 sends minus that of the first 100: ${duration(timing.driftMs)}.</p>`}
${
  order.pairs > 0 &&
  html`<p>Order: ${counted(inversions, 'inversion')} in ${counted(order.pairs, 'pair')} of exchanges within ${counted(order.lanes, 'lane')}, counted from actual times (${count(order.sendInversions)} sent in the other order, ${count(order.answerInversions)} sent before an answer that it had come after)${order.unchecked > 0 && `; ${counted(order.unchecked, 'exchange')} not checked`}.</p>`
}
${sends !== undefined && sends.worst.length > 0 && worstTable(sends.worst)}
</section>
`;
}

const lagWords =
  'How long after its planned time each exchange was sent, not counting the time it was blocked.';
const blockedWords = 'How long exchanges waited past their planned time for answers; of those that waited.';

/** How long answers took, then and now. */
export function latencySection({ series, timing }: Report): Markup {
  const distributions = [
    { tone: 'service', name: 'service time', summary: timing.serviceTime },
    { tone: 'response', name: 'response time', summary: timing.responseTime },
    { tone: 'recorded', name: 'recorded', summary: timing.recordedTime },
  ];
  const charts = [
    histogramChart('latencies', 'Latency', distributions),
    percentileChart('percentiles', 'Latency by percentile', distributions),
  ].map(
    (chart, i) =>
      chart &&
      (i === 0
        ? figure(
            'How often each latency came',
            chart,
            'On a logarithmic scale: equal widths are equal ratios.',
          )
        : figure('Latency by percentile', chart, percentileWords)),
  );
  return html`<section id="latency-s"><h2>Latency</h2>
<p>Service time runs from the <em>actual</em> send to the end of the answer. Response time runs from the <em>planned</em> send.
When a target stalls, requests that should have been sent meanwhile wait for it, and their service time, which begins when they are
sent at last, does not show that: the stall is counted once instead of once for each of them. That is called coordinated omission.
Response time counts the wait of each, as a user would have felt it; judge a target by it. Where both lie together, nothing was hidden.</p>
<div class="pair">${charts}</div>
${series && figure('Latency during the run', latencyChart(series), 'By the time at which they were sent. Of each piece of time the median, and the 99th percentiles.')}
${histogramTable('Latency of answered exchanges', [
  ['service time', timing.serviceTime],
  ['response time', timing.responseTime],
  ['recorded', timing.recordedTime],
])}
</section>
`;
}

const percentileWords =
  'How long the fastest so many percent took at most. The further the lines part at the right, the more waiting service time hides.';

/** How much was on its way at a time. */
export function loadSection({ series }: Report): Markup {
  if (series === undefined) return html``;
  return html`<section id="load"><h2>In flight</h2>
${figure('Exchanges in flight', inFlightChart(series), 'Exchanges that were sent and had not ended, in the mean of each piece of time. It grows when the target answers more slowly than it is asked.')}
${seriesTable(series)}
</section>
`;
}

function figure(title: string, chart: Markup, caption: string): Markup {
  return html`<figure><h3>${title}</h3>${chart}<figcaption>${caption}</figcaption></figure>`;
}

function histogramTable(caption: string, rows: readonly (readonly [string, HistogramSummary])[]): Markup {
  const shown = rows.filter(([, { count: all }]) => all > 0);
  if (shown.length === 0) return html``;
  return table({
    caption,
    columns: [
      { name: '', kind: 'text' },
      ...['count', 'least', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max'].map((name) => ({
        name,
        kind: 'number' as const,
      })),
    ],
    rows: shown.map(([name, { count: all, minMs, meanMs, p50Ms, p90Ms, p99Ms, p999Ms, maxMs }]) => [
      name,
      count(all),
      ...[minMs, meanMs, p50Ms, p90Ms, p99Ms, p999Ms, maxMs].map(duration),
    ]),
  });
}

function worstTable(worst: NonNullable<Report['sends']>['worst']): Markup {
  return html`<details><summary>The sends with the most lag</summary>${table({
    caption: 'The sends with the most lag',
    columns: [
      { name: 'exchange', kind: 'number' },
      { name: 'operation', kind: 'code' },
      { name: 'planned', kind: 'number' },
      { name: 'sent', kind: 'number' },
      { name: 'blocked', kind: 'number' },
      { name: 'lag', kind: 'number' },
    ],
    rows: worst.map(({ exchange, operation, plannedMs, sentMs, blockedMs, lagMs }) => [
      exchange,
      operation,
      ...[plannedMs, sentMs, blockedMs, lagMs].map(duration),
    ]),
  })}</details>`;
}

const mostRows = 40;

/** The figures behind the pictures, in as many rows as can be read. */
function seriesTable(series: NonNullable<Report['series']>): Markup {
  const each = Math.ceil(series.sent.length / mostRows);
  const rows = Array.from({ length: Math.ceil(series.sent.length / each) }, (_, i) => {
    const part = (values: readonly number[]) => values.slice(i * each, (i + 1) * each);
    const sum = (values: readonly number[]) => part(values).reduce((total, value) => total + value, 0);
    const most = (values: readonly number[]) => duration(part(values).reduce((a, b) => Math.max(a, b), 0));
    const flight = sum(series.inFlight) / Math.max(1, part(series.inFlight).length);
    return [
      duration(i * each * series.bucketMs),
      ...[series.planned, series.sent, series.answered, series.failed].map((values) => count(sum(values))),
      count(Number(flight.toFixed(1))),
      ...[series.lagMaxMs, series.serviceP50Ms, series.serviceP99Ms, series.responseP99Ms].map(most),
    ];
  });
  const names = [
    'from',
    'planned',
    'sent',
    'answered',
    'failed',
    'in flight',
    'most lag',
    'service p50',
    'service p99',
    'response p99',
  ];
  return html`<details><summary>The figures behind these pictures</summary>${table({
    caption: `Pieces of ${duration(each * series.bucketMs)}`,
    columns: names.map((name) => ({ name, kind: 'number' as const })),
    rows,
  })}</details>`;
}

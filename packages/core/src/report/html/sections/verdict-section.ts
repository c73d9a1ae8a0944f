import { adviceOf } from '../../advice.ts';
import type { Report } from '../../report.ts';
import { count, duration, percent } from '../figures.ts';
import { html, type Markup } from '../markup.ts';

const heads = ['Fine', 'Changed', 'Inconclusive'] as const;
const tones = ['good', 'bad', 'doubt'] as const;

const fidelityWords: Readonly<Record<Report['fidelity']['verdict'], string>> = {
  faithful: 'It was sent as it was recorded, in order and on time',
  'nothing-sent': 'Nothing was sent',
  'nothing-answered': 'Nothing was answered',
  stopped: 'It was stopped before its end',
  incomplete: 'Too much of the recorded traffic was missing',
  'out-of-order': 'It was not sent in the recorded order',
  'fell-behind': 'It was not sent on time',
  'held-up': 'It was not sent on time, since answers came late',
};

const comparisonWords: Readonly<Record<Report['comparison'], string>> = {
  off: 'answers were not compared',
  clean: 'answers were as recorded',
  changed: 'answers were different from those recorded',
  inconclusive: 'most answers could not be compared',
};

/** The verdict in words, its reasons and what can be done. */
export function verdictSection(report: Report): Markup {
  const { verdict, fidelity, comparison, reasons } = report;
  const advice = adviceOf(report);
  return html`<section class="verdict ${tones[verdict]}" id="verdict" aria-labelledby="verdict-h">
<h2 id="verdict-h">${heads[verdict]}</h2>
<p>${fidelityWords[fidelity.verdict]}; ${comparisonWords[comparison]}.</p>
${reasons.length > 0 && html`<h3>Why</h3><ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}
${advice.length > 0 && html`<h3>What to do</h3><ul>${advice.map((one) => html`<li>${one}</li>`)}</ul>`}
</section>
`;
}

/** The figures that are asked for first. */
export function tiles(report: Report): Markup {
  const { exchanges, timing, order, differences, run } = report;
  const planned = run?.pace !== 'asap';
  const inversions = order.sendInversions + order.answerInversions;
  const perSecond = timing.actualMs > 0 ? (exchanges.sent * 1_000) / timing.actualMs : undefined;
  const entries: (readonly [value: string, name: string, tone: string])[] = [
    [count(exchanges.sent), `sent of ${count(exchanges.total)} read`, exchanges.sent === 0 ? 'doubt' : ''],
    [
      count(exchanges.failed),
      `failed (${percent(exchanges.failed, exchanges.sent)})`,
      exchanges.failedUnlikeRecorded > 0 ? 'bad' : '',
    ],
  ];
  if (perSecond !== undefined) entries.push([count(Math.round(perSecond)), 'sent per second', '']);
  if (planned) {
    entries.push(
      [duration(timing.lag.p99Ms), 'p99 of lag', report.fidelity.verdict === 'fell-behind' ? 'doubt' : ''],
      [duration(timing.responseTime.p99Ms), 'p99 of response time', ''],
    );
  } else entries.push([duration(timing.serviceTime.p99Ms), 'p99 of service time', '']);
  entries.push([
    count(inversions),
    'order inversions',
    report.fidelity.verdict === 'out-of-order' ? 'doubt' : '',
  ]);
  if (differences !== undefined) {
    entries.push([
      count(differences.exchangesChanged),
      `answered differently of ${count(differences.compared)}`,
      differences.changed > 0 ? 'bad' : '',
    ]);
  }
  return html`<dl class="tiles">${entries.map(
    ([value, name, tone]) => html`<div class="${tone}"><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>
`;
}

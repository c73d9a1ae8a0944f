import { describePacing } from '../../../replay/pacing.ts';
import type { RunSafety } from '../../../replay/safety.ts';
import type { Report, RunFacts } from '../../report.ts';
import { count, counted, duration } from '../figures.ts';
import { type Content, html, type Markup } from '../markup.ts';

const paces: ReadonlyMap<string, string> = new Map([
  ['recorded', 'recorded: each exchange at its recorded time'],
  ['asap', 'asap: each exchange as soon as its order lets it, without a plan'],
]);

const orders: ReadonlyMap<string, string> = new Map([
  ['causal', 'causal: an exchange waits for those of its lane that had ended before it began'],
  ['lane', 'lane: one at a time in each lane'],
  ['none', 'none: by the schedule alone'],
  ['serial', 'serial: one at a time'],
]);

function sentFrom({ thread, threads = 1 }: RunFacts): string {
  if (thread === 'inline') return 'the thread of the caller';
  return threads > 1 ? `${threads} threads of their own` : 'a thread of its own';
}

function safetyFacts(safety: RunSafety): [string, string][] {
  const { marks, mutations, credentials, recordedOrigin, breaker, maxInFlight, timeoutMs } = safety;
  const { maxDurationMs, maxRequests, maxBytes, maxRps, maxLagMs } = safety;
  const guards = [
    mutations ? 'requests that may change state were allowed' : 'nothing that may change state was sent',
    credentials ? 'recorded credentials were sent' : 'recorded credentials were left out',
    recordedOrigin && 'the recorded origin was allowed as a target',
    !breaker && 'without a breaker',
    `at most ${count(maxInFlight)} in flight`,
    `${duration(timeoutMs)} for each beyond its recorded time`,
    maxDurationMs !== undefined && `at most ${duration(maxDurationMs)} in all`,
    maxRequests !== undefined && `at most ${counted(maxRequests, 'request')}`,
    maxBytes !== undefined && `at most ${counted(maxBytes, 'byte')}`,
    maxRps !== undefined && `at most ${count(maxRps)} per second`,
    maxLagMs !== undefined && `at most ${duration(maxLagMs)} behind the plan`,
  ];
  return [
    ['Marks', marks.length === 0 ? 'none: it could not be told from real traffic' : marks.join(', ')],
    ['Guards', guards.filter((guard) => guard !== false).join('; ')],
  ];
}

/** What was replayed, where to and how; and on what. */
export function runSection(report: Report): Markup {
  const { run, exchanges, messages, order, timing, environment } = report;
  const facts: [string, Content][] = [];
  if (run !== undefined) {
    facts.push(
      ['Target', html`<code>${run.target}</code>`],
      ['Run', html`<code>${run.runId}</code>`],
      ['Pace', `${paces.get(run.pace) ?? run.pace}${describePacing(run.pacing)}`],
      ['Order', orders.get(run.order) ?? run.order],
      ['Sent from', `${sentFrom(run)}${run.ownProcessor ? ', with a processor to itself' : ''}`],
      ['May have changed state', counted(run.mutationsSent, 'exchange')],
    );
    if (run.resent > 0) {
      facts.push([
        'Sent twice',
        `${counted(run.resent, 'exchange')}, whose connection the target had closed before it read them`,
      ]);
    }
    if (run.safety !== undefined) facts.push(...safetyFacts(run.safety));
    if (run.pauses !== undefined)
      facts.push(['Paused', `${counted(run.pauses, 'time')}, because the target failed`]);
    if (run.stopped !== undefined) facts.push(['Stopped', run.stopped]);
  }
  facts.push([
    'Exchanges',
    `${count(exchanges.total)} read, ${count(exchanges.sent)} sent, ${count(exchanges.answered)} answered, ${count(exchanges.failed)} failed, ${count(exchanges.skipped)} skipped; ${counted(order.lanes, 'lane')}`,
  ]);
  if (messages !== undefined) {
    facts.push([
      'Messages',
      `${count(messages.sent)} sent of ${count(messages.recordedSent)} recorded, ${count(messages.received)} received of ${count(messages.recordedReceived)} recorded`,
    ]);
  }
  if (report.timeShift !== undefined) {
    const { byMs, times, tokens } = report.timeShift;
    facts.push([
      'Moved times',
      `${count(times)} moved by ${duration(byMs)}; ${counted(tokens, 'web token')} signed anew`,
    ]);
  }
  facts.push([
    'Length',
    timing.plannedMs > 0
      ? `${duration(timing.actualMs)} from the first send to the last, planned ${duration(timing.plannedMs)}`
      : `${duration(timing.actualMs)} from the first send to the last`,
  ]);
  if (environment !== undefined) {
    const { node, platform, architecture, processors } = environment;
    facts.push(['Made on', `Node ${node}, ${platform} ${architecture}, ${counted(processors, 'processor')}`]);
  }
  return html`<section id="run"><h2>What was replayed, and how</h2>
<dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></section>
`;
}

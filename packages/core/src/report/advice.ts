import type { Fidelity, Report } from './report.ts';

const byFidelity: Readonly<Record<Fidelity['verdict'], string | undefined>> = {
  faithful: undefined,
  'nothing-sent':
    'Look at what was skipped and why. Requests that may change state go to a target that is not loopback only with --allow-mutations.',
  'nothing-answered':
    'Look whether the target speaks the protocol and whether it is the service that was recorded: it answered nothing at all.',
  stopped: 'What is told here holds for the part that was sent. Replay again and let it run to its end.',
  incomplete:
    'Look at what was skipped and what the capture lacks: differences may come from what is missing. A recording keeps more with a larger buffer and a higher limit for bodies.',
  'out-of-order':
    'Exchanges of one lane overtook each other, so the target saw another history than was recorded. With order causal or lane that should not be; look whether the target closed connections.',
  'fell-behind':
    'Lag is the doing of the side that sends, not of the target: its latencies in this report are those of another load than recorded. Use a quieter machine or one with more processors, or a lower speed or rate; where only the answers matter, use pace asap.',
  'held-up':
    'The target answers more slowly than the recorded one did, so the requests that depend on its answers came late, and it had less to do than was recorded. Judge it by response time. A lower speed or rate gives it the time; where only the answers matter, use pace asap.',
};

/** What can be done about a verdict that is not 0, one or two sentences each. */
export function adviceOf(report: Report): string[] {
  const { fidelity, comparison, exchanges, differences } = report;
  const advice: string[] = [];
  if (comparison === 'changed' && (differences?.changed ?? 0) > 0) {
    advice.push(
      'Look at the differences below, the most frequent first. What changes from run to run and means nothing can be left out with --ignore.',
    );
  }
  if (exchanges.failedUnlikeRecorded > 0) {
    advice.push('Look at the errors below: the target closed connections, broke off answers or gave none.');
  }
  const said = byFidelity[fidelity.verdict];
  if (said !== undefined) advice.push(said);
  if (comparison === 'inconclusive') {
    advice.push(
      'Most bodies are not in the capture or were too long to keep. Record with a higher limit for bodies.',
    );
  }
  return advice;
}

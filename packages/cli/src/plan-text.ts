import { describePacing, type ReplayBudget, type ReplayPlan } from '@gardenhose/core';
import { showCount, showDuration } from './output.ts';
import { printable } from './printable.ts';

/** What a replay is about to do, in a few lines. */
export function planText(plan: ReplayPlan): string {
  const methods = [...plan.methods].map(([method, count]) => `${printable(method, 40)} ${count}`).join(', ');
  const timed =
    plan.durationMs > 0
      ? `over ${showDuration(plan.durationMs * 1e6)}, at most ${plan.peakPerSecond} in a second`
      : 'without a schedule';
  const threads = plan.threads > 1 ? ` from ${plan.threads} threads` : '';
  const lines = [
    `plan: send ${plan.toSend} of ${showCount(plan.exchanges, 'exchange')} to ${plan.target}${threads}, pace ${plan.pace}${describePacing(plan.pacing)}, ${timed}`,
    `  ${showCount(plan.lanes, 'lane')}; ${methods || 'nothing'}; ${plan.mutations} may change state at the target`,
  ];
  const limits = budgetText(plan.budget);
  if (limits !== '') lines.push(`  limits: ${limits}`);
  if (plan.breaker !== undefined) {
    const { errors, of, pauseMs, maxPauses } = plan.breaker;
    const share = `${Math.round(errors * 1000) / 10} % of the last ${of}`;
    const pauses = `pauses for ${showDuration(pauseMs * 1e6)}, at most ${showCount(maxPauses, 'time')}, when ${share} end with errors that are new`;
    lines.push(`  ${maxPauses === 0 ? `ends when ${share} end with errors that are new` : pauses}`);
  }
  if (plan.stopFile !== undefined) lines.push(`  ends when ${printable(plan.stopFile, 200)} is there`);
  const leads = [...plan.addresses].map(([host, found]) => `${printable(host, 80)} is ${shortList(found)}`);
  lines.push(...leads.map((line) => `  ${line}`));
  const skipped = [...plan.skipped].map(([reason, count]) => `${printable(reason, 40)} ${count}`).join(', ');
  return [...lines, ...(skipped === '' ? [] : [`  not sent: ${skipped}`])].join('\n');
}

/** What a run may spend, where there is more to say than how many exchanges may be under way. */
function budgetText({ maxRequests, maxRps, maxDurationMs, maxBytes, maxLagMs }: ReplayBudget): string {
  return [
    maxRequests === undefined ? [] : `${maxRequests} requests`,
    maxRps === undefined ? [] : `${maxRps} in a second`,
    maxDurationMs === undefined ? [] : showDuration(maxDurationMs * 1e6),
    maxBytes === undefined ? [] : `${maxBytes} bytes of bodies`,
    maxLagMs === undefined ? [] : `${showDuration(maxLagMs * 1e6)} behind the plan`,
  ]
    .flat()
    .join(', ');
}

function shortList(addresses: readonly string[]): string {
  if (addresses.length === 0) return 'not known';
  const more = addresses.length - 3;
  return `${addresses.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The plan as plain data. */
export function planJson(plan: ReplayPlan): Record<string, unknown> {
  return {
    ...plan,
    addresses: Object.fromEntries(plan.addresses),
    methods: Object.fromEntries(plan.methods),
    skipped: Object.fromEntries(plan.skipped),
  };
}

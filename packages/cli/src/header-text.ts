import type { CaptureHeader, MergedFrom, PolicySummary } from '@gardenhose/core';
import { showDuration } from './output.ts';
import { printable } from './printable.ts';

const text = (value: string) => printable(value, 200);

/** A line for a capture that was recorded unmasked: every command that opens or makes one says so. */
export function unmaskedLines({ policy }: Pick<CaptureHeader, 'policy'>): string[] {
  return policy.mode === 'none' ? ['NOT MASKED: this capture holds values as they were sent'] : [];
}

/** What a capture says of itself, as lines. A capture that was recorded unmasked says so first. */
export function headerLines(header: CaptureHeader): string[] {
  const { policyHistory = [], mergedFrom = [] } = header;
  const tags = Object.entries(header.tags).map(([name, value]) => `${text(name)}=${text(value)}`);
  return [
    ...unmaskedLines(header),
    `service ${text(header.service)} on ${text(header.host)} (pid ${header.pid})`,
    `recorded ${dateText(header.wallMs)} by ${text(header.writer)}, part ${header.part}, id ${text(header.id)}`,
    policyText(header.policy),
    ...policyHistory.toReversed().map((earlier) => `before that, ${policyText(earlier)}`),
    ...(header.encryption === undefined ? [] : [`encrypted with the key ${text(header.encryption.keyId)}`]),
    `sampling ${text(header.sampling)}`,
    ...(header.trigger === undefined
      ? []
      : [`saved on a trigger at ${dateText(header.trigger.wallMs)}: ${text(header.trigger.reason)}`]),
    ...(tags.length > 0 ? [`tags ${tags.join(' ')}`] : []),
    ...mergedLines(mergedFrom),
  ];
}

/** What a capture was merged from: the number before each stands in its lanes. */
export function mergedLines(mergedFrom: readonly MergedFrom[]): string[] {
  return mergedFrom.map(
    (from, place) =>
      `merged from ${place + 1}: service ${text(from.service)} on ${text(from.host)} (pid ${from.pid}), from ${dateText(from.wallMs)} on${skewText(from)}, ${policyText(from.policy)}, id ${text(from.id)}`,
  );
}

function skewText({ skewNs, skewErrorNs, driftPpm }: MergedFrom): string {
  if (skewErrorNs === undefined) return '';
  const drift = driftPpm === 0 ? '' : ` and ${driftPpm.toFixed(1)} ppm`;
  return ` (its clock set ${skewNs < 0 ? 'back' : 'on'} by ${showDuration(Math.abs(skewNs))} ± ${showDuration(skewErrorNs)}${drift})`;
}

function policyText(policy: PolicySummary): string {
  const { allowed = [], disabled } = policy;
  if (policy.mode === 'none') return 'policy none';
  const disabledText = disabled.length > 0 ? `, without ${text(disabled.join(', '))}` : '';
  const allowedText = allowed.length > 0 ? `, letting through ${text(allowed.join(', '))}` : '';
  const endedKey = policy.keyId.startsWith('ephemeral-')
    ? ' (ended with its recording: its tokens join with no others)'
    : '';
  const hookText = policy.hookBeforeMask === true ? ', a hook ran before masking' : '';
  return `policy ${text(policy.name)}${disabledText}${allowedText}${hookText}, digest ${text(policy.digest.slice(0, 12))}, key ${text(policy.keyId)}${endedKey}`;
}

/** An ISO date; a number that no date has, as it is. */
function dateText(wallMs: number): string {
  const date = new Date(wallMs);
  return Number.isNaN(date.getTime()) ? `${wallMs} ms` : date.toISOString();
}

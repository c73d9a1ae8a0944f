import type { RecorderStats } from '@gardenhose/core';
import { showBytes, showCount } from './output.ts';
import { printable } from './printable.ts';

/** What a recording did, in one line. */
export function recordingText(stats: RecorderStats, file: string): string {
  const sampledOut = stats.sampledOut > 0 ? `, ${stats.sampledOut} sampled out` : '';
  const masked = `${showCount(stats.masked, 'value')} masked`;
  return `${showCount(stats.recorded, 'exchange')} recorded to ${file} (${showBytes(stats.bytes)} before masking, ${masked}${sampledOut})`;
}

/** What a recording lost, a line for each kind; nothing when all went well. */
export function lossText(stats: RecorderStats): string[] {
  const lines: string[] = [];
  for (const [reason, count] of Object.entries(stats.dropped)) {
    if (count > 0) lines.push(`${showCount(count, 'exchange')} not recorded: ${reason}`);
  }
  for (const [reason, count] of Object.entries(stats.exchangesLost)) {
    if (count > 0) lines.push(`${showCount(count, 'exchange')} lost in part or whole: ${reason}`);
  }
  for (const [reason, count] of Object.entries(stats.eventsLost)) {
    if (count > 0) lines.push(`${showCount(count, 'event')} lost: ${reason}`);
  }
  if (stats.sinkErrors > 0) {
    lines.push(
      `the capture could not be written ${showCount(stats.sinkErrors, 'time')}; last error: ${printable(stats.lastError ?? 'unknown', 300)}`,
    );
  }
  return lines;
}

import type { RecorderStats } from '@gardenhose/core';
import { showBytes, showCount } from './output.ts';
import { printable } from './printable.ts';

/** What a recording did, in one line. */
export function recordingText(stats: RecorderStats, file: string): string {
  const sampledOut = stats.sampledOut > 0 ? `, ${stats.sampledOut} sampled out` : '';
  const masked = `${showCount(stats.masked, 'value')} masked`;
  return `${showCount(stats.recorded, 'exchange')} recorded to ${file} (${showBytes(stats.bytes)} before masking, ${masked}${sampledOut})`;
}

/** What a flight recorder has saved. */
export function savesText({ saves }: Pick<RecorderStats, 'saves'>): string[] {
  const { files, suppressed, failed, lastFile } = saves;
  if (files + suppressed + failed === 0) return [];
  const last = lastFile === undefined ? '' : `, the last to ${lastFile}`;
  const more = [
    suppressed > 0 ? `${showCount(suppressed, 'trigger')} too soon after another` : '',
    failed > 0 ? `${failed} failed` : '',
  ].filter((part) => part !== '');
  return [[`saved ${showCount(files, 'time')}${last}`, ...more].join('; ')];
}

/** What was left out of gRPC messages since the schemas do not fit them, a line for each kind. */
export function unreadText(stats: Pick<RecorderStats, 'unread'>): string[] {
  const sums = new Map<string, number>();
  for (const [reason, count] of stats.unread) {
    const text = Object.hasOwn(unreadTexts, reason) ? unreadTexts[reason] : undefined;
    if (text !== undefined) sums.set(text, (sums.get(text) ?? 0) + count);
  }
  return Array.from(sums, ([text, count]) => text.replace('#', String(count)));
}

const noFit =
  'gRPC messages left out, but for their sizes: #, which are not what their schemas say; give the schemas of this very service';
const unreadTexts: Readonly<Record<string, string>> = {
  'schema-unknown':
    'gRPC messages left out, but for their sizes: #, since no schema knows their method or their type; give the schemas of the services that are called',
  'protobuf-syntax': noFit,
  'protobuf-depth': noFit,
  'protobuf-size': noFit,
  'unknown-field':
    'fields left out of gRPC messages: #, since their schemas do not have them, or have another type; give the schemas of this version of the service',
};

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

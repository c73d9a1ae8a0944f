import {
  type CaptureEvent,
  type ControlEvent,
  type Exchange,
  type GapEvent,
  operationOf,
  textTable,
} from '@gardenhose/core';
import { callStatus, isFailed } from './exchange-row.ts';
import { showBytes, showCount, showDuration } from './output.ts';
import { printable } from './printable.ts';
import { SchemaList } from './schema-list.ts';
import { Timeline } from './timeline.ts';

// Bounds for what a capture can make us remember: beyond them, names are counted as "other".
const maxOperations = 1000;
const maxNames = 500;
const maxGaps = 100;
const maxControls = 100;
const shownRows = 20;
const other = '(other)';

interface OperationCount {
  exchanges: number;
  failed: number;
  /** How many there were, by the rates at which they were recorded. */
  estimated: number;
  totalNs: number;
  maxNs: number;
}

/** What a capture holds, counted while it is read. Memory is bounded whatever it holds. */
export class CaptureSummary {
  readonly #events = new Map<string, number>();
  readonly #operations = new Map<string, OperationCount>();
  readonly #tallies: Record<
    'direction' | 'protocol' | 'status' | 'mark' | 'mask' | 'unknownHeader' | 'gap',
    Map<string, number>
  > = {
    direction: new Map(),
    protocol: new Map(),
    status: new Map(),
    mark: new Map(),
    mask: new Map(),
    unknownHeader: new Map(),
    gap: new Map(),
  };
  readonly #timeline = new Timeline();
  readonly #gaps: GapEvent[] = [];
  readonly #controls: ControlEvent[] = [];
  #controlCount = 0;
  readonly #schemas = new SchemaList();
  #exchanges = 0;
  #failed = 0;
  #estimated = 0;
  #estimatedFailed = 0;
  #partial = 0;
  #requestBytes = 0;
  #responseBytes = 0;
  #lastAt = 0;

  event(event: CaptureEvent): void {
    add(this.#events, event.type);
    if (event.type === 'schema') this.#schemas.add(event);
    this.#lastAt = Math.max(this.#lastAt, event.at);
    if (event.type === 'control') {
      this.#controlCount++;
      if (this.#controls.length < maxControls) this.#controls.push(event);
    }
    if (event.type !== 'gap') return;
    add(this.#tallies.gap, event.reason, Math.max(1, event.exchanges));
    if (this.#gaps.length < maxGaps) this.#gaps.push(event);
  }

  exchange(exchange: Exchange): void {
    const failed = isFailed(exchange);
    this.#exchanges++;
    const weight = 1 / exchange.sampleRate;
    this.#estimated += weight;
    if (failed) {
      this.#failed++;
      this.#estimatedFailed += weight;
    }
    if (exchange.partial.length > 0) this.#partial++;
    this.#requestBytes += exchange.request.size;
    this.#responseBytes += exchange.response?.size ?? 0;
    add(this.#tallies.direction, exchange.direction);
    add(this.#tallies.protocol, exchange.protocol);
    add(this.#tallies.status, statusClass(exchange));
    for (const mark of exchange.marks) add(this.#tallies.mark, mark.name);
    for (const entry of exchange.audit) add(this.#tallies.mask, entry.rule, entry.count);
    for (const name of exchange.unknownHeaders) add(this.#tallies.unknownHeader, name);
    this.#timeline.add(exchange);
    this.#operation(exchange, failed, weight);
  }

  get total(): number {
    return this.#exchanges;
  }

  toJson(): Record<string, unknown> {
    const lanes = this.#timeline.lanes(maxNames);
    return {
      durationMs: this.#lastAt / 1e6,
      events: Object.fromEntries(this.#events),
      exchanges: {
        total: this.#exchanges,
        failed: this.#failed,
        partial: this.#partial,
        estimated: Math.round(this.#estimated),
        estimatedFailed: Math.round(this.#estimatedFailed),
        requestBytes: this.#requestBytes,
        responseBytes: this.#responseBytes,
      },
      directions: tallyJson(this.#tallies.direction),
      protocols: tallyJson(this.#tallies.protocol),
      statuses: tallyJson(this.#tallies.status),
      operations: this.#rows().map(([operation, count]) => ({
        operation,
        exchanges: count.exchanges,
        failed: count.failed,
        estimated: Math.round(count.estimated),
        meanMs: count.totalNs / count.exchanges / 1e6,
        maxMs: count.maxNs / 1e6,
      })),
      laneCount: this.#timeline.laneCount,
      lanes: lanes.map(({ lane, exchanges, failed }) => ({ lane, exchanges, failed })),
      schemas: this.#schemas.toJson(),
      marks: tallyJson(this.#tallies.mark),
      masks: tallyJson(this.#tallies.mask),
      unknownHeaders: tallyJson(this.#tallies.unknownHeader),
      gaps: this.#gaps.map(({ reason, fromAt, toAt, exchanges, events }) => ({
        reason,
        fromMs: fromAt / 1e6,
        toMs: toAt / 1e6,
        exchanges,
        events,
      })),
      controls: this.#controls.map(({ at, name, value }) => ({ atMs: at / 1e6, name, value })),
    };
  }

  toText(): string {
    const lines = [
      `${showCount(this.#exchanges, 'exchange')} in ${showDuration(this.#lastAt)}${this.#kinds()}`,
      `${this.#failed} failed, ${this.#partial} partial, status ${tallyText(this.#tallies.status) || 'none'}`,
      `${showBytes(this.#requestBytes)} of request and ${showBytes(this.#responseBytes)} of response bodies`,
    ];
    if (this.#isSampled)
      lines.push(
        `sampled: by the rates at which they were recorded, these stand for about ${showCount(Math.round(this.#estimated), 'exchange')}, ${Math.round(this.#estimatedFailed)} failed`,
      );
    if (this.#tallies.mask.size > 0) lines.push(`masked: ${tallyText(this.#tallies.mask)}`);
    if (this.#tallies.unknownHeader.size > 0)
      lines.push(`headers that no mask rule knows: ${tallyText(this.#tallies.unknownHeader)}`);
    if (this.#tallies.mark.size > 0) lines.push(`marks: ${tallyText(this.#tallies.mark)}`);
    lines.push(...this.#schemas.toLines());
    lines.push(...this.#controlLines());
    lines.push(...this.#gapLines());
    if (this.#exchanges > 0) lines.push('', ...this.#operationLines(), '', ...this.#timelineLines());
    return lines.join('\n');
  }

  get #isSampled(): boolean {
    return this.#estimated > this.#exchanges;
  }

  #kinds(): string {
    const { direction, protocol } = this.#tallies;
    return this.#exchanges === 0 ? '' : ` (${tallyText(direction)}; ${tallyText(protocol)})`;
  }

  #operation(exchange: Exchange, failed: boolean, weight: number): void {
    const name = operationOf(exchange);
    const known = this.#operations.has(name) || this.#operations.size < maxOperations;
    const key = known ? name : other;
    const count = this.#operations.get(key) ?? {
      exchanges: 0,
      failed: 0,
      estimated: 0,
      totalNs: 0,
      maxNs: 0,
    };
    const took = exchange.endAt - exchange.startAt;
    count.exchanges++;
    count.estimated += weight;
    if (failed) count.failed++;
    count.totalNs += took;
    count.maxNs = Math.max(count.maxNs, took);
    this.#operations.set(key, count);
  }

  #rows(): [name: string, count: OperationCount][] {
    return [...this.#operations].sort(([, a], [, b]) => b.exchanges - a.exchanges);
  }

  #operationLines(): string[] {
    const rows = this.#rows();
    const cells = rows
      .slice(0, shownRows)
      .map(([name, { exchanges, failed, estimated, totalNs, maxNs }]) => [
        printable(name, 60),
        String(exchanges),
        ...(this.#isSampled ? [String(Math.round(estimated))] : []),
        String(failed),
        showDuration(totalNs / exchanges),
        showDuration(maxNs),
      ]);
    const more = rows.length > shownRows ? [`and ${rows.length - shownRows} more`] : [];
    const sampled = this.#isSampled ? ['about'] : [];
    const head = ['operation', 'count', ...sampled, 'failed', 'mean', 'max'];
    const aligned = head.map((_, i) => (i === 0 ? 'left' : 'right'));
    return [...textTable(aligned, [head, ...cells], ''), ...more];
  }

  #timelineLines(): string[] {
    const rows = this.#timeline.lanes(shownRows);
    const span = showDuration(this.#timeline.spanNs);
    const traffic = this.#timeline.traffic();
    const lines = textTable(
      ['left', 'left', 'right'],
      [
        ['lane', `0 s${span.padStart(traffic.length - 3)}`, 'count'],
        ['all', traffic, String(this.#exchanges)],
        ...rows.map((row) => [printable(row.lane, 16), row.picture, String(row.exchanges)]),
      ],
      '',
    );
    const hidden = this.#timeline.laneCount - rows.length;
    const more = hidden > 0 ? [`and ${showCount(hidden, 'lane')} more`] : [];
    return [
      ...lines,
      ...more,
      `● start  ─ in flight  ✗ failed; a full bar is ${showCount(this.#timeline.peak, 'start')}`,
    ];
  }

  #controlLines(): string[] {
    const shown = this.#controls
      .slice(0, shownRows)
      .map(
        ({ at, name, value }) =>
          `control at ${showDuration(at)}: ${printable(`${name} ${value}`.trimEnd(), 200)}`,
      );
    const hidden = this.#controlCount - shown.length;
    return hidden > 0 ? [...shown, `and ${showCount(hidden, 'control')} more`] : shown;
  }

  #gapLines(): string[] {
    return this.#gaps.slice(0, shownRows).map(({ reason, fromAt, toAt, exchanges, events }) => {
      const lost = [
        exchanges > 0 ? showCount(exchanges, 'exchange') : '',
        events > 0 ? showCount(events, 'event') : '',
      ].filter((part) => part !== '');
      return `gap (${reason}) from ${showDuration(fromAt)} to ${showDuration(toAt)}: ${lost.join(' and ') || 'nothing'} missing`;
    });
  }
}

function statusClass(exchange: Exchange): string {
  const call = callStatus(exchange);
  if (call !== undefined) return `gRPC ${call}`;
  if (exchange.response === undefined) return 'none';
  const first = Math.floor(exchange.response.status / 100);
  return first >= 1 && first <= 5 ? `${first}xx` : other;
}

function add(tally: Map<string, number>, name: string, count = 1): void {
  const key = tally.has(name) || tally.size < maxNames ? name : other;
  tally.set(key, (tally.get(key) ?? 0) + count);
}

function tallyJson(tally: ReadonlyMap<string, number>): { readonly name: string; readonly count: number }[] {
  return [...tally].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);
}

function tallyText(tally: ReadonlyMap<string, number>): string {
  const sorted = tallyJson(tally);
  const shown = sorted.slice(0, shownRows).map(({ name, count }) => `${printable(name, 60)} ${count}`);
  return [...shown, ...(sorted.length > shownRows ? [`and ${sorted.length - shownRows} more`] : [])].join(
    ', ',
  );
}

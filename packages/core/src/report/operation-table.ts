import { Histogram } from './histogram.ts';
import type { OperationRow } from './report.ts';
import { otherName } from './tally.ts';

interface OpenRow {
  sent: number;
  failed: number;
  changed: number;
  readonly recorded: Histogram;
  readonly service: Histogram;
}

/** Counts and latencies by operation; operations beyond the limit share one row. */
export class OperationTable {
  readonly #rows = new Map<string, OpenRow>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(
    operation: string,
    one: { failed: boolean; changed: boolean; recordedNs: number; serviceNs: number | undefined },
  ): void {
    const row = this.#row(operation);
    row.sent++;
    if (one.failed) row.failed++;
    if (one.changed) row.changed++;
    row.recorded.record(one.recordedNs);
    if (one.serviceNs !== undefined) row.service.record(one.serviceNs);
  }

  rows(): OperationRow[] {
    return Array.from(this.#rows, ([operation, { sent, failed, changed, recorded, service }]) => {
      const { p50Ms, p99Ms } = service.summary();
      return { operation, sent, failed, changed, recordedP50Ms: recorded.summary().p50Ms, p50Ms, p99Ms };
    }).sort((a, b) => b.sent - a.sent || (a.operation < b.operation ? -1 : 1));
  }

  #row(operation: string): OpenRow {
    const key = this.#rows.has(operation) || this.#rows.size < this.#limit ? operation : otherName;
    let row = this.#rows.get(key);
    if (row === undefined) {
      // Two digits are enough for a table, and a tenth of the memory.
      const figures = 2;
      row = {
        sent: 0,
        failed: 0,
        changed: 0,
        recorded: new Histogram({ figures }),
        service: new Histogram({ figures }),
      };
      this.#rows.set(key, row);
    }
    return row;
  }
}

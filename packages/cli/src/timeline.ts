import type { Exchange } from '@gardenhose/core';
import { isFailed } from './exchange-row.ts';

const columns = 64;
// Wide enough that no ordinary capture reaches it: what lies beyond is drawn as one row.
const maxLanes = 10_000;
const steps = ' ▁▂▃▄▅▆▇█';

/** One lane of a timeline. */
export interface LaneRow {
  readonly lane: string;
  readonly exchanges: number;
  readonly failed: number;
  readonly picture: string;
}

interface LaneCells {
  exchanges: number;
  failed: number;
  /** What happens in each stretch of time: nothing, in flight, a start, a failure; the highest wins. */
  readonly cells: number[];
}

const [idle, inFlight, started, failed] = [0, 1, 2, 3];
const marks = [' ', '─', '●', '✗'];

/**
 * Draws a capture as text while it is read: how many exchanges start in each stretch of time, and each lane with its
 * starts, what was in flight, and failures. The length of the capture need not be known: when time runs past the right
 * edge, stretches are joined two by two. Memory is bounded by the number of lanes drawn apart.
 */
export class Timeline {
  readonly #lanes = new Map<string, LaneCells>();
  readonly #others: LaneCells = { exchanges: 0, failed: 0, cells: [] };
  #starts: number[] = [];
  #stretchNs = 1e6;
  #otherLanes = 0;

  add(exchange: Exchange): void {
    const startAt = Math.max(0, exchange.startAt);
    const endAt = Math.max(startAt, exchange.endAt);
    while (endAt >= this.#stretchNs * columns) this.#join();
    const first = Math.floor(startAt / this.#stretchNs);
    const last = Math.floor(endAt / this.#stretchNs);
    this.#starts[first] = (this.#starts[first] ?? 0) + 1;

    const row = this.#row(exchange.lane);
    const bad = isFailed(exchange);
    row.exchanges++;
    if (bad) row.failed++;
    raise(row.cells, first, started);
    for (let cell = first + 1; cell <= last; cell++) raise(row.cells, cell, inFlight);
    if (bad) raise(row.cells, last, failed);
  }

  /** Nanoseconds from the left edge to the right one. */
  get spanNs(): number {
    return this.#stretchNs * columns;
  }

  get laneCount(): number {
    return this.#lanes.size + this.#otherLanes;
  }

  /** Exchanges started in each stretch, as a row of bars. */
  traffic(): string {
    const most = Math.max(1, this.peak);
    return Array.from({ length: columns }, (_, cell) => {
      const count = this.#starts[cell] ?? 0;
      return steps[count === 0 ? 0 : Math.max(1, Math.round((count / most) * (steps.length - 1)))] ?? ' ';
    }).join('');
  }

  /** The most exchanges that started in one stretch: the height of a full bar. */
  get peak(): number {
    // `Array.from` fills the holes of stretches without a start.
    return Math.max(0, ...Array.from(this.#starts, (count) => count ?? 0));
  }

  /** The busiest lanes, in the order in which they were first seen. */
  lanes(limit: number): LaneRow[] {
    const rows = [...this.#lanes].map(([lane, cells]) => ({ lane, ...cells }));
    const threshold = rows.map((row) => row.exchanges).sort((a, b) => b - a)[limit - 1] ?? 0;
    let atThreshold = limit - rows.filter((row) => row.exchanges > threshold).length;
    return rows
      .filter((row) => row.exchanges > threshold || (row.exchanges === threshold && atThreshold-- > 0))
      .map(({ lane, exchanges, failed: bad, cells }) => ({
        lane,
        exchanges,
        failed: bad,
        picture: draw(cells),
      }));
  }

  #row(lane: string): LaneCells {
    const known = this.#lanes.get(lane);
    if (known !== undefined) return known;
    if (this.#lanes.size >= maxLanes) {
      this.#otherLanes = 1;
      return this.#others;
    }
    const row: LaneCells = { exchanges: 0, failed: 0, cells: [] };
    this.#lanes.set(lane, row);
    return row;
  }

  #join(): void {
    this.#stretchNs *= 2;
    this.#starts = pairs(this.#starts, (a, b) => a + b);
    for (const row of [...this.#lanes.values(), this.#others]) {
      const joined = pairs(row.cells, Math.max);
      row.cells.splice(0, row.cells.length, ...joined);
    }
  }
}

function raise(cells: number[], at: number, level: number): void {
  cells[at] = Math.max(cells[at] ?? idle, level);
}

function pairs(cells: readonly number[], join: (a: number, b: number) => number): number[] {
  return Array.from({ length: Math.ceil(cells.length / 2) }, (_, at) =>
    join(cells[at * 2] ?? 0, cells[at * 2 + 1] ?? 0),
  );
}

function draw(cells: readonly number[]): string {
  return Array.from({ length: columns }, (_, cell) => marks[cells[cell] ?? idle] ?? ' ').join('');
}

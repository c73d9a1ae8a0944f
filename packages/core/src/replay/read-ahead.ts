import type { Exchange } from '../model/exchange.ts';

/**
 * How far ahead of the run's time exchanges are read and made ready, and how much of them may wait. No further than a pause
 * of this thread may last: all that waits is moved by each collection of the young generation, which takes all processors.
 */
const aheadNs = 0.25e9;
/**
 * Before time zero it is read further. What must not be sent is then found before anything was, and V8 compiles that code
 * while nothing is due.
 */
const firstAheadNs = 2e9;
/**
 * It is read on in small steps: where there are few processors, a send may have to wait until this thread rests, and a large
 * batch would hold up the thread that it comes to while it is unpacked.
 */
const refillNs = 5e6;
const maxAhead = 4_096;
/**
 * What waits survives collections, so without a schedule no more of it waits than keeps the sender busy: so many for each connection,
 * where each of them has one exchange under way or two.
 */
const perConnection = 16;
const leastAhead = 512;

const maxAheadBytes = 64 * 1024 * 1024;

/** How much of a source has been read and made ready, and whether more may be. */
export class ReadAhead {
  /** Undefined once as many may wait as ever may. */
  #connections: Set<string> | undefined;
  #most: number = maxAhead;

  /** @param byConnections - Whether the connections of HTTP/1 tell how many may be under way: there is no schedule, and an order */
  constructor(byConnections: boolean) {
    if (!byConnections) return;
    this.#connections = new Set();
    this.#most = leastAhead;
  }

  /** When the last exchange is planned that was given to the engine. */
  plannedUntil = 0;
  #bytes = 0;

  take(bytes: number, { lane, protocol, request }: Exchange): void {
    this.#bytes += bytes;
    const connections = this.#connections;
    if (connections === undefined) return;
    connections.add(lane);
    const several = protocol !== 'http' || !request.version.startsWith('1');
    this.#most = several ? maxAhead : Math.max(leastAhead, connections.size * perConnection);
    if (this.#most < maxAhead) return;
    this.#most = maxAhead;
    this.#connections = undefined;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }

  /**
   * @param open - Exchanges that were read and are not over
   * @param held - Those of them that the engine was not given yet, which nothing else will end
   */
  hasRoom(open: number, held: number, nowNs: number): boolean {
    if (open > held && (open >= this.#most || this.#bytes >= maxAheadBytes)) return false;
    return !(this.plannedUntil - Math.max(0, nowNs) > (nowNs > 0 ? aheadNs : firstAheadNs));
  }

  /** When to look again where the schedule alone is in the way; not over 0 when it is not. */
  refillAfterMs(nowNs: number): number {
    return (this.plannedUntil - nowNs - aheadNs + refillNs) / 1e6;
  }
}

import type { ExchangeId } from '../model/event.ts';
import { toMs } from './histogram.ts';

/** Planned and actual times of some sends, since time zero of the run. */
export interface SendTimes {
  /** Every so many-th of the sends, at most 800: the same place in each list is the same send. */
  readonly sampled: {
    readonly plannedMs: readonly number[];
    readonly sentMs: readonly number[];
    readonly blockedMs: readonly number[];
  };
  /** The sends with the most lag, at most 20, the worst first. */
  readonly worst: readonly LateSend[];
}

/** One send that was late. */
export interface LateSend {
  readonly exchange: ExchangeId;
  readonly operation: string;
  readonly plannedMs: number;
  readonly sentMs: number;
  /** How long it waited for answers that its order asks for. */
  readonly blockedMs: number;
  readonly lagMs: number;
}

interface Send {
  readonly exchange: ExchangeId;
  readonly operation: string;
  readonly plannedAt: number;
  readonly sentAt: number;
  readonly blockedNs: number;
}

const maxSampled = 800;
const maxWorst = 20;

/**
 * Keeps every n-th send, and those with the most lag. When there are too many, each second of those kept goes, and n doubles:
 * so what is kept stands at even distances over the whole run, and the same run gives the same sample.
 */
export class SendSample {
  readonly #kept: Send[] = [];
  readonly #worst: { readonly lagNs: number; readonly send: Send }[] = [];
  #every = 1;
  #seen = 0;

  add(send: Send): void {
    if (this.#seen++ % this.#every === 0) this.#keep(send);
    const lagNs = send.sentAt - send.plannedAt - send.blockedNs;
    const least = this.#worst.at(-1);
    if (this.#worst.length === maxWorst && least !== undefined && !(lagNs > least.lagNs)) return;
    const place = this.#worst.findIndex((other) => lagNs > other.lagNs);
    this.#worst.splice(place < 0 ? this.#worst.length : place, 0, { lagNs, send });
    this.#worst.length = Math.min(maxWorst, this.#worst.length);
  }

  /** Undefined when there were none. */
  times(): SendTimes | undefined {
    if (this.#seen === 0) return undefined;
    const kept = [...this.#kept].sort((a, b) => a.plannedAt - b.plannedAt);
    return {
      sampled: {
        plannedMs: kept.map(({ plannedAt }) => toMs(plannedAt)),
        sentMs: kept.map(({ sentAt }) => toMs(sentAt)),
        blockedMs: kept.map(({ blockedNs }) => toMs(blockedNs)),
      },
      worst: this.#worst.map(({ lagNs, send: { exchange, operation, plannedAt, sentAt, blockedNs } }) => ({
        exchange,
        operation,
        plannedMs: toMs(plannedAt),
        sentMs: toMs(sentAt),
        blockedMs: toMs(blockedNs),
        lagMs: toMs(lagNs),
      })),
    };
  }

  #keep(send: Send): void {
    this.#kept.push(send);
    if (this.#kept.length < maxSampled) return;
    for (let i = 0; i < maxSampled / 2; i++) {
      const other = this.#kept[2 * i];
      if (other !== undefined) this.#kept[i] = other;
    }
    this.#kept.length = maxSampled / 2;
    this.#every *= 2;
  }
}

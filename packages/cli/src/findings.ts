import { type SecretFinding, textTable } from '@gardenhose/core';
import { printable } from './printable.ts';

/** Places told apart at most: what a capture can make us remember. */
const mostPlaces = 1000;
const exchangesNamed = 5;

/** Finds of one rule in one place, in all exchanges. */
export interface FoundPlace extends SecretFinding {
  count: number;
  /** The first exchanges with it. */
  readonly exchanges: number[];
}

/** What a scan found, by place. Memory is bounded whatever it finds. */
export class Findings {
  readonly #places = new Map<string, FoundPlace>();
  #total = 0;
  #elsewhere = 0;
  #exchanges = 0;

  /** @param exchange - undefined for what the capture says of itself */
  add(findings: readonly SecretFinding[], exchange?: number): void {
    if (findings.length > 0 && exchange !== undefined) this.#exchanges++;
    for (const finding of findings) {
      this.#total++;
      const { rule, part, side, where } = finding;
      const key = JSON.stringify([rule, part, side, where]);
      let place = this.#places.get(key);
      if (place === undefined) {
        if (this.#places.size >= mostPlaces) {
          this.#elsewhere++;
          continue;
        }
        place = { rule, part, side, where, count: 0, exchanges: [] };
        this.#places.set(key, place);
      }
      place.count++;
      const { exchanges } = place;
      if (exchange !== undefined && exchanges.length < exchangesNamed && exchanges.at(-1) !== exchange)
        exchanges.push(exchange);
    }
  }

  get total(): number {
    return this.#total;
  }

  /** Exchanges in which something was found. */
  get exchanges(): number {
    return this.#exchanges;
  }

  toText(): string[] {
    const rows = this.#sorted().map(({ rule, part, side, where, count, exchanges }) => [
      printable(rule, 60),
      part === 'capture' ? 'capture' : `${side} ${part}`,
      printable(where, 80),
      String(count),
      exchanges.length < count && exchanges.length === exchangesNamed
        ? `${exchanges.join(', ')}, …`
        : exchanges.join(', '),
    ]);
    if (rows.length === 0) return [];
    const head = ['rule', 'part', 'where', 'count', 'exchanges'];
    const more = this.#elsewhere > 0 ? [`and ${this.#elsewhere} in other places`] : [];
    return [...textTable(['left', 'left', 'left', 'right', 'left'], [head, ...rows], ''), ...more];
  }

  toJson(): { readonly total: number; readonly exchangesConcerned: number; readonly findings: FoundPlace[] } {
    return { total: this.#total, exchangesConcerned: this.#exchanges, findings: this.#sorted() };
  }

  #sorted(): FoundPlace[] {
    return [...this.#places.values()].sort((a, b) => b.count - a.count);
  }
}

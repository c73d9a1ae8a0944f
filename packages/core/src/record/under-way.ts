import type { ExchangeId } from '../model/event.ts';

const places = 1024;

/**
 * The exchanges that began and have not ended, by their ids, which are counted up. Almost all find their place in a ring; those
 * whose place is taken by one that lasts are in a map. A map alone costs the request path more: with each exchange that
 * comes and goes it grows, and is made anew again and again.
 */
export class UnderWay<E extends { readonly id: ExchangeId }> {
  readonly #ring: (E | undefined)[] = Array.from({ length: places }, () => undefined);
  readonly #others = new Map<ExchangeId, E>();
  #inRing = 0;

  get size(): number {
    return this.#inRing + this.#others.size;
  }

  add(exchange: E): void {
    const place = exchange.id % places;
    if (this.#ring[place] === undefined) {
      this.#ring[place] = exchange;
      this.#inRing++;
    } else {
      this.#others.set(exchange.id, exchange);
    }
  }

  get(id: ExchangeId): E | undefined {
    const exchange = this.#ring[id % places];
    return exchange?.id === id ? exchange : this.#others.get(id);
  }

  delete(exchange: E): void {
    const place = exchange.id % places;
    if (this.#ring[place] === exchange) {
      this.#ring[place] = undefined;
      this.#inRing--;
    } else {
      this.#others.delete(exchange.id);
    }
  }

  /** All of them, in the order they began. */
  all(): E[] {
    const all = [...this.#others.values()];
    for (const exchange of this.#ring) if (exchange !== undefined) all.push(exchange);
    return all.sort((a, b) => a.id - b.id);
  }

  clear(): void {
    this.#ring.fill(undefined);
    this.#others.clear();
    this.#inRing = 0;
  }
}

import type { Exchange } from '../model/exchange.ts';
import { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { type Bindings, bindingOperation } from './binding.ts';
import { BoundedMap } from './bounded-map.ts';
import { Evidence } from './evidence.ts';
import { readResponse, visitRequest } from './exchange-leaves.ts';
import { type JoinKey, joinKeys } from './join-keys.ts';
import type { Leaf } from './leaf.ts';
import { toldAt } from './told-at.ts';

/** What is learned from, besides exchanges. */
export interface LearnOptions {
  /**
   * Of the messages of gRPC calls, each a serialised `google.protobuf.FileDescriptorSet`. The list may grow while exchanges are read.
   * Default none: calls bind by metadata. */
  readonly schemas?: readonly Uint8Array[] | undefined;
}

/** Values that are remembered: those that answers told, and as many that clients had from elsewhere. */
const maxValues = 300_000;
/** Answers that are not over when later requests begin, and the values in them. */
const maxPending = 4_096;
const maxPendingValues = 300_000;

/** Where a value was first told. */
interface Origin {
  readonly end: number;
  readonly lane: string;
}

/** An answer until it is over. */
interface Pending {
  readonly at: number;
  readonly lane: string;
  readonly told: readonly { readonly key: JoinKey; readonly end: number }[];
}

/**
 * Finds the values that recorded answers told and later requests sent, in one reading and bounded memory. A value that a request sent
 * before any answer told it is its client's own, and binds nothing; nor do values that say too little to have come from one
 * place, such as words, dates and small numbers.
 *
 * @param exchanges - In order of their starts
 * @example
 * await using capture = await openCapture('orders.hose');
 * const bindings = await learnBindings(capture.exchanges(), { schemas: await readSchemas(capture) });
 */
export async function learnBindings(
  exchanges: AsyncIterable<Exchange> | Iterable<Exchange>,
  options: LearnOptions = {},
): Promise<Bindings> {
  const learner = new BindingLearner(options);
  for await (const exchange of exchanges) learner.add(exchange);
  return learner.bindings();
}

/** Learns from exchanges as they come, in order of their starts. */
class BindingLearner {
  readonly #schemas = new SchemaRegistry();
  readonly #evidence = new Evidence();
  readonly #origins = new BoundedMap<string, Origin>(maxValues);
  /** Values that clients sent first. */
  readonly #foreign = new BoundedMap<string, true>(maxValues);
  #pending: Pending[] = [];
  #pendingValues = 0;

  readonly #given: readonly Uint8Array[];
  #taken = 0;

  constructor({ schemas = [] }: LearnOptions) {
    this.#given = schemas;
  }

  add(exchange: Exchange): void {
    // What is not replayed tells nothing.
    if (exchange.direction === 'outbound' || exchange.partial.length > 0) return;
    for (const schema of this.#given.slice(this.#taken)) this.#schemas.add(schema);
    this.#taken = this.#given.length;
    this.#tellFinished(exchange.startAt);
    const operation = bindingOperation(exchange);
    const { target } = exchange.request;
    visitRequest(exchange, this.#schemas, (leaf) => void this.#sent(leaf, operation, exchange.lane, target));
    if (exchange.response === undefined) return;
    const leaves: Leaf[] = [];
    readResponse(exchange, this.#schemas, (leaf) => void leaves.push(leaf));
    const told = leaves
      .sort((a, b) => rank(a) - rank(b))
      .flatMap((leaf) =>
        joinKeys(leaf, target)
          .filter(({ named, strength }) => named || strength !== 'none')
          .map((key) => ({
            key,
            end: this.#evidence.end({ operation: key.named ? '*' : operation, place: leaf.place }),
          })),
      );
    if (told.length === 0) return;
    this.#pending.push({ at: toldAt(exchange), lane: exchange.lane, told });
    this.#pendingValues += told.length;
    while (this.#pending.length > maxPending || this.#pendingValues > maxPendingValues)
      this.#tell(this.#pending.shift());
  }

  bindings(): Bindings {
    return { format: 'gardenhose-bindings/1', bindings: this.#evidence.bindings() };
  }

  /** Answers that were over before a request began can have told it something. */
  #tellFinished(startAt: number): void {
    if (this.#pending.every(({ at }) => at > startAt)) return;
    const over = this.#pending.filter(({ at }) => at <= startAt).sort((a, b) => a.at - b.at);
    this.#pending = this.#pending.filter(({ at }) => at > startAt);
    for (const pending of over) this.#tell(pending);
  }

  #tell(pending: Pending | undefined): void {
    if (pending === undefined) return;
    this.#pendingValues -= pending.told.length;
    for (const {
      key: { key, named, strength },
      end,
    } of pending.told) {
      if (end < 0) continue;
      if (named && strength === 'none')
        this.#origins.set(inLane(key, pending.lane), { end, lane: pending.lane });
      else if (!this.#origins.has(key) && !this.#foreign.has(key))
        this.#origins.set(key, { end, lane: pending.lane });
    }
  }

  #sent(leaf: Leaf, operation: string, lane: string, target: string): void {
    const keys = joinKeys(leaf, target);
    // Headers and cookies mean the same wherever they are sent.
    const anywhere = /^(?:header|cookie)\./.test(leaf.place);
    const end = this.#evidence.end({ operation: anywhere ? '*' : operation, place: leaf.place });
    if (end < 0) return;
    for (const { key, named, strength } of keys) {
      const known =
        named && strength === 'none' ? this.#origins.get(inLane(key, lane)) : this.#origins.get(key);
      if (known === undefined || (!named && strength === 'none')) continue;
      this.#evidence.match(known.end, end, key, named ? 'strong' : strength);
      return;
    }
    const own = keys.at(-1);
    if (own === undefined || (own.strength === 'none' && leaf.role === undefined)) return;
    this.#evidence.contradict(end);
    if (own.strength !== 'none') this.#foreign.set(own.key, true);
  }
}

/** What says little is known of its own lane alone: two clients may well have it from two answers. */
function inLane(key: string, lane: string): string {
  return `${lane}\0${key}`;
}

/** Of the places of one value in an answer, the one that most surely holds it the next time comes first. */
function rank({ place, role }: Leaf): number {
  if (role !== undefined) return 1;
  return (
    (place.includes('#') ? 4 : 0) + (place.includes('[*]') ? 2 : 0) + (place.startsWith('header.') ? 1 : 0)
  );
}

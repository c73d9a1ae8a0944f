import type { Exchange } from '../model/exchange.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { BoundedMap } from './bounded-map.ts';
import { readResponse } from './exchange-leaves.ts';
import { joinKeys } from './join-keys.ts';
import type { Leaf, Visit } from './leaf.ts';
import { bytesOfSource, type Source } from './live-answer.ts';
import { holdsFor, type LiveRules } from './live-rules.ts';
import { ownText } from './own-text.ts';
import { toldAt } from './told-at.ts';

/** Values are remembered by where they were told: this many. */
const maxValues = 300_000;
/** Answers that are remembered of one value: the first and the newest. */
const maxSources = 8;

/** Where the recorded answers of a run told values that are bound. Forgets what was told first beyond a number and a number of bytes. */
export class ToldValues {
  readonly #rules: LiveRules;
  readonly #schemas: () => SchemaRegistry;
  readonly #sources: BoundedMap<string, Source[]>;

  constructor(rules: LiveRules, schemas: () => SchemaRegistry, maxBytes: number) {
    this.#rules = rules;
    this.#schemas = schemas;
    this.#sources = new BoundedMap(maxValues, {
      mostBytes: maxBytes,
      bytesOf: (_, sources) => sources.reduce((sum, source) => sum + bytesOfSource(source), 0),
    });
  }

  /** Answers that told a value, the first one first. */
  of(key: string): readonly Source[] {
    return this.#sources.get(key) ?? none;
  }

  /** Takes in what the recorded answer of an exchange told. */
  remember(index: number, exchange: Exchange, operation: string): Source[] {
    const only = this.#rules.read(operation);
    if (only === undefined) return [];
    const told = new Map<string, Source>();
    const { target } = exchange.request;
    const look: Visit = (leaf) => {
      const rules = this.#rules.from(operation, leaf);
      if (rules.length === 0) return undefined;
      for (const { key, named } of joinKeys(leaf, target)) {
        const wanted = rules.some((rule) => holdsFor(rule, named, leaf.text));
        if (!wanted || told.has(`${key}\n${leaf.place}`)) continue;
        const source: Source = {
          index,
          exchange: exchange.id,
          lane: exchange.lane,
          key,
          at: toldAt(exchange),
          operation,
          leaf: ownLeaf(leaf),
          named,
          settled: false,
          overAt: Number.NaN,
          live: undefined,
        };
        told.set(`${key}\n${leaf.place}`, source);
      }
      return undefined;
    };
    readResponse(exchange, this.#schemas(), look, only);
    // Not before all is read: what throws leaves nothing that would be waited for.
    for (const source of told.values()) this.#add(source);
    return [...told.values()];
  }

  /** A source has its live value. */
  recount(source: Source): void {
    const known = this.#sources.get(source.key);
    if (known?.includes(source) === true) this.#sources.set(source.key, known);
  }

  #add(source: Source): void {
    const known = this.#sources.get(source.key) ?? [];
    // The same exchange again: a capture that is played in a loop. What was told the last time is over.
    const again = known.some(({ exchange, index }) => exchange === source.exchange && index !== source.index);
    const fresh = again ? [source] : [...known, source];
    if (fresh.length > maxSources) fresh.splice(maxSources / 2, 1);
    this.#sources.set(source.key, fresh);
  }
}

const none: readonly Source[] = [];

/** What is held for long keeps no body alive. */
function ownLeaf({ place, pointer, text, role, raw }: Leaf): Leaf {
  return {
    ...{ place: ownText(place), pointer: ownText(pointer), text: ownText(text), role },
    raw: raw === undefined ? undefined : ownText(raw),
  };
}

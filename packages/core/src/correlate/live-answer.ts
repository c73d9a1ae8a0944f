import type { Exchange } from '../model/exchange.ts';
import { headerValues } from '../model/headers.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { readResponse } from './exchange-leaves.ts';
import type { Leaf, Visit } from './leaf.ts';
import { bytesOfCookie, type LiveCookie, parseSetCookie } from './live-cookie.ts';
import { ownText } from './own-text.ts';

/** A place in a recorded answer that told a value, and what the live answer says there. */
export interface Source {
  /** Of its exchange in the run, and in the capture. */
  readonly index: number;
  readonly exchange: number;
  readonly lane: string;
  /** By which it is joined. */
  readonly key: string;
  /** When the recorded answer was over. */
  readonly at: number;
  readonly operation: string;
  readonly leaf: Leaf;
  /** Joined by more than its value. */
  readonly named: boolean;
  settled: boolean;
  /** When the live answer was over, on the run's time; NaN when that is not known. */
  overAt: number;
  live: LiveValue | undefined;
}

export interface LiveValue {
  readonly text: string;
  readonly cookie?: LiveCookie | undefined;
}

/** Of what stands around the texts of a source, entries of maps included: measured with ids of 24 characters, 964 bytes each in all. */
const sourceBytes = 740;

/** About what a source takes in memory, with its live value once that is known. */
export function bytesOfSource({ key, leaf, live }: Source): number {
  const { place, pointer, text, raw = '' } = leaf;
  const characters = key.length + place.length + pointer.length + text.length + raw.length;
  const cookie = live?.cookie === undefined ? 0 : bytesOfCookie(live.cookie);
  return sourceBytes + 2 * (characters + (live?.text.length ?? 0)) + cookie;
}

/** What a live answer says in the places that a recorded one told values in. */
export class LiveAnswer {
  readonly cookies: Map<string, LiveCookie> = new Map();
  readonly #exact = new Map<string, Leaf>();
  readonly #places = new Map<string, Leaf[]>();

  /** @param only - Places that are asked for, as `withPrefixes` has them */
  constructor(replayed: Exchange, schemas: SchemaRegistry, nowMs: number, only: ReadonlySet<string>) {
    const { request, response } = replayed;
    const note: Visit = (leaf) => {
      this.#exact.set(leaf.pointer, leaf);
      const same = this.#places.get(leaf.place);
      if (same === undefined) this.#places.set(leaf.place, [leaf]);
      else same.push(leaf);
      return undefined;
    };
    readResponse(replayed, schemas, note, only);
    for (const header of headerValues(response?.headers ?? [], 'set-cookie')) {
      const cookie = parseSetCookie(header, request.target, nowMs);
      if (cookie !== undefined) this.cookies.set(cookie.name, cookie);
    }
  }

  /**
   * The value that stands for a recorded one. One that is the same now as then stands for itself, wherever in a list it is;
   * else it is what stands in the same place.
   */
  value({ place, pointer, text, role }: Leaf, named: boolean): LiveValue | undefined {
    if (named && role === 'cookie') {
      const cookie = this.cookies.get(pointer.slice(pointer.indexOf('.') + 1));
      return cookie && { text: cookie.value, cookie };
    }
    const same = this.#places.get(place) ?? [];
    if (same.some((leaf) => leaf.text === text)) return { text };
    const exact = this.#exact.get(pointer) ?? (same.length === 1 ? same[0] : undefined);
    return exact && { text: ownText(exact.text) };
  }
}

import type { ExchangeStart } from '../../model/event.ts';
import type { RuleSet } from '../rules/rules.ts';
import type { Scope } from '../rules/scope.ts';
import type { TextMasker } from '../text/text-masker.ts';
import { addressOf, canonicalIp } from '../value/canonical.ts';
import type { HeaderMasker } from './header-masker.ts';
import { MemoryPlace, type ValueMemory } from './value-memory.ts';

/** Lanes that a tap counts up. A lane by a session key is a person's. */
const countedLane = /^[\w.:#/-]{0,24}$/;

/** Where the values of a start and of a status line repeat, under one set of rules. */
class HeadPlaces {
  readonly target: MemoryPlace = new MemoryPlace();
  readonly operation: MemoryPlace = new MemoryPlace();
  readonly lane: MemoryPlace = new MemoryPlace();
  readonly peer: MemoryPlace = new MemoryPlace();
  readonly authority: MemoryPlace = new MemoryPlace();
  readonly reason: MemoryPlace = new MemoryPlace();
}

/** Masks the start of an exchange, with its addresses and headers, and the status line. */
export class HeadMasker {
  readonly #scope: Scope;
  readonly #text: TextMasker;
  readonly #memory: ValueMemory;
  readonly #headers: HeaderMasker;
  readonly #sets = new WeakMap<RuleSet, HeadPlaces>();
  // Made once, not per value.
  readonly #mask = {
    target: (text: string) => this.#text.urls.mask(text, 0, true),
    operation: (text: string) => this.#text.urls.operation(text),
    lane: (text: string) => this.#lane(text),
    peer: (text: string) => this.#peer(text),
    authority: (text: string) => this.#headers.host(text),
    reason: (text: string) => this.#text.mask(text, 0),
  };

  constructor(scope: Scope, text: TextMasker, headers: HeaderMasker, memory: ValueMemory) {
    this.#scope = scope;
    this.#text = text;
    this.#memory = memory;
    this.#headers = headers;
  }

  /** What of a start is masked; the scope is that of its request. */
  start(
    start: ExchangeStart,
  ): Pick<ExchangeStart, 'target' | 'operation' | 'lane' | 'peer' | 'authority' | 'headers'> {
    const places = this.#places();
    this.#scope.part = 'target';
    const target = this.#recall(places.target, start.target, this.#mask.target);
    const operation = this.#optional(places.operation, start.operation, this.#mask.operation);
    this.#scope.part = 'address';
    const lane = this.#recall(places.lane, start.lane, this.#mask.lane);
    const peer = this.#optional(places.peer, start.peer, this.#mask.peer);
    const authority = this.#optional(places.authority, start.authority, this.#mask.authority);
    this.#scope.part = 'header';
    return { target, operation, lane, peer, authority, headers: this.#headers.mask(start.headers) };
  }

  reason(text: string): string {
    return this.#scope.rules.isPlain(text)
      ? text
      : this.#recall(this.#places().reason, text, this.#mask.reason);
  }

  #places(): HeadPlaces {
    const { rules } = this.#scope;
    let places = this.#sets.get(rules);
    if (places === undefined) {
      places = new HeadPlaces();
      this.#sets.set(rules, places);
    }
    return places;
  }

  #recall(place: MemoryPlace, text: string, mask: (text: string) => string): string {
    return this.#memory.recall(place, text, mask) ?? '';
  }

  #optional(
    place: MemoryPlace,
    text: string | undefined,
    mask: (text: string) => string,
  ): string | undefined {
    return text === undefined ? undefined : this.#recall(place, text, mask);
  }

  #peer(peer: string): string {
    const { rules } = this.#scope;
    if (!rules.enabled('default/peer')) return peer;
    return this.#text.maskUnder(rules.default('default/peer', 'ip'), peerAddress(peer), 0);
  }

  #lane(lane: string): string {
    const { rules } = this.#scope;
    if (countedLane.test(lane) || !rules.enabled('default/lane')) return this.#text.mask(lane, 0);
    return this.#text.maskUnder(rules.default('default/lane', 'lane'), lane, 0);
  }
}

/** The address of a peer, whatever its port. */
function peerAddress(peer: string): string {
  return addressOf(peer) ?? canonicalIp(peer) ?? peer;
}

import { type Clock, systemClock } from '../clock.ts';
import type { Exchange } from '../model/exchange.ts';
import { headerValue } from '../model/headers.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption } from '../model/option-values.ts';
import { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { type BindingEnd, type Bindings, bindingOperation } from './binding.ts';
import { checkBindings } from './bindings-file.ts';
import { CookieRenewals } from './cookie-renewals.ts';
import { type VisitedRequest, visitRequest } from './exchange-leaves.ts';
import { type JoinKey, joinKeys, valueKey } from './join-keys.ts';
import { type Leaf, type Visit, withPrefixes } from './leaf.ts';
import { LiveAnswer, type LiveValue, type Source } from './live-answer.ts';
import { cookieApplies } from './live-cookie.ts';
import { LiveNames } from './live-names.ts';
import { holdsFor, type LiveRule, LiveRules } from './live-rules.ts';
import { firstOpen, liveSource, nextOpen, type Slot } from './live-slot.ts';
import type { TimeShift } from './time-shift.ts';
import { toldAt } from './told-at.ts';
import { ToldValues } from './told-values.ts';

/** How live values are put in the place of recorded ones. */
export interface LiveValuesOptions {
  /** Of the messages of gRPC calls; asked anew for each. Default none. */
  readonly schemas?: (() => SchemaRegistry) | undefined;
  /** Longest wait for an answer that a value comes from, where its order does not make it wait. Default 10,000. */
  readonly maxWaitMs?: number | undefined;
  /**
   * What the values that were told take in memory at most, recorded and live, about: beyond it those that were told first are forgotten.
   * Default 268,435,456 (256 MiB).
   */
  readonly maxBytes?: number | undefined;
  /** Names of the hosts that are sent to, without ports: cookies may belong to them. Default none but those recorded. */
  readonly hosts?: readonly string[] | undefined;
  /** Whether cookies that are `Secure` may be sent: over TLS, or on this machine, as browsers do. Default true. */
  readonly secure?: boolean | undefined;
  /** Moves times in requests that no binding holds. Default none. */
  readonly timeShift?: TimeShift | undefined;
  /** Says when cookies are over. Default the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** What an exchange needs before it is sent, and what it is then. */
export interface LivePlan {
  /** Exchanges of the run whose answers it needs. */
  readonly after: readonly number[];
  /** Whether others may need its answer. */
  readonly tells: boolean;
  /** Undefined where it sends no bound value: then it is sent as it was recorded. */
  readonly make: (() => VisitedRequest) | undefined;
  /** Exchanges of the run that are not over and whose answers may change what `make` gives. */
  pending(): readonly number[];
}

/** When an exchange that was sent was over, and when it could have been sent but for an answer; on the run's time. */
export interface LiveMoments {
  readonly overAt: number;
  /** Absent where it did not wait. */
  readonly heldAt?: number | undefined;
}

/** What came of one binding. */
export interface BindingUse {
  readonly from: BindingEnd;
  readonly to: BindingEnd;
  /** Values that were sent live. */
  readonly used: number;
  /** Values for which no answer had told a live one: the recorded one was sent, or left out where it is a credential. */
  readonly unresolved: number;
  /** Times that an exchange waited for the answer, beyond what its order asks for. */
  readonly blocked: number;
}

interface OpenExchange {
  readonly exchange: Exchange;
  readonly told: readonly Source[];
  readonly slots: ReadonlyMap<string, Slot>;
  /** Cookies that it sends, by name. */
  readonly cookies: ReadonlyMap<string, Slot>;
}

/**
 * Joins a replay's answers with its later requests: what a recorded answer told, and a recorded request sent, is sent as the live
 * answer told it. Which answer of which exchange a value came from is known exactly, so sessions side by side do not mix.
 * Live values are held in memory alone.
 *
 * @example
 * const live = new LiveValues(await learnBindings(capture.exchanges()));
 * const run = replayExchanges(capture.exchanges(), sender, { live });
 */
export class LiveValues {
  /** Longest wait for an answer, in nanoseconds. */
  readonly maxWaitNs: number;
  readonly #rules: LiveRules;
  readonly #schemas: () => SchemaRegistry;
  readonly #hosts: readonly string[];
  readonly #secure: boolean;
  readonly #timeShift: TimeShift | undefined;
  readonly #clock: Clock;
  readonly #values: ToldValues;
  readonly #renewals = new CookieRenewals();
  /** Of exchanges that are not over. */
  readonly #open = new Map<number, OpenExchange>();

  /** @throws {@link GardenhoseError} `invalid-option` */
  constructor(bindings: Bindings, options: LiveValuesOptions = {}) {
    onlyOptions('live values', options, optionNames);
    const {
      maxWaitMs = 10_000,
      maxBytes = 256 * 1024 * 1024,
      hosts = [],
      secure = true,
      schemas,
      timeShift,
      clock = systemClock,
    } = options;
    if (!(Number.isFinite(maxWaitMs) && maxWaitMs >= 0)) {
      throw invalidOption('maxWaitMs', `must be a number of at least 0, got ${String(maxWaitMs)}`);
    }
    if (!(Number.isSafeInteger(maxBytes) && maxBytes >= 0)) {
      throw invalidOption('maxBytes', `must be a whole number of at least 0, got ${String(maxBytes)}`);
    }
    this.maxWaitNs = maxWaitMs * 1e6;
    this.#rules = new LiveRules(checkBindings(bindings, 'bindings').bindings);
    const none = new SchemaRegistry();
    this.#schemas = schemas ?? (() => none);
    this.#values = new ToldValues(this.#rules, this.#schemas, maxBytes);
    this.#clock = clock;
    this.#hosts = hosts;
    this.#secure = secure;
    this.#timeShift = timeShift;
  }

  /** Takes in the next exchange of a run, in order of their starts. */
  plan(index: number, exchange: Exchange): LivePlan {
    this.#timeShift?.begin(exchange);
    const operation = bindingOperation(exchange);
    const slots = this.#slots(exchange, operation);
    const told = this.#values.remember(index, exchange, operation);
    const cookies = cookiesOf(slots);
    for (const cookie of cookies.values()) this.#renewals.sends(cookie, index, toldAt(exchange));
    if (told.length > 0 || slots.size > 0) this.#open.set(index, { exchange, told, slots, cookies });
    const tells = told.length > 0 || cookies.size > 0;
    if (slots.size === 0 && this.#timeShift === undefined)
      return { after: noIndexes, tells, make: undefined, pending: () => noIndexes };
    return {
      after: firstOpen(slots.values()),
      tells,
      make: () => this.#make(exchange, slots),
      pending: () => this.#pending(slots, cookies, index, exchange.startAt),
    };
  }

  /** An exchange is over. Without `replayed` it was not sent. Gives what its answer is compared by. */
  told(
    index: number,
    replayed: Exchange | undefined,
    moments: LiveMoments = unknownMoments,
  ): LiveNames | undefined {
    const open = this.#open.get(index);
    if (open !== undefined) this.#over(open, index, replayed, moments);
    if (replayed?.response === undefined) return undefined;
    return new LiveNames(index, open?.told ?? [], (text) => this.#values.of(valueKey(text)));
  }

  #over(open: OpenExchange, index: number, replayed: Exchange | undefined, moments: LiveMoments): void {
    this.#open.delete(index);
    for (const cookie of open.cookies.values()) this.#renewals.over(cookie, index);
    for (const source of open.told) {
      source.settled = true;
      source.overAt = moments.overAt;
    }
    if (replayed === undefined) return;
    countBlocked(open.slots, moments.heldAt);
    if (replayed.response === undefined) return;
    const only = withPrefixes(open.told.map(({ leaf }) => leaf.place));
    const answer = new LiveAnswer(replayed, this.#schemas(), this.#clock.wallMs(), only);
    for (const source of open.told) {
      source.live = answer.value(source.leaf, source.named);
      this.#values.recount(source);
    }
    this.#renew(open, index, answer);
  }

  /** What came of each binding that was applied. */
  uses(): BindingUse[] {
    return this.#rules.all.map(({ binding: { from, to }, used, unresolved, blocked }) => ({
      from,
      to,
      used,
      unresolved,
      blocked,
    }));
  }

  #slots(exchange: Exchange, operation: string): ReadonlyMap<string, Slot> {
    const only = this.#rules.written(operation);
    if (only === undefined) return noSlots;
    const slots = new Map<string, Slot>();
    const { target } = exchange.request;
    const look: Visit = (leaf) => {
      const rules = this.#rules.to(operation, leaf);
      const keys = rules.length === 0 ? [] : joinKeys(leaf, target);
      // Keys by name come first, and are the surer ones.
      for (const key of keys) {
        const slot = this.#slot(key, leaf, rules, exchange);
        if (slot === undefined) continue;
        slots.set(leaf.pointer, slot);
        break;
      }
      return undefined;
    };
    visitRequest(exchange, this.#schemas(), look, only);
    return slots.size === 0 ? noSlots : slots;
  }

  #slot(key: JoinKey, leaf: Leaf, rules: readonly LiveRule[], exchange: Exchange): Slot | undefined {
    const known = this.#values.of(key.key).filter(({ at, lane, named }) => {
      // What says little is known of its own lane alone.
      return at <= exchange.startAt && (!named || key.strength !== 'none' || lane === exchange.lane);
    });
    if (known.length === 0) return undefined;
    for (const rule of rules) {
      const { from } = rule.binding;
      if (!holdsFor(rule, key.named, leaf.text)) continue;
      const sources = known.filter(
        (source) =>
          source.leaf.place === from.place && (from.operation === '*' || from.operation === source.operation),
      );
      // A cookie and a validator are what was told last, an id is what was told first.
      if (sources.length > 0) return { rule, leaf, key: key.key, sources: likeliest(sources, key.named) };
    }
    return undefined;
  }

  #pending(
    slots: ReadonlyMap<string, Slot>,
    cookies: ReadonlyMap<string, Slot>,
    index: number,
    startAt: number,
  ): readonly number[] {
    const pending = nextOpen(slots.values());
    for (const cookie of cookies.values()) pending.push(...this.#renewals.open(cookie, index, startAt));
    return pending;
  }

  #make(exchange: Exchange, slots: ReadonlyMap<string, Slot>): VisitedRequest {
    const { request } = exchange;
    const cookieRequest = {
      target: request.target,
      hosts: [...this.#hosts, ...recordedHost(exchange)],
      secure: this.#secure,
      nowMs: this.#clock.wallMs(),
    };
    const give: Visit = (leaf) => {
      const slot = slots.get(leaf.pointer);
      if (slot === undefined) return this.#timeShift?.visit(leaf);
      const { rule } = slot;
      const value = this.#valueOf(slot, exchange);
      const withheld = value?.cookie !== undefined && !cookieApplies(value.cookie, cookieRequest);
      if (value === undefined || withheld) {
        rule.unresolved++;
        return withheld ? null : this.#timeShift?.visit(leaf);
      }
      rule.used++;
      if (leaf.role !== 'cookie') return value.text;
      return value.cookie?.value ?? encodeURIComponent(value.text);
    };
    // Times may stand anywhere.
    const only =
      this.#timeShift === undefined
        ? withPrefixes(Array.from(slots.values(), ({ leaf }) => leaf.place))
        : undefined;
    return visitRequest(exchange, this.#schemas(), give, only);
  }

  /** A cookie that the answer set anew is that from then on, also where the recorded answer did not set it. */
  #renew({ exchange, told, cookies }: OpenExchange, index: number, answer: LiveAnswer): void {
    for (const [name, slot] of cookies) {
      const cookie = answer.cookies.get(name);
      const recorded = told.some(
        ({ leaf, named }) => named && leaf.role === 'cookie' && cookieName(leaf) === name,
      );
      if (cookie === undefined || recorded) continue;
      const source = liveSource(slot);
      if (source !== undefined) this.#renewals.renew(slot, source, { index, at: toldAt(exchange), cookie });
    }
  }

  #valueOf(slot: Slot, { startAt }: Exchange): LiveValue | undefined {
    const source = liveSource(slot);
    if (source === undefined || !slot.rule.named) return source?.live;
    const cookie = this.#renewals.newest(slot, source, startAt);
    return cookie === undefined ? source.live : { text: cookie.value, cookie };
  }
}

const optionNames: Readonly<Record<keyof LiveValuesOptions, true>> = {
  schemas: true,
  maxWaitMs: true,
  maxBytes: true,
  hosts: true,
  secure: true,
  timeShift: true,
  clock: true,
};
const noSlots: ReadonlyMap<string, Slot> = new Map();
const noIndexes: readonly number[] = [];
const unknownMoments: LiveMoments = { overAt: Number.NaN };
const noCookies: ReadonlyMap<string, Slot> = new Map();

function cookiesOf(slots: ReadonlyMap<string, Slot>): ReadonlyMap<string, Slot> {
  const cookies = [...slots.values()].filter(({ leaf, rule }) => leaf.role === 'cookie' && rule.named);
  return cookies.length === 0 ? noCookies : new Map(cookies.map((slot) => [cookieName(slot.leaf), slot]));
}

/** Of the values that an exchange sent, those whose answer was not there when it could have been sent but for that. */
function countBlocked(slots: ReadonlyMap<string, Slot>, heldAt: number | undefined): void {
  if (heldAt === undefined) return;
  for (const { rule, sources } of slots.values()) {
    const [first] = sources;
    if (first !== undefined && !(first.settled && first.overAt <= heldAt)) rule.blocked++;
  }
}

/** The name of a cookie, which places do not hold where it may itself be a value. */
function cookieName({ pointer }: Leaf): string {
  return pointer.slice(pointer.indexOf('.') + 1);
}

/** The host that the recorded request named: the target may know its cookies by it. */
function recordedHost({ request: { headers, authority } }: Exchange): string[] {
  const host = headerValue(headers, 'host') ?? authority;
  return host === undefined ? [] : [host.replace(/:\d*$/, '').toLowerCase()];
}

/** Of answers that told one value: a cookie and a validator are what was told last, an id what was told first. */
function likeliest(sources: readonly Source[], named: boolean): Source[] {
  return named ? sources.toSorted((a, b) => b.at - a.at) : [...sources];
}

import { keyNote } from '../compare/key-note.ts';
import { GardenhoseError } from '../errors.ts';
import type { PolicySummary } from '../model/capture-header.ts';
import type { Direction, ExchangeStart, Protocol } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';
import { operationOf } from '../model/operation.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { Candidates } from './candidates.ts';
import { LiveRequest } from './live-request.ts';
import { MessageReader } from './message-reader.ts';
import { differenceText, nearMisses } from './miss-text.ts';
import type { ResolvedStubOptions, StubMasking } from './options.ts';
import { isFree, isOf, type RecordedCall, RecordedCalls } from './recorded-calls.ts';
import { type RequestDifference, RequestMatcher } from './request-match.ts';
import {
  type CallHost,
  type FinishedCall,
  type StubAnswer,
  StubCall,
  type StubRequest,
} from './stub-call.ts';
import type { MissReason, NearMiss, StubMiss, StubSummary } from './summary.ts';

/** What a stub is made of. */
export interface StubRecording {
  readonly exchanges: readonly Exchange[];
  readonly registry: SchemaRegistry;
  /** Undefined where the exchanges came without a capture's header. */
  readonly policy: PolicySummary | undefined;
  /** Why the adapter cannot write the answer of an exchange. */
  readonly whyNot: (exchange: Exchange) => string | undefined;
}

const mostMisses = 100;
const mostNamed = 5;

/**
 * Recorded exchanges, served back: an adapter tells it the requests that come, and writes what it answers. Transport, connections
 * and bytes are the adapter's.
 */
export class Stub {
  readonly #options: ResolvedStubOptions;
  readonly #masking: StubMasking;
  readonly #recorded: RecordedCalls;
  readonly #candidates: Candidates;
  readonly #host: CallHost;
  readonly #notes: string[] = [];
  readonly #misses: StubMiss[] = [];
  readonly #calls = new Map<string, { calls: number; missed: number }>();
  readonly #approximations = new Map<string, number>();
  readonly #open = new Set<StubCall>();
  #ids = 0;
  #over = 0;
  #missed = 0;
  #abandoned = 0;
  #reused = 0;
  #approximate = 0;
  #maxLagNs = 0;
  #closed: string | undefined;
  readonly #direction: Direction;

  /**
   * @param recording - Exchanges in the order of their starts
   * @throws GardenhoseError `capture-empty` when there is nothing that can be served
   */
  constructor(
    { exchanges, registry, policy, whyNot }: StubRecording,
    options: ResolvedStubOptions,
    masking: StubMasking,
  ) {
    this.#options = options;
    this.#masking = masking;
    const chosen = exchanges.filter((exchange) => isOf(exchange, options.operations));
    const hasOutbound = chosen.some((exchange) => exchange.direction === 'outbound');
    this.#direction = options.direction ?? (hasOutbound ? 'outbound' : 'inbound');
    const served = chosen.filter((exchange) => exchange.direction === this.#direction);
    this.#recorded = new RecordedCalls(served, options, whyNot);
    if (this.#recorded.all.length === 0) throw nothingToServe(exchanges, this.#recorded, options);
    const matcher = new RequestMatcher(new MessageReader(registry), options, masking);
    this.#candidates = new Candidates(this.#recorded, matcher, options);
    const note = policy && masking.masker && keyNote(policy, masking.masker.summary);
    if (note !== undefined) this.#notes.push(note);
    for (const name of options.operations ?? []) {
      if (!served.some((exchange) => isOf(exchange, [name])))
        this.#notes.push(`nothing was recorded of ${name}`);
    }
    this.#host = {
      candidates: this.#candidates,
      clock: options.clock,
      refusal: () => this.#closed,
      missed: (live, reason, difference, of) => this.#noteMiss(live, reason, difference, of),
      over: (call, of) => this.#finished(call, of),
    };
  }

  /** A request begins: its head has come. */
  begin(start: ExchangeStart, answer: StubAnswer): StubRequest {
    const live = new LiveRequest(this.#asRecorded(start), this.#masking.masker, ++this.#ids);
    const call = new StubCall(this.#host, live, answer);
    this.#open.add(call);
    call.begin();
    return call;
  }

  summary(): StubSummary {
    const { all, unusable } = this.#recorded;
    const unused = all.filter(isFree).length;
    const matched = this.#over - this.#missed - this.#abandoned;
    const reasons = this.#reasons();
    return {
      calls: this.#over,
      underWay: this.#open.size,
      matched,
      missed: this.#missed,
      abandoned: this.#abandoned,
      reused: this.#reused,
      approximate: this.#approximate,
      approximations: counted(this.#approximations),
      recorded: { direction: this.#direction, exchanges: all.length, unused, unusable: counted(unusable) },
      operations: this.#operations(),
      misses: [...this.#misses],
      maxLagMs: this.#maxLagNs / 1e6,
      notes: [...this.#notes],
      verdict: this.#missed > 0 ? 1 : reasons.length > 0 ? 2 : 0,
      reasons,
    };
  }

  /** Ends what is under way without an answer, and forgets what masking remembered. */
  close(): void {
    for (const call of [...this.#open]) call.closed();
    this.#masking.masker?.close?.();
  }

  /** Rules with conditions shall find in a live request what they found in the recorded one. */
  #asRecorded(start: ExchangeStart): ExchangeStart {
    const [like] = this.#recorded.of(start.protocol, start);
    if (like === undefined) return start;
    const { direction, request } = like.exchange;
    return { ...start, direction, authority: request.authority ?? start.authority };
  }

  #finished(call: FinishedCall, of: StubCall): void {
    this.#open.delete(of);
    const missed = call.missDetail !== undefined;
    const outcome = missed ? 'missed' : call.served === undefined ? 'abandoned' : 'matched';
    this.#over++;
    if (missed) this.#missed++;
    else if (call.served === undefined) this.#abandoned++;
    else {
      if (call.reused) this.#reused++;
      if (call.approximate.length > 0) this.#approximate++;
      for (const why of call.approximate) addTo(this.#approximations, why);
    }
    this.#maxLagNs = Math.max(this.#maxLagNs, call.maxLagNs);
    const operation = call.served?.operation ?? nameOf(call.start);
    const counts = this.#calls.get(operation) ?? { calls: 0, missed: 0 };
    counts.calls++;
    if (missed) counts.missed++;
    if (this.#calls.has(operation) || this.#calls.size < 10_000) this.#calls.set(operation, counts);
    this.#options.onCall({
      operation,
      exchange: call.served?.exchange.id,
      outcome,
      reused: call.reused && !missed,
      approximate: call.approximate,
      detail: call.missDetail,
    });
  }

  #noteMiss(
    live: LiveRequest,
    reason: MissReason,
    difference: RequestDifference | undefined,
    of: RecordedCall | undefined,
  ): string {
    const operation = nameOf(live.start);
    const calls = this.#recorded.of(live.start.protocol, live.start);
    const near: readonly NearMiss[] =
      reason === 'different' || reason === 'out-of-order'
        ? nearMisses(calls, live, this.#candidates)
        : difference !== undefined && of !== undefined
          ? [{ exchange: of.exchange.id, used: false, ...difference, differences: 1 }]
          : [];
    const detail = this.#detail(operation, reason, near, calls.length);
    if (this.#options.match === 'strict') this.#closed ??= detail;
    if (this.#misses.length < mostMisses) this.#misses.push({ operation, reason, detail, near });
    return detail;
  }

  #detail(operation: string, reason: MissReason, near: readonly NearMiss[], recordings: number): string {
    const [nearest] = near;
    const where =
      nearest === undefined
        ? ''
        : `; the nearest is exchange ${nearest.exchange}${nearest.used ? ', served already' : ''}: ${differenceText(nearest)}`;
    switch (reason) {
      case 'unknown':
        return `nothing was recorded of ${operation}; the recording has ${this.#names()}`;
      case 'different':
        return `no recorded request of ${operation} is like this one${where}`;
      case 'exhausted':
        return `all recordings of such a request of ${operation} have been served (${recordings} of the operation)`;
      case 'diverged':
        return `this request of ${operation} went on otherwise than that of the recording${where}`;
      case 'out-of-order': {
        const next = this.#recorded.next();
        const expected =
          next === undefined
            ? 'the recording is at its end'
            : `the next of the recording is exchange ${next.exchange.id}, ${next.operation}`;
        return `a request of ${operation} is out of order: ${expected}${where}`;
      }
      case 'closed':
        return `refused, since an earlier request was not that of the recording: ${this.#closed ?? ''}`;
    }
  }

  #names(): string {
    const names = [...new Set(this.#recorded.all.map((call) => call.operation))];
    const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
    return `${names.slice(0, mostNamed).join(', ')}${more}`;
  }

  #reasons(): string[] {
    const reasons: string[] = [];
    if (this.#missed > 0) reasons.push(`${this.#missed} of ${this.#over} calls had no recording`);
    if (this.#reused > 0) reasons.push(`${this.#reused} calls were served by a recording for a second time`);
    if (this.#approximate > 0)
      reasons.push(`${this.#approximate} calls were matched or answered approximately`);
    if (this.#over === 0) reasons.push('nothing was asked');
    return reasons;
  }

  #operations(): StubSummary['operations'] {
    const rows = new Map<string, { recorded: number; unused: number }>();
    for (const call of this.#recorded.all) {
      const row = rows.get(call.operation) ?? { recorded: 0, unused: 0 };
      row.recorded++;
      if (isFree(call)) row.unused++;
      rows.set(call.operation, row);
    }
    for (const name of this.#calls.keys()) if (!rows.has(name)) rows.set(name, { recorded: 0, unused: 0 });
    return Array.from(rows, ([operation, row]) => ({
      operation,
      ...row,
      ...(this.#calls.get(operation) ?? { calls: 0, missed: 0 }),
    }));
  }
}

function nothingToServe(
  exchanges: readonly Exchange[],
  { unusable }: RecordedCalls,
  { operations, direction }: ResolvedStubOptions,
): GardenhoseError {
  const why = Array.from(unusable, ([reason, count]) => `${count} because ${reason}`).join(', ');
  const asked = [operations?.join(', '), direction].filter((text) => text !== undefined).join(', ');
  const of = asked === '' ? '' : ` of ${asked}`;
  const names = [...new Set(exchanges.map(operationOf))].slice(0, mostNamed).join(', ');
  return new GardenhoseError(
    'capture-empty',
    why !== ''
      ? `none of the recorded exchanges${of} can be served: ${why}${why.includes('schema-unknown') ? '; record with the schemas of the messages, without which these are not kept' : ''}`
      : exchanges.length === 0
        ? 'the recording has no exchange of this protocol to serve'
        : `the recording has no exchange${of} to serve; it has ${names}`,
  );
}

const protocols: Readonly<Record<Protocol, (start: ExchangeStart) => string>> = {
  grpc: ({ target }) => target.slice(1, 257),
  http: ({ method, target }) => `${method} ${target.split('?', 1)[0] ?? ''}`.slice(0, 256),
  websocket: ({ target }) => target.slice(0, 256),
};

/** An operation that was not recorded has no name but what was asked, as it was masked. */
const nameOf = (start: ExchangeStart): string => start.operation ?? protocols[start.protocol](start);

function addTo(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function counted(counts: ReadonlyMap<string, number>): { why: string; count: number }[] {
  return Array.from(counts, ([why, count]) => ({ why, count })).sort((a, b) => b.count - a.count);
}

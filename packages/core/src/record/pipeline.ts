import type { Clock } from '../clock.ts';
import type { RecordHooks } from '../hook/hook.ts';
import { isExchangeEvent } from '../hook/hook.ts';
import { type HookedEvent, RecordHookRunner } from '../hook/run-record-hooks.ts';
import type { Masker } from '../mask/masker.ts';
import type { AbortEvent, CaptureEvent, ExchangeEvent, ExchangeId, StartEvent } from '../model/event.ts';
import { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { declaringSink, type SelfDeclaring } from './declaring-sink.ts';
import { GapLog } from './gap-log.ts';
import { HoldingBuffer } from './holding.ts';
import { InflateWindows } from './inflate-windows.ts';
import type { HoldingPlan } from './outcome.ts';
import type { PipelineStats } from './pipeline-stats.ts';
import { RawReader } from './raw-reader.ts';
import { noSaves, type SaveTrigger } from './save-trigger.ts';
import { LaneNamer, type LaneSource } from './session-lane.ts';
import type { Sink } from './sink.ts';
import { UnknownNames } from './unknown-names.ts';

/** Events given to the sink at once, at most. */
const batchEvents = 1024;

/** What a pipeline is made of. */
export interface PipelineParts {
  readonly masker: Masker;
  readonly hooks: RecordHooks | undefined;
  readonly hookTimeoutMs: number;
  readonly sink: Sink;
  readonly clock: Clock;
  /** Where sessions stand that are lanes. */
  readonly lanes: readonly LaneSource[];
  /** Set when it counts how exchanges end whether they are recorded. */
  readonly holding: HoldingPlan | undefined;
}

/** What is remembered of an exchange under way. */
interface Passing {
  /** Whether anything of it was given to the sink. */
  started: boolean;
  /** Why nothing more of it is kept. */
  lost: 'hook' | 'mask' | undefined;
  requestEnded: boolean;
  responseEnded: boolean;
}

/**
 * Unpacks raw events, masks them, runs hooks on them and gives them to the sink, in order. The same in a worker and
 * inline. Calls must not overlap. Nothing that goes wrong here is thrown: it is counted, and declared by gaps.
 */
export class Pipeline {
  readonly #masker: Masker;
  readonly #hooks: RecordHookRunner | undefined;
  /** Sees events before they are masked. */
  readonly #rawHooks: RecordHookRunner | undefined;
  /** What hooks are told of messages. */
  readonly #schemas: SchemaRegistry | undefined;
  readonly #lanes: LaneNamer;
  readonly #holding: HoldingBuffer | undefined;
  readonly #sink: SelfDeclaring;
  readonly #passing = new Map<number, Passing>();
  readonly #windows = new InflateWindows();
  readonly #gaps = new GapLog(false);
  readonly #eventsLost = { hook: 0, mask: 0 };
  readonly #exchangesLost = { hook: 0, mask: 0 };
  #batch: CaptureEvent[] = [];
  #lastSeq = 0;
  #written = 0;
  #hookDrops = 0;
  #masked = 0;
  readonly #unknownHeaders = new UnknownNames();
  readonly #unread = new UnknownNames();
  #sinkErrors = 0;
  #flushes = 0;
  #lastError: string | undefined;

  constructor(parts: PipelineParts) {
    const { hooks, masker, sink } = parts;
    this.#masker = masker;
    this.#lanes = new LaneNamer(parts.lanes, masker);
    this.#holding = parts.holding && new HoldingBuffer(parts.holding);
    this.#sink = declaringSink(sink);
    if (hooks !== undefined) this.#schemas = new SchemaRegistry();
    const runner = (point: 'masked' | 'raw') =>
      hooks && new RecordHookRunner(hooks, parts.hookTimeoutMs, parts.clock, point, this.#schemas);
    if (hooks?.onExchange !== undefined || hooks?.onEvent !== undefined) this.#hooks = runner('masked');
    if (hooks?.beforeMask !== undefined) this.#rawHooks = runner('raw');
  }

  /** Takes the events packed into the first `used` bytes. The memory may be used again when this is done. */
  async process(memory: SharedArrayBuffer, used: number): Promise<void> {
    const reader = new RawReader(memory, used, this.#windows);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (this.#holding === undefined) {
        const pending = this.#pass(event);
        // Most events wait for nothing, and a promise for each would cost more than the rest of this loop.
        if (pending !== undefined) await pending;
      } else {
        await this.#passAll(this.#holding.take(event, reader.shares, reader.packedBytes));
      }
      if (this.#batch.length >= batchEvents) await this.#write();
    }
    await this.#write();
  }

  async #passAll(events: readonly CaptureEvent[]): Promise<void> {
    for (const event of events) {
      const pending = this.#pass(event);
      if (pending !== undefined) await pending;
      if (this.#batch.length >= batchEvents) await this.#write();
    }
  }

  #pass(event: CaptureEvent): Promise<void> | undefined {
    if (event.type === 'start') return this.#begin(event);
    if (isExchangeEvent(event)) return this.#take(event);
    if (event.type === 'schema') this.#schemas?.add(event.data);
    this.#tellMasker(event);
    this.#emit(event);
    return undefined;
  }

  #begin(start: StartEvent): Promise<void> | undefined {
    let named: StartEvent;
    try {
      named = this.#lanes.named(start);
    } catch (error) {
      // The masker makes the token of its session, and failed.
      this.#lastError = describe(error);
      this.#lose(start, this.#passingOf(start.exchange), 'mask', 'mask-failed');
      return undefined;
    }
    return this.#take(named);
  }

  /** Whether the sink could. */
  async flush(): Promise<boolean> {
    try {
      await this.#sink.flush();
      this.#flushes++;
      return true;
    } catch (error) {
      this.#sinkFailed(error);
      return false;
    }
  }

  /** Has the sink save what it keeps, with all that came so far: nothing is held back any longer. */
  async trigger(trigger: SaveTrigger): Promise<string | undefined> {
    if (this.#holding !== undefined) await this.#passAll(this.#holding.releaseAll());
    await this.#write();
    try {
      return await this.#sink.trigger?.(trigger);
    } catch (error) {
      this.#sinkFailed(error);
      return undefined;
    }
  }

  async close(): Promise<void> {
    if (this.#holding !== undefined) await this.#passAll(this.#holding.releaseAll());
    await this.#write();
    try {
      await this.#sink.close();
      this.#flushes++;
    } catch (error) {
      this.#sinkFailed(error);
    }
    try {
      this.#masker.close?.();
    } catch (error) {
      // It may quote what it remembered.
      this.#lastError = describe(error);
    }
  }

  stats(): PipelineStats {
    const bySink = this.#sink.lost();
    return {
      written: this.#written,
      eventsLost: { ...this.#eventsLost, 'sink-failed': bySink.events },
      exchangesLost: { ...this.#exchangesLost, 'sink-failed': bySink.exchanges },
      hookDrops: this.#hookDrops,
      masked: this.#masked,
      unknownHeaders: this.#unknownHeaders.entries(),
      unread: this.#unread.entries(),
      saves: this.#sink.saves?.() ?? noSaves,
      sampledOut: this.#holding?.sampledOut ?? 0,
      eventsSampledOut: this.#holding?.eventsOut ?? 0,
      undecided: this.#holding?.undecided ?? 0,
      sinkErrors: this.#sinkErrors,
      flushes: this.#flushes,
      lastError: this.#lastError,
    };
  }

  /** Masks an event, and takes what may be kept of it. Of an exchange that was lost nothing is, and that is declared. */
  #take(event: ExchangeEvent): Promise<void> | undefined {
    const passing = this.#passingOf(event.exchange);
    if (passing.lost !== undefined) {
      this.#eventsLost[passing.lost]++;
      this.#gaps.add(event, passing.lost, 0);
      this.#forgetIfOver(event, passing);
      return undefined;
    }
    if (this.#rawHooks !== undefined) return this.#takeRaw(event, passing, this.#rawHooks);
    const masked = this.#maskOf(event, passing);
    if (this.#hooks !== undefined) return this.#takeHooked(event, passing, masked, this.#hooks);
    for (const kept of masked) if (isExchangeEvent(kept)) this.#emitOf(passing, kept);
    this.#forgetIfOver(event, passing);
    return undefined;
  }

  #maskOf(event: ExchangeEvent, passing: Passing): readonly CaptureEvent[] {
    try {
      return this.#masker.mask(event);
    } catch (error) {
      this.#lastError = describe(error);
      this.#lose(event, passing, 'mask', 'mask-failed');
      return [];
    }
  }

  /** What hooks make of an event before it is masked is masked, with the notes that they put on its exchange. */
  async #takeRaw(event: ExchangeEvent, passing: Passing, hooks: RecordHookRunner): Promise<void> {
    const result = await this.#hooked(event, event, passing, hooks);
    if (result !== undefined) {
      for (const each of withMarks(result.event, result.marks, event)) {
        // What came before it may have lost the exchange.
        const masked = passing.lost === undefined ? this.#maskOf(each, passing) : [];
        if (this.#hooks !== undefined) await this.#keepHooked(event, passing, masked, this.#hooks);
        else for (const kept of masked) if (isExchangeEvent(kept)) this.#emitOf(passing, kept);
      }
    }
    this.#forgetIfOver(event, passing);
  }

  async #takeHooked(
    event: ExchangeEvent,
    passing: Passing,
    masked: readonly CaptureEvent[],
    hooks: RecordHookRunner,
  ): Promise<void> {
    await this.#keepHooked(event, passing, masked, hooks);
    this.#forgetIfOver(event, passing);
  }

  async #keepHooked(
    event: ExchangeEvent,
    passing: Passing,
    masked: readonly CaptureEvent[],
    hooks: RecordHookRunner,
  ): Promise<void> {
    for (const each of masked) {
      if (!isExchangeEvent(each)) continue;
      const result = await this.#hooked(event, each, passing, hooks);
      if (result === undefined) return;
      for (const kept of withMarks(result.event, result.marks, event)) {
        // Hooks are given what is masked, but what they add may be anything.
        const shown = kept === each ? kept : this.#maskedAgain(kept);
        if (shown !== undefined) this.#emitOf(passing, shown);
      }
    }
  }

  #maskedAgain(event: ExchangeEvent): ExchangeEvent | undefined {
    return this.#masker.again === undefined ? event : this.#masker.again(event);
  }

  /** What the hooks make of one event; undefined when its exchange goes no further. */
  async #hooked(
    event: ExchangeEvent,
    given: ExchangeEvent,
    passing: Passing,
    hooks: RecordHookRunner,
  ): Promise<HookedEvent | undefined> {
    try {
      const result = await hooks.run(given);
      if (!result.dropped) return result;
      this.#hookDrops++;
      this.#lose(event, passing, 'hook', 'hook-dropped');
    } catch (error) {
      this.#lastError = describe(error);
      this.#lose(event, passing, 'hook', 'hook-failed');
    }
    return undefined;
  }

  #passingOf(exchange: ExchangeId): Passing {
    let passing = this.#passing.get(exchange);
    if (passing === undefined) {
      passing = { started: false, lost: undefined, requestEnded: false, responseEnded: false };
      this.#passing.set(exchange, passing);
    }
    return passing;
  }

  /** Takes an exchange out from this event on. */
  #lose(event: ExchangeEvent, passing: Passing, reason: 'hook' | 'mask', code: string): void {
    passing.lost = reason;
    const { at, exchange } = event;
    const seq = Math.max(event.seq - 1, this.#lastSeq);
    const ending = this.#endingOf({ type: 'abort', seq, at, exchange, by: 'recorder', code });
    if (passing.started) for (const last of ending) this.#emitOf(passing, last);
    this.#exchangesLost[reason]++;
    this.#eventsLost[reason]++;
    // Its number may stand already on what the masker made of it before.
    if (seq < event.seq) this.#gaps.add(event, reason, passing.started ? 0 : 1);
  }

  /** What it makes of later events takes the number of the event before, and this may be it. */
  #tellMasker(event: CaptureEvent): void {
    try {
      this.#masker.mask(event);
    } catch (error) {
      this.#lastError = describe(error);
    }
  }

  /** What closes an exchange that goes no further. Tells the masker, so that it lets go of what it holds of it. */
  #endingOf(abort: AbortEvent): readonly ExchangeEvent[] {
    try {
      return this.#masker.mask(abort).flatMap((event): readonly ExchangeEvent[] => {
        // The masker has seen the event that the exchange was lost with, and numbers its audit by it.
        if (event.type === 'audit') return [{ ...event, seq: abort.seq, at: abort.at }];
        return event.type === 'abort' ? [event] : [];
      });
    } catch (error) {
      this.#lastError = describe(error);
      return [abort];
    }
  }

  #forgetIfOver(event: ExchangeEvent, passing: Passing): void {
    if (event.type === 'end') {
      if (event.side === 'request') passing.requestEnded = true;
      else passing.responseEnded = true;
    }
    if (event.type === 'abort' || (passing.requestEnded && passing.responseEnded)) {
      this.#passing.delete(event.exchange);
    }
  }

  /** Gives the sink an event of an exchange. */
  #emitOf(passing: Passing, event: ExchangeEvent): void {
    passing.started = true;
    if (event.type === 'audit') {
      for (const { rule, count } of event.entries) {
        this.#masked += count;
        const reason = unreadReason(rule);
        if (reason !== undefined) this.#unread.add(reason, count);
      }
      for (const name of event.unknownHeaders) this.#unknownHeaders.add(name);
    }
    this.#emit(event);
  }

  #emit(event: CaptureEvent): void {
    this.#gaps.declareInto(this.#batch);
    this.#batch.push(event);
    this.#lastSeq = event.seq;
  }

  async #write(): Promise<void> {
    this.#gaps.declareInto(this.#batch);
    const events = this.#batch;
    this.#batch = [];
    if (events.length === 0) return;
    try {
      await this.#sink.write(events);
      this.#written += events.length;
    } catch (error) {
      this.#sinkFailed(error);
    }
  }

  #sinkFailed(error: unknown): void {
    this.#sinkErrors++;
    this.#lastError = describe(error);
  }
}

/** An event with the notes that hooks put on its exchange: behind it, but before the last of an exchange. */
function withMarks(
  kept: ExchangeEvent,
  marks: HookedEvent['marks'],
  { seq, at, exchange }: ExchangeEvent,
): readonly ExchangeEvent[] {
  if (marks.length === 0) return [kept];
  const notes = marks.map((mark): ExchangeEvent => ({ type: 'mark', seq, at, exchange, ...mark }));
  return kept.type === 'end' || kept.type === 'abort' ? [...notes, kept] : [kept, ...notes];
}

/** The message of an error of ours, which holds no recorded value; of any other error only its name and code. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  if (error.name === 'GardenhoseError') return error.message;
  return 'code' in error && typeof error.code === 'string' ? `${error.name} ${error.code}` : error.name;
}

const droppedRule = 'dropped:';

/** Why the mask left something out; undefined for rules that do so on purpose. */
function unreadReason(rule: string): string | undefined {
  if (rule === 'dropped:removed') return undefined;
  if (rule.startsWith(droppedRule)) return rule.slice(droppedRule.length);
  return rule === 'default/proto/unknown-field' ? 'unknown-field' : undefined;
}

import type { Clock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import type { ExchangeEvent } from '../model/event.ts';
import type { Mark } from '../model/exchange.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import type { HookContext, RecordHooks } from './hook.ts';

/** What the hooks made of one event. */
export interface HookedEvent {
  /** The event to keep: as it was, or rewritten. */
  readonly event: ExchangeEvent;
  /** Notes to put on the exchange. */
  readonly marks: readonly Mark[];
  /** The exchange is to be taken out. */
  readonly dropped: boolean;
}

type Given = ExchangeEvent | undefined | void;

/** Runs record hooks on one event after the other, with a time limit. */
export class RecordHookRunner {
  readonly #hooks: RecordHooks;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #point: 'masked' | 'raw';
  readonly #schemas: SchemaRegistry | undefined;

  /**
   * @param point - which of the hooks: those for what is masked, or that for what is not masked yet
   * @param schemas - what hooks are told of messages
   */
  constructor(
    hooks: RecordHooks,
    timeoutMs: number,
    clock: Clock,
    point: 'masked' | 'raw' = 'masked',
    schemas?: SchemaRegistry,
  ) {
    this.#hooks = hooks;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#point = point;
    this.#schemas = schemas;
  }

  /**
   * Asks the hooks about an event. A hook can change what an event says, not when it happened, which exchange it
   * belongs to, or what kind of event it is.
   *
   * @throws {@link GardenhoseError} `hook-failed`, `hook-timeout`
   */
  async run(event: ExchangeEvent): Promise<HookedEvent> {
    const context = new EventContext(this.#schemas);
    try {
      const given = this.#call(event, context);
      const result = given instanceof Promise ? await this.#inTime(given) : given;
      return { event: this.#checked(event, result), marks: context.marks, dropped: context.dropped };
    } catch (error) {
      if (error instanceof GardenhoseError) throw error;
      const what = error instanceof Error ? error.name : typeof error;
      throw new GardenhoseError('hook-failed', `a record hook failed on a '${event.type}' event (${what})`, {
        cause: error,
      });
    } finally {
      context.close();
    }
  }

  #call(event: ExchangeEvent, context: HookContext): Given | Promise<Given> {
    if (this.#point === 'raw') return this.#hooks.beforeMask?.(event, context);
    return event.type === 'start'
      ? this.#hooks.onExchange?.(event, context)
      : this.#hooks.onEvent?.(event, context);
  }

  async #inTime(result: Promise<Given>): Promise<Given> {
    let stop: (() => void) | undefined;
    const late = new Promise<never>((_, reject) => {
      stop = this.#clock.after(this.#timeoutMs, () => {
        reject(new GardenhoseError('hook-timeout', `a record hook took longer than ${this.#timeoutMs} ms`));
      });
    });
    try {
      return await Promise.race([result, late]);
    } finally {
      stop?.();
    }
  }

  #checked(event: ExchangeEvent, result: Given): ExchangeEvent {
    if (result === undefined || result === event) return event;
    if (result.type !== event.type) {
      throw new GardenhoseError(
        'hook-failed',
        `a record hook gave back a '${result.type}' event in place of a '${event.type}' event`,
      );
    }
    return { ...result, seq: event.seq, at: event.at, exchange: event.exchange };
  }
}

/** Collects what a hook asks for while it runs; deaf afterwards, when a hook that came too late goes on. */
class EventContext implements HookContext {
  readonly marks: Mark[] = [];
  readonly schemas: SchemaRegistry | undefined;
  dropped = false;
  #open = true;

  constructor(schemas: SchemaRegistry | undefined) {
    this.schemas = schemas;
  }

  mark(name: string, value: string): void {
    if (this.#open) this.marks.push({ name: String(name), value: String(value) });
  }

  drop(): void {
    if (this.#open) this.dropped = true;
  }

  close(): void {
    this.#open = false;
  }
}

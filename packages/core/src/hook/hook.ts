import type { CaptureEvent, ExchangeEvent, StartEvent } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';

type Awaitable<T> = T | Promise<T>;

/** What a hook may do besides rewriting. */
export interface HookContext {
  /** Puts a note on the exchange. */
  mark(name: string, value: string): void;
  /** Takes the exchange out: while recording, from here on; at replay, it is not sent. Counted. */
  drop(): void;
  /** Tells the messages of gRPC calls: all that was said of them so far. Absent where nothing is. */
  readonly schemas?: SchemaRegistry | undefined;
}

/** Any event of an exchange after its first. */
export type LaterEvent = Exclude<ExchangeEvent, StartEvent>;

/**
 * Named points on the exchange while it is recorded: masked, but for `beforeMask`. A point returns what shall be kept in place of what it was
 * given, or nothing to keep it as it is; what it changes in heads and notes is masked again. A hook that throws or takes longer than `hookTimeoutMs` loses its exchange,
 * counted; the service never notices.
 */
export interface RecordHooks {
  /**
   * Any event of an exchange before it is masked, as the tap saw it: body content comes as `chunk` events, whose bytes are
   * only good until the hook is done. What it gives back, and its marks, are masked like anything else. The header of the
   * capture says that such a hook ran. It runs in memory, in the thread that masks; what it must not do is to put what it sees anywhere else.
   */
  beforeMask?(event: ExchangeEvent, context: HookContext): Awaitable<ExchangeEvent | undefined | void>;
  /** An exchange begins. */
  onExchange?(start: StartEvent, context: HookContext): Awaitable<StartEvent | undefined | void>;
  /** Any later event of an exchange. Body content comes as `body` events. */
  onEvent?(event: LaterEvent, context: HookContext): Awaitable<LaterEvent | undefined | void>;
}

/** What a replay hook may do besides rewriting. */
export interface ReplayContext extends HookContext {
  /** Kept for the whole run and shared by the exchanges of one lane: cookies, tokens, what an answer taught. */
  readonly lane: Map<string, unknown>;
}

/** What came of sending an exchange, as hooks see it. */
export interface Outcome {
  /** The exchange as it was answered now; its `response` is the live one. */
  readonly replayed: Exchange;
}

/** Named points on an exchange while it is replayed. `onSend` runs just before the exchange goes out. */
export interface ReplayHooks {
  /**
   * `onSend` asks nothing but its exchange and keeps nothing, so it may run as soon as the exchange is read. That leaves the
   * engine in its worker. Default false: it runs just before the exchange goes out.
   */
  readonly ahead?: boolean | undefined;
  onSend?(exchange: Exchange, context: ReplayContext): Exchange | undefined | void;
  /** The answer is there, or the exchange failed. */
  onOutcome?(recorded: Exchange, outcome: Outcome, context: ReplayContext): void;
}

/** Events that hooks see: everything but gaps, clocks and controls. */
export function isExchangeEvent(event: CaptureEvent): event is ExchangeEvent {
  const { type } = event;
  return type !== 'gap' && type !== 'control' && type !== 'clock' && type !== 'schema';
}

import { systemClock } from '../clock.ts';
import type { LivePlan } from '../correlate/live-values.ts';
import { GardenhoseError, isGardenhoseError } from '../errors.ts';
import type { HookContext } from '../hook/hook.ts';
import type { Exchange, Mark } from '../model/exchange.ts';
import { endedByDeadline } from '../model/grpc-status.ts';
import { isSessionLane } from '../record/session-lane.ts';
import { withoutCredentials } from './credentials.ts';
import { type Guard, isMutation } from './guard.ts';
import { withHostSuffix } from './host-suffix.ts';
import { markForWire } from './marks.ts';
import type { RunOptions } from './options.ts';
import { type AnswerError, isUnsendable, type Sender, type Shipment, type Unsendable } from './sender.ts';

/** Why an exchange is not sent, before anything is asked of hooks or the sender. */
export function reasonToSkip(exchange: Exchange, { allowMutations, readOnly }: Guard): string | undefined {
  if (exchange.direction === 'outbound') return 'outbound';
  if (exchange.partial.length > 0) return 'partial';
  if (!allowMutations && isMutation(exchange, readOnly)) return 'mutation';
  return undefined;
}

/** An exchange on its way to the wire: what hooks made of it, and what they said. */
export class Preparation {
  readonly marks: Mark[] = [];
  error: AnswerError | undefined;
  readonly #recorded: Exchange;
  readonly #sender: Sender;
  readonly #options: RunOptions;
  readonly #index: number;
  readonly #iteration: number | undefined;
  /** Wall-clock milliseconds; the same each time that the exchange is made. */
  readonly #atMs: number = systemClock.wallMs();
  readonly #live: LivePlan | undefined;
  /**
   * What a hook made of it, or live values. What is made without them can be made again, and need not be held until the
   * answer comes.
   */
  #made: Exchange | undefined;

  constructor(
    recorded: Exchange,
    index: number,
    iteration: number | undefined,
    sender: Sender,
    options: RunOptions,
    live?: LivePlan,
  ) {
    this.#recorded = recorded;
    this.#sender = sender;
    this.#options = options;
    this.#index = index;
    this.#iteration = iteration;
    this.#live = live;
  }

  /** As it is sent, once {@link make} has run. */
  get sent(): Exchange {
    return this.#made ?? this.#marked(this.#bare());
  }

  /**
   * Puts live values in, runs `onSend`, puts the marks on, and has the sender make it ready, with the offsets of its parts as
   * planned. Never throws: it is called between the timers of an engine, where nobody could catch it.
   */
  make(lane: Map<string, unknown>): Shipment | Unsendable {
    try {
      return this.#make(lane);
    } catch (error) {
      this.error = requestError(error);
      return notMade;
    }
  }

  #make(lane: Map<string, unknown>): Shipment | Unsendable {
    const { hooks, guard } = this.#options;
    if (hooks?.onSend === undefined) {
      // Where nothing waits for its time the answer is there soon, and what is held meanwhile is little.
      const soonOver = this.#options.schedule.description === 'asap' && !this.#options.brief;
      if (soonOver || this.#live?.make !== undefined) this.#made = this.#marked(this.#bare());
      return this.#shipment(this.sent, undefined);
    }
    const bare = this.#bare();
    let dropped = false;
    const drop = () => {
      dropped = true;
    };
    let sent: Exchange;
    try {
      sent = hooks.onSend(bare, { ...this.context(drop), lane }) ?? bare;
    } catch (error) {
      this.error = hookError('onSend', error);
      return { skip: 'hook' };
    }
    if (dropped) return { skip: 'hook' };
    if (!guard.allowMutations && isMutation(sent, guard.readOnly)) return { skip: 'mutation' };
    this.#made = this.#marked(sent);
    return this.#shipment(this.#made, this.#recorded);
  }

  /** With live values, and without the credentials it was recorded with. */
  #bare(): Exchange {
    const { exchange, given } = this.#live?.make?.() ?? { exchange: this.#recorded, given: undefined };
    return this.#options.guard.keepCredentials ? exchange : withoutCredentials(exchange, given);
  }

  context(drop: () => void): HookContext {
    return { mark: (name, value) => void this.marks.push({ name, value }), drop };
  }

  /** The exchange with the marks that hooks put on it. */
  noted(exchange: Exchange): Exchange {
    const fresh = this.marks.filter(
      (mark) => !exchange.marks.some(({ name, value }) => name === mark.name && value === mark.value),
    );
    return fresh.length === 0 ? exchange : { ...exchange, marks: [...exchange.marks, ...fresh] };
  }

  #marked(bare: Exchange): Exchange {
    const { marks } = this.#options;
    return marks === undefined ? bare : markForWire(bare, marks, this.#index, this.#atMs, this.#iteration);
  }

  #shipment(sent: Exchange, recorded: Exchange | undefined): Shipment | Unsendable {
    const suffix = this.#options.marks?.hostSuffix;
    const authority = suffix === undefined ? undefined : (name: string) => withHostSuffix(name, suffix);
    const shipment = this.#sender.prepare(sent, recorded, authority);
    return isUnsendable(shipment) ? shipment : this.#paced(shipment, sent);
  }

  #paced(shipment: Shipment, sent: Exchange): Shipment {
    const { schedule, laneOf, orderName } = this.#options;
    const awaits = orderName !== 'none';
    const { abandonNs, deadlineNs } = shipment;
    const [first] = shipment.parts;
    const onePiece = shipment.parts.length === 1 && first?.offsetNs === 0;
    // What overlaps in such a lane was on several connections.
    const joined = laneOf !== undefined || isSessionLane(this.#recorded.lane);
    if (onePiece && abandonNs === undefined && deadlineNs === undefined && !joined) return shipment;
    return {
      ...shipment,
      parts: shipment.parts.map(({ offsetNs, bytes, kind, afterMessages }) => ({
        offsetNs: schedule.offset(offsetNs),
        bytes,
        kind,
        afterMessages: awaits ? afterMessages : undefined,
      })),
      deadlineNs:
        deadlineNs === undefined ? undefined : schedule.deadlineAfter(deadlineNs, endedByDeadline(sent)),
      abandonNs: abandonNs === undefined ? undefined : schedule.abandonAfter(abandonNs),
      alone: shipment.alone === true || joined,
    };
  }
}

/** An exchange whose request could not be made, since live values or the sender threw. */
export const notMade: Unsendable = { skip: 'request-invalid' };

/** Why it could not. */
export function requestError(error: unknown): AnswerError {
  if (isGardenhoseError(error)) return { code: error.code, message: error.message };
  return {
    code: 'request-invalid',
    message: `Making the request threw (${kindOf(error)}): neither live values nor a sender may do that. It was not sent`,
  };
}

export function hookError(point: string, error: unknown): AnswerError {
  if (isGardenhoseError(error)) return { code: error.code, message: error.message };
  return { code: 'hook-failed', message: `The hook ${point} threw (${kindOf(error)})` };
}

/** All that is told of a foreign error: its message may quote what the code was given that threw it. */
export function kindOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

/** What `drop()` does where it comes too late. */
export function dropTooLate(): never {
  throw new GardenhoseError('hook-failed', 'drop() was called in onOutcome, when the exchange had been sent');
}

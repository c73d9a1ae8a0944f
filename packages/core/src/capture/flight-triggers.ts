import type { CaptureEvent, ExchangeId } from '../model/event.ts';
import { headerValue } from '../model/headers.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption } from '../model/option-values.ts';
import {
  checkOutcome,
  EndWatch,
  outcomeNames,
  outcomeWords,
  type SampledOutcome,
} from '../record/outcome.ts';

/** At the end of which exchanges a recording is saved. All that is given must hold. */
export interface FlightTrigger extends SampledOutcome {
  /** The request or its answer has a header of this name. */
  readonly header?: string | undefined;
}

/** More exchanges under way than this are not watched. */
const mostOpen = 65_536;
const mostTriggers = 100;

interface Watched {
  readonly end: EndWatch;
  /** Places of the triggers whose header was seen. */
  seen: Set<number> | undefined;
}

/** Tells at the end of an exchange whether it is one that a recording is saved for. */
export class ExchangeTriggers {
  readonly #triggers: readonly FlightTrigger[];
  readonly #hasHeaders: boolean;
  readonly #open = new Map<ExchangeId, Watched>();

  /** @throws GardenhoseError `invalid-option` */
  constructor(triggers: readonly FlightTrigger[]) {
    if (!Array.isArray(triggers) || triggers.length > mostTriggers)
      throw invalidOption('on', `must be a list of at most ${mostTriggers} triggers`);
    triggers.forEach(checkTrigger);
    this.#triggers = triggers;
    this.#hasHeaders = triggers.some(({ header }) => header !== undefined);
  }

  /** Why to save now, in words; undefined where there is no reason. */
  note(event: CaptureEvent): string | undefined {
    if (this.#triggers.length === 0 || !('exchange' in event) || event.exchange === undefined)
      return undefined;
    if (event.type === 'start') {
      if (this.#open.size >= mostOpen) return undefined;
      const watched: Watched = { end: new EndWatch(event), seen: undefined };
      this.#open.set(event.exchange, watched);
      if (this.#hasHeaders) this.#noteHeaders(watched, event.headers);
      return undefined;
    }
    const watched = this.#open.get(event.exchange);
    if (watched === undefined) return undefined;
    if (event.type === 'headers' && this.#hasHeaders) this.#noteHeaders(watched, event.headers);
    watched.end.note(event);
    if (!watched.end.over) return undefined;
    this.#open.delete(event.exchange);
    const trigger = this.#triggers.find((each, i) => holds(each, watched, i, event.at));
    return trigger && `${wordsOf(trigger)}: exchange ${event.exchange}`;
  }

  #noteHeaders(watched: Watched, headers: readonly string[]): void {
    for (const [i, { header }] of this.#triggers.entries()) {
      if (header === undefined || headerValue(headers, header) === undefined) continue;
      watched.seen ??= new Set();
      watched.seen.add(i);
    }
  }
}

function holds(
  { header, ...outcome }: FlightTrigger,
  { end, seen }: Watched,
  place: number,
  now: number,
): boolean {
  if (header !== undefined && seen?.has(place) !== true) return false;
  return end.endsIn(outcome, now) === true;
}

function wordsOf({ header, ...outcome }: FlightTrigger): string {
  return [...(header === undefined ? [] : [`header ${header}`]), ...outcomeWords(outcome)].join(', ');
}

function checkTrigger(trigger: FlightTrigger, index: number): void {
  const option = `on[${index}]`;
  onlyOptions(option, trigger, { ...outcomeNames, header: true });
  const { header, ...outcome } = trigger;
  if (header !== undefined && !/^[!#$%&'*+.^_`|~\w-]{1,128}$/.test(header))
    throw invalidOption(`${option}.header`, 'must be the name of a header');
  const hasOutcome = Object.values(outcome).some((value) => value !== undefined);
  if (hasOutcome || header === undefined) checkOutcome(option, outcome);
}

import type { CaptureEvent, ExchangeId, ResumeEvent, StartEvent } from '../model/event.ts';

/** Beyond this many, the oldest is forgotten: its later events have no start in the next file. */
const most = 65_536;

/** Remembers how the exchanges began that are still under way, so that the next file of a recording can say it again. */
export class OpenExchanges {
  readonly #open = new Map<ExchangeId, { start: StartEvent | ResumeEvent; sidesLeft: number }>();

  note(event: CaptureEvent): void {
    switch (event.type) {
      case 'start':
      case 'resume':
        this.#open.set(event.exchange, { start: event, sidesLeft: 2 });
        if (this.#open.size > most) this.#open.delete(this.#open.keys().next().value ?? 0);
        break;
      case 'end': {
        const entry = this.#open.get(event.exchange);
        if (entry !== undefined) entry.sidesLeft -= 1;
        if (entry?.sidesLeft === 0) this.#open.delete(event.exchange);
        break;
      }
      case 'abort':
        this.#open.delete(event.exchange);
        break;
    }
  }

  /** The starts again, at this place in the order of events. */
  *resumed(seq: number, at: number): Generator<ResumeEvent, void, undefined> {
    for (const { start } of this.#open.values()) {
      const [startSeq, startAt] =
        start.type === 'resume' ? [start.startSeq, start.startAt] : [start.seq, start.at];
      yield { ...start, type: 'resume', seq, at, startSeq, startAt };
    }
  }
}

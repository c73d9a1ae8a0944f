import type { Masker } from '../mask/masker.ts';
import type { CaptureEvent, ContentState, ExchangeEvent, ExchangeStart, Side } from '../model/event.ts';

/** A message of a live request: as it came, and as the recording would have it. */
export interface LiveMessage {
  readonly plain: Uint8Array;
  readonly state: ContentState;
  /** What the mask policy left of it. */
  readonly data: Uint8Array;
}

const side: Side = 'request';
const noBytes = new Uint8Array(0);

/** A live request, masked part by part as it comes: what is recorded was masked, so the two can be compared. */
export class LiveRequest {
  /** The head as it was masked. */
  readonly start: ExchangeStart;
  readonly plainStart: ExchangeStart;
  readonly messages: LiveMessage[] = [];
  /** The body, once it is whole; of exchanges without messages. */
  body: LiveMessage = { plain: noBytes, state: 'kept', data: noBytes };
  ended = false;
  readonly #masker: Masker | undefined;
  readonly #id: number;
  readonly #chunks: Uint8Array[] = [];
  #seq = 1;
  #open = true;

  /** @param id - one that no other request has which the masker sees at the same time */
  constructor(start: ExchangeStart, masker: Masker | undefined, id: number) {
    this.#masker = masker;
    this.#id = id;
    this.plainStart = start;
    const masked = this.#mask({ type: 'start', ...this.#stamp(), ...start, sampleRate: 1 });
    this.start = masked.find((event) => event.type === 'start') ?? start;
  }

  message(plain: Uint8Array, kind: number): void {
    const index = this.messages.length;
    const event = { type: 'message', ...this.#stamp(), side, index, kind, size: plain.length } as const;
    const masked = this.#mask({ ...event, state: 'kept', data: plain });
    const found = masked.find((one) => one.type === 'message');
    this.messages.push({ plain, state: found?.state ?? 'kept', data: found?.data ?? noBytes });
  }

  chunk(data: Uint8Array): void {
    this.#chunks.push(data);
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.#chunks.length === 0) return;
    const plain = Buffer.concat(this.#chunks);
    const size = plain.length;
    const events = [
      ...this.#mask({ type: 'chunk', ...this.#stamp(), side, size, data: plain }),
      ...this.#mask({ type: 'end', ...this.#stamp(), side, size, state: 'kept', complete: true }),
    ];
    let state: ContentState = 'kept';
    let data: Uint8Array = noBytes;
    for (const event of events) {
      if (event.type === 'body') data = event.data;
      else if (event.type === 'chunk' && event.data !== undefined) data = event.data;
      else if (event.type === 'end') state = event.state;
    }
    this.body = { plain, state, data };
  }

  /** Nothing more is masked of it. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#mask({ type: 'abort', ...this.#stamp(), by: 'unknown', code: '' });
  }

  #mask(event: ExchangeEvent): readonly CaptureEvent[] {
    return this.#masker === undefined ? [event] : this.#masker.mask(event);
  }

  #stamp(): { readonly seq: number; readonly at: number; readonly exchange: number } {
    return { seq: this.#seq++, at: 0, exchange: this.#id };
  }
}

import type { ExchangeId, ExchangeStart } from '../model/event.ts';

/** Decides, as an exchange starts, whether it is recorded. Runs on the request path: be quick, never throw. */
export interface Sampler {
  /** In words, for the capture's header: `ratio 0.1`. */
  readonly description: string;
  /** The share of exchanges like this one that is recorded, over 0 up to 1; 0 when this one is not. */
  sample(start: ExchangeStart, exchange: ExchangeId): number;
}

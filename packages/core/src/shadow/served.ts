import { AsyncLocalStorage } from 'node:async_hooks';
import type { ExchangeId } from '../model/event.ts';
import type { ShadowMarks } from './wire-marks.ts';

/** What is known, in the code that serves a request and all that comes of it, of that request. */
export interface Served {
  /** Undefined for a request of a user. */
  readonly marks: ShadowMarks | undefined;
  /** Undefined where nobody records it, or parents are not asked for. */
  readonly cause: Cause | undefined;
}

/** An exchange that this request is recorded as, and those of further recorders. It does not keep the request in memory. */
export interface Cause {
  /** The recorder that the exchange is of. */
  readonly target: object;
  readonly exchange: ExchangeId;
  readonly further: Cause | undefined;
}

/** What is known of the request that this code runs for. */
export function served(): Served | undefined {
  return storage().getStore();
}

/** Runs this, and all that comes of it, for such a request. */
export function runServed<T>(request: Served, run: () => T): T {
  return storage().run(request, run);
}

/** From here on, what runs and comes of it is for such a request. */
export function enterServed(request: Served): void {
  storage().enterWith(request);
}

/** One for the process, whichever copies of the library are in it: each costs time wherever something asynchronous begins. */
const sharedKey = Symbol.for('gardenhose.served/1');

let found: AsyncLocalStorage<Served> | undefined;

function storage(): AsyncLocalStorage<Served> {
  if (found !== undefined) return found;
  const shared: unknown = Reflect.get(globalThis, sharedKey);
  found = shared instanceof AsyncLocalStorage ? shared : new AsyncLocalStorage<Served>();
  if (found !== shared) Object.defineProperty(globalThis, sharedKey, { value: found, configurable: true });
  return found;
}

import type { AbortEvent, ExchangeId, ExchangeTap, HeaderList, Side, TapTarget } from '@gardenhose/core';
import { type ResolvedTapOptions, reportFailure } from '@gardenhose/core/adapter';
import { type ClientHead, clientStart, hasShadowMark } from './to-client-events.ts';
import { bytesOf, type ConnectionFacts, isUtf8 } from './to-events.ts';

/** What an application said before its request could go out. The bytes are Node's by reference as well, until they do. */
type Held =
  | { readonly what: 'bytes'; readonly chunk: unknown; readonly encoding: unknown }
  | { readonly what: 'trailers'; readonly trailers: HeaderList }
  | { readonly what: 'end' };

/**
 * The record of one request that this process makes, whichever client makes it. It begins when the head goes out on a connection,
 * or with its failure where it never did. What is told before is told then, what is told after its end is not told. Never throws.
 */
export class ClientExchange {
  readonly #target: TapTarget;
  readonly #options: ResolvedTapOptions;
  readonly #attached: () => boolean;
  readonly #parent: ExchangeId | undefined;
  readonly #sinceMs = performance.now();
  #tap: ExchangeTap | undefined;
  #held: Held[] | undefined = [];
  #requestEnded = false;
  #responseEnded = false;

  /**
   * @param attached - Whether the tap still is: what has not begun by then is not recorded
   * @param parent - The inbound exchange that it comes of
   */
  constructor(
    target: TapTarget,
    options: ResolvedTapOptions,
    attached: () => boolean,
    parent: ExchangeId | undefined,
  ) {
    this.#target = target;
    this.#options = options;
    this.#attached = attached;
    this.#parent = parent;
  }

  /** Whether its head has not gone out yet. */
  get waiting(): boolean {
    return this.#held !== undefined;
  }

  /** Whether there is no more to tell of it. */
  get over(): boolean {
    return this.#held === undefined && this.#tap === undefined;
  }

  /** Whether its response was seen to the end. */
  get answered(): boolean {
    return this.#responseEnded;
  }

  /** Its head goes out. */
  begin(head: ClientHead, connection: ConnectionFacts, bodyless: boolean = this.#heldOnlyEnd()): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    try {
      if (!this.#attached() || (!this.#options.recordShadow && hasShadowMark(head.headers))) return;
      const start = clientStart(head, connection, this.#parent);
      this.#tap = this.#target.begin(start, bodyless);
      for (const each of held) {
        if (each.what === 'bytes') this.requestBytes(each.chunk, each.encoding);
        else if (each.what === 'trailers') this.requestTrailers(each.trailers);
        else this.requestEnd();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** It failed before its head could go out. */
  failUnsent(head: ClientHead, connection: ConnectionFacts, by: AbortEvent['by'], code: string): void {
    this.#held = [];
    this.begin(head, connection, false);
    this.#tell((tap) => tap.mark('waited-ms', String(Math.round(performance.now() - this.#sinceMs))));
    this.abort(by, code);
  }

  requestBytes(chunk: unknown, encoding?: unknown): void {
    if (this.#held !== undefined) this.#held.push({ what: 'bytes', chunk, encoding });
    else this.#tell((tap) => tellBytes(tap, 'request', chunk, encoding));
  }

  requestTrailers(trailers: HeaderList): void {
    if (trailers.length === 0) return;
    if (this.#held !== undefined) this.#held.push({ what: 'trailers', trailers });
    else this.#tell((tap) => tap.trailers('request', trailers));
  }

  requestEnd(complete: boolean = true): void {
    if (this.#held !== undefined) {
      this.#held.push({ what: 'end' });
      return;
    }
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    this.#tell((tap) => tap.end('request', complete));
    if (this.#responseEnded) this.#tap = undefined;
  }

  responseHead(status: number, reason: string, version: string, headers: HeaderList): void {
    this.#tell((tap) => tap.headers(status, reason, version, headers));
  }

  responseBytes(chunk: unknown): void {
    this.#tell((tap) => tellBytes(tap, 'response', chunk, undefined));
  }

  responseTrailers(trailers: HeaderList): void {
    if (trailers.length > 0) this.#tell((tap) => tap.trailers('response', trailers));
  }

  responseEnd(complete: boolean = true): void {
    if (this.#responseEnded) return;
    this.#responseEnded = true;
    this.#tell((tap) => tap.end('response', complete));
    if (this.#requestEnded) this.#tap = undefined;
  }

  /** The connection is another protocol's from here on. */
  upgraded(): void {
    this.requestEnd();
    this.responseEnd();
  }

  /** It broke off. */
  abort(by: AbortEvent['by'], code: string): void {
    this.#held = undefined;
    this.#tell((tap) => {
      this.#tap = undefined;
      tap.abort(by, code);
    });
  }

  /** Runs a piece of a tap that could fail: then this exchange is recorded no further, and that is counted. */
  guard(run: () => void): void {
    if (this.over) return;
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  #heldOnlyEnd(): boolean {
    return this.#held?.[0]?.what === 'end';
  }

  #tell(tell: (tap: ExchangeTap) => void): void {
    const tap = this.#tap;
    if (tap === undefined) return;
    try {
      tell(tap);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const tap = this.#tap;
    this.#tap = undefined;
    this.#held = undefined;
    try {
      tap?.abort('recorder', 'tap-failed');
    } catch {
      // The failure that counts is the first; it is reported below.
    }
    reportFailure(this.#target, error);
  }
}

function tellBytes(tap: ExchangeTap, side: Side, chunk: unknown, encoding: unknown): void {
  if (typeof chunk === 'string' && chunk !== '' && tap.text !== undefined && isUtf8(encoding)) {
    tap.text(side, chunk);
    return;
  }
  const bytes = bytesOf(chunk, encoding);
  if (bytes !== undefined && bytes.length > 0) tap.chunk(side, bytes);
}

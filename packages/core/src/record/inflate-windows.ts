import type { ExchangeId, Side } from '../model/event.ts';
import { inflateTail } from './inflate-message.ts';

/** As far back as deflate looks (RFC 1951 section 2). */
const windowBytes = 32 * 1024;
/** Of all windows together. */
const maxBytes = 64 * 1024 * 1024;

/**
 * Decompresses messages that go on from those before them, each side of an exchange by itself. What is remembered is what deflate
 * looks back at: between two messages its state is the end of what it has put out and nothing else, since each message ends at a
 * whole byte (RFC 7692 section 7.2.1). So a window needs no stream of zlib that is kept open. Bounded: beyond 64 MiB the
 * windows that were used longest ago are forgotten, and what goes on from them cannot be read.
 */
export class InflateWindows {
  /** By exchange and side, in order of last use. Undefined for a side that cannot be read any more. */
  readonly #windows = new Map<string, Buffer | undefined>();
  #bytes = 0;

  /** Bytes remembered. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @returns as `inflateMessage` does; undefined also where a message before it could not be read */
  inflate(exchange: ExchangeId, side: Side, message: Uint8Array): Buffer | undefined {
    const key = keyOf(exchange, side);
    const before = this.#windows.get(key);
    if (before === undefined && this.#windows.has(key)) return undefined;
    const plain = inflateTail(message, before?.length === 0 ? undefined : before);
    this.#put(key, plain === undefined ? undefined : lastOf(before, plain));
    return plain;
  }

  /** The side is over. */
  forget(exchange: ExchangeId, side: Side): void {
    const key = keyOf(exchange, side);
    this.#bytes -= this.#windows.get(key)?.length ?? 0;
    this.#windows.delete(key);
  }

  #put(key: string, window: Buffer | undefined): void {
    this.#bytes += (window?.length ?? 0) - (this.#windows.get(key)?.length ?? 0);
    this.#windows.delete(key);
    this.#windows.set(key, window);
    if (this.#bytes <= maxBytes) return;
    for (const [oldest, held] of this.#windows) {
      if (held === undefined) continue;
      this.#windows.set(oldest, undefined);
      this.#bytes -= held.length;
      if (this.#bytes <= maxBytes) return;
    }
  }
}

const keyOf = (exchange: ExchangeId, side: Side): string => `${side === 'request' ? '>' : '<'}${exchange}`;

/** The end of what was put out, as far as deflate looks back. A copy: a view would hold on to a whole message. */
function lastOf(before: Buffer | undefined, plain: Buffer): Buffer {
  if (plain.length >= windowBytes) return Buffer.from(plain.subarray(plain.length - windowBytes));
  if (before === undefined) return Buffer.from(plain);
  const all = before.length + plain.length;
  return Buffer.concat([before.subarray(Math.max(0, all - windowBytes)), plain]);
}

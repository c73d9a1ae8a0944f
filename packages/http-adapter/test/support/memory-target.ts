import type {
  AbortEvent,
  CaptureEvent,
  ExchangeId,
  ExchangeStart,
  ExchangeTap,
  HeaderList,
  Side,
  TapTarget,
} from '@gardenhose/core';

/** An event without its place in the capture. */
export type Seen = { readonly exchange: ExchangeId } & (
  | ({ readonly type: 'start' } & ExchangeStart)
  | { readonly type: 'headers'; status: number; reason: string; version: string; headers: HeaderList }
  | { readonly type: 'chunk'; side: Side; data: Buffer }
  | { readonly type: 'message'; side: Side; kind: number; data: Buffer; size: number }
  | { readonly type: 'trailers'; side: Side; headers: HeaderList }
  | { readonly type: 'end'; side: Side; complete: boolean }
  | { readonly type: 'abort'; by: AbortEvent['by']; code: string }
  | { readonly type: 'mark'; name: string; value: string }
);

export type SeenType = Exclude<CaptureEvent['type'], 'body'>;

/** A recorder that keeps what it is told, in the order told, and wakes those who wait for an exchange to be over. */
export class MemoryTarget implements TapTarget {
  readonly events: Seen[] = [];
  readonly failures: unknown[] = [];
  readonly times: number[] = [];
  private readonly over = new Set<ExchangeId>();
  private waiting: { count: number; wake: () => void }[] = [];
  private count = 0;

  begin(start: ExchangeStart): ExchangeTap | undefined {
    this.count += 1;
    const id = this.count;
    const ended = new Set<Side>();
    const tell = (event: Seen): void => {
      if (this.over.has(id)) throw new Error(`exchange ${id} is over, and then came ${event.type}`);
      this.events.push(event);
      this.times.push(performance.now());
    };
    tell({ type: 'start', exchange: id, ...start, headers: [...start.headers] });
    return {
      id,
      headers: (status, reason, version, headers) =>
        tell({ type: 'headers', exchange: id, status, reason, version, headers: [...headers] }),
      chunk: (side, data) => tell({ type: 'chunk', exchange: id, side, data: Buffer.from(data) }),
      message: (side, kind, data, size = data.length) =>
        tell({ type: 'message', exchange: id, side, kind, data: Buffer.from(data), size }),
      trailers: (side, headers) => tell({ type: 'trailers', exchange: id, side, headers: [...headers] }),
      end: (side, complete = true) => {
        if (ended.has(side)) throw new Error(`${side} of exchange ${id} ended twice`);
        ended.add(side);
        tell({ type: 'end', exchange: id, side, complete });
        if (ended.size === 2) this.finish(id);
      },
      abort: (by, code) => {
        tell({ type: 'abort', exchange: id, by, code });
        this.finish(id);
      },
      mark: (name, value) => tell({ type: 'mark', exchange: id, name, value }),
    };
  }

  tapFailed(error: unknown): void {
    this.failures.push(error);
  }

  /** Resolves when this many exchanges are over. */
  async ended(count: number): Promise<void> {
    if (this.over.size >= count) return;
    await new Promise<void>((wake) => this.waiting.push({ count, wake }));
  }

  /** What was seen of one exchange. */
  of(exchange: ExchangeId): Seen[] {
    return this.events.filter((event) => event.exchange === exchange);
  }

  get starts(): Extract<Seen, { type: 'start' }>[] {
    return this.events.filter((event) => event.type === 'start');
  }

  /** The only event of this type in an exchange, or the last. */
  last<T extends Seen['type']>(exchange: ExchangeId, type: T): Extract<Seen, { type: T }> | undefined {
    return this.of(exchange).findLast((event): event is Extract<Seen, { type: T }> => event.type === type);
  }

  /** The bytes of one side of an exchange. */
  body(exchange: ExchangeId, side: Side): Buffer {
    return Buffer.concat(this.chunks(exchange, side));
  }

  /** The messages of one side of a WebSocket: opcode and text. */
  messages(exchange: ExchangeId, side: Side): [kind: number, text: string][] {
    return this.of(exchange).flatMap((event): [number, string][] =>
      event.type === 'message' && event.side === side ? [[event.kind, event.data.toString('latin1')]] : [],
    );
  }

  chunks(exchange: ExchangeId, side: Side): Buffer[] {
    return this.of(exchange).flatMap((event) =>
      event.type === 'chunk' && event.side === side ? [event.data] : [],
    );
  }

  private finish(id: ExchangeId): void {
    this.over.add(id);
    this.waiting = this.waiting.filter(({ count, wake }) => {
      if (this.over.size < count) return true;
      wake();
      return false;
    });
  }
}

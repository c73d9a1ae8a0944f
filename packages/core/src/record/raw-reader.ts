import type {
  AbortEvent,
  CaptureEvent,
  ContentState,
  ExchangeEvent,
  Protocol,
  Side,
  StartEvent,
} from '../model/event.ts';
import { gapReasons } from '../model/event.ts';
import { flag, limitState, recordHead, recordKind, startTexts } from './raw-layout.ts';
import { parseWireHead } from './wire-head.ts';

/** The events packed into the first `used` bytes of a buffer, in order. They share no memory with it. */
export function* unpack(memory: SharedArrayBuffer, used: number): Generator<CaptureEvent> {
  const bytes = Buffer.from(memory);
  const u32 = new Uint32Array(memory);
  const f64 = new Float64Array(memory);
  for (let offset = 0; offset < used; offset += u32[(offset >> 2) + 1] ?? used) {
    const event = new RawRecord(bytes, u32, f64, offset).event();
    yield event;
    if (event.type === 'start' && ((u32[offset >> 2] ?? 0) & flag.bodyless) !== 0) {
      const { at, seq, exchange } = event;
      yield {
        type: 'end',
        seq: seq + 1,
        at,
        exchange,
        side: 'request',
        size: 0,
        state: 'kept',
        complete: true,
      };
    }
  }
}

class RawRecord {
  readonly #bytes: Buffer;
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  readonly #offset: number;
  readonly #flags: number;

  constructor(bytes: Buffer, u32: Uint32Array, f64: Float64Array, offset: number) {
    this.#bytes = bytes;
    this.#u32 = u32;
    this.#f64 = f64;
    this.#offset = offset;
    this.#flags = u32[offset >> 2] ?? 0;
  }

  event(): CaptureEvent {
    const stamp = { seq: this.#head(2), at: this.#head(1) };
    switch (this.#flags & 0xff) {
      case recordKind.gap:
        return {
          type: 'gap',
          ...stamp,
          reason: gapReasons[this.#number(0)] ?? 'buffer-full',
          fromAt: this.#number(1),
          toAt: stamp.at,
          exchanges: this.#number(2),
          events: this.#number(3),
          fromSeq: this.#number(4),
        };
      case recordKind.clock:
        return { type: 'clock', ...stamp, wallMs: this.#number(0) };
      case recordKind.control: {
        const [name = '', value = ''] = this.#texts(0);
        return { type: 'control', ...stamp, name, value };
      }
      default:
        return this.#exchangeEvent({ ...stamp, exchange: this.#head(3) });
    }
  }

  #exchangeEvent(stamp: Pick<ExchangeEvent, 'seq' | 'at' | 'exchange'>): ExchangeEvent {
    const side: Side = this.#has(flag.response) ? 'response' : 'request';
    switch (this.#flags & 0xff) {
      case recordKind.start:
        return this.#start(stamp);
      case recordKind.headers: {
        const [reason = '', version = '', ...headers] = this.#texts(8);
        return { type: 'headers', ...stamp, status: this.#number(0), reason, version, headers };
      }
      case recordKind.wireHead:
        return { type: 'headers', ...stamp, ...parseWireHead(this.#wireHead()) };
      case recordKind.chunk:
        return { type: 'chunk', ...stamp, side, size: this.#number(0), data: this.#content() };
      case recordKind.message:
        return {
          type: 'message',
          ...stamp,
          side,
          index: this.#number(1),
          kind: this.#number(2),
          size: this.#number(0),
          state: this.#state(),
          data: this.#content(),
        };
      case recordKind.trailers:
        return { type: 'trailers', ...stamp, side, headers: this.#texts(0) };
      case recordKind.end:
        return {
          type: 'end',
          ...stamp,
          side,
          size: this.#number(0),
          state: this.#state(),
          complete: this.#has(flag.complete),
        };
      case recordKind.mark: {
        const [name = '', value = ''] = this.#texts(0);
        return { type: 'mark', ...stamp, name, value };
      }
      default: {
        const [by, code = ''] = this.#texts(0);
        return { type: 'abort', ...stamp, by: abortBy(by), code };
      }
    }
  }

  #start(stamp: Pick<StartEvent, 'seq' | 'at' | 'exchange'>): StartEvent {
    const texts = this.#texts(16);
    const [lane = '', operation, peer, version = '', method = '', target = '', authority] = texts;
    const protocol: Protocol = this.#has(flag.grpc)
      ? 'grpc'
      : this.#has(flag.websocket)
        ? 'websocket'
        : 'http';
    return {
      type: 'start',
      ...stamp,
      sampleRate: this.#number(1),
      direction: this.#has(flag.outbound) ? 'outbound' : 'inbound',
      protocol,
      lane,
      parent: this.#has(flag.hasParent) ? this.#number(0) : undefined,
      operation: this.#has(flag.hasOperation) ? operation : undefined,
      peer: this.#has(flag.hasPeer) ? peer : undefined,
      scheme: this.#has(flag.https) ? 'https' : 'http',
      version,
      method,
      target,
      authority: this.#has(flag.hasAuthority) ? authority : undefined,
      headers: texts.slice(startTexts),
    };
  }

  #has(bit: number): boolean {
    return (this.#flags & bit) !== 0;
  }

  #state(): ContentState {
    if (this.#has(flag.dropped)) return limitState;
    return this.#has(flag.truncated) ? 'truncated' : 'kept';
  }

  #head(index: number): number {
    return this.#f64[(this.#offset >> 3) + index] ?? 0;
  }

  /** The n-th fixed number of the kind. */
  #number(index: number): number {
    return this.#f64[((this.#offset + recordHead) >> 3) + index] ?? 0;
  }

  #texts(fixed: number): string[] {
    let at32 = (this.#offset + recordHead + fixed) >> 2;
    const count = this.#u32[at32++] ?? 0;
    const width = this.#has(flag.wide) ? 2 : 1;
    let total = 0;
    for (let i = 0; i < count; i++) total += this.#u32[at32 + i] ?? 0;
    const from = (at32 + count) * 4;
    const all = this.#bytes.toString(width === 2 ? 'utf16le' : 'latin1', from, from + total * width);
    const texts: string[] = [];
    let position = 0;
    for (let i = 0; i < count; i++) {
      const end = position + (this.#u32[at32 + i] ?? 0);
      texts.push(all.slice(position, end));
      position = end;
    }
    return texts;
  }

  #wireHead(): string {
    const from = this.#offset + recordHead + 8;
    return this.#bytes.toString('latin1', from, from + this.#number(0));
  }

  /** A copy: the buffer is used again. */
  #content(): Uint8Array | undefined {
    if (this.#has(flag.dropped)) return undefined;
    const from = this.#offset + recordHead + 32;
    return new Uint8Array(this.#bytes.subarray(from, from + this.#number(3)));
  }
}

function abortBy(text: string | undefined): AbortEvent['by'] {
  return text === 'client' || text === 'server' || text === 'recorder' ? text : 'unknown';
}

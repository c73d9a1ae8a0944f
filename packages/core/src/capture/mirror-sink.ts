import { BroadcastChannel } from 'node:worker_threads';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent, ExchangeEvent, ExchangeId } from '../model/event.ts';
import type { Sink, SinkLoss } from '../record/sink.ts';
import { type MirrorMessage, type MirrorSource, places } from './mirror-source.ts';
import { SeenSchemas } from './seen-schemas.ts';
import { writeOrDeclare } from './write-capture.ts';
import { CaptureWriter } from './writer.ts';

/** What was dropped and is not declared yet. */
interface Drop {
  exchanges: number;
  readonly fromAt: number;
  toAt: number;
  readonly fromSeq: number;
}

/** Sends a capture to the reader of a mirror, if there is one: a capture of its own to each. Never waits for it, and never fails. */
export class MirrorSink implements Sink {
  readonly #source: MirrorSource;
  readonly #header: CaptureHeader;
  readonly #shared: Int32Array;
  readonly #channel: BroadcastChannel;
  readonly #schemas = new SeenSchemas();
  /** Exchanges that the reader is told of: how many of their sides have still to end. */
  readonly #passing = new Map<ExchangeId, number>();
  #writer: CaptureWriter | undefined;
  #turn = 0;
  /** Bytes sent since this reader came, and what all readers had taken by then. */
  #sent = 0;
  #takenBefore = 0;
  #drop: Drop | undefined;
  readonly #cut: ExchangeId[] = [];
  #lastSeq = 0;
  #lastAt = 0;

  constructor(source: MirrorSource, header: CaptureHeader) {
    this.#source = source;
    this.#header = header;
    this.#shared = new Int32Array(source.shared);
    this.#channel = new BroadcastChannel(source.channel);
    this.#channel.unref();
    Atomics.store(this.#shared, places.closed, 0);
  }

  async write(events: readonly CaptureEvent[]): Promise<void> {
    const writer = this.#writerNow();
    for (const event of events) {
      this.#schemas.note(event);
      this.#lastSeq = event.seq;
      this.#lastAt = event.at;
      if (writer !== undefined) await this.#pass(event, writer);
    }
    // So that the reader has it now, and not when a chunk is full.
    await writer?.flush();
  }

  async flush(): Promise<void> {
    await this.#writerNow()?.flush();
  }

  async close(): Promise<void> {
    const writer = this.#writerNow();
    if (writer !== undefined) {
      await this.#declare(writer);
      await writer.close();
      this.#post({ turn: this.#turn });
    }
    Atomics.store(this.#shared, places.closed, 1);
    this.#channel.close();
  }

  /** What a reader of the mirror misses is not missing in the recording. */
  lost(): SinkLoss {
    return { exchanges: 0, events: 0 };
  }

  /** For the reader that there is now: a new one gets a capture of its own, with all schemas so far. */
  #writerNow(): CaptureWriter | undefined {
    if (Atomics.load(this.#shared, places.reading) === 0) {
      this.#writer = undefined;
      this.#passing.clear();
      return undefined;
    }
    const turn = Atomics.load(this.#shared, places.turn);
    if (this.#writer !== undefined && turn === this.#turn) return this.#writer;
    // It has just come, and does not listen yet.
    if (turn === this.#turn) return undefined;
    this.#turn = turn;
    this.#passing.clear();
    this.#cut.length = 0;
    this.#drop = undefined;
    this.#sent = 0;
    this.#takenBefore = Atomics.load(this.#shared, places.taken);
    const output = {
      write: (bytes: Uint8Array): void => {
        this.#sent += bytes.length;
        // A copy: the writer uses its memory again.
        this.#post({ turn, bytes: Uint8Array.from(bytes) });
      },
    };
    this.#writer = new CaptureWriter(output, this.#header, { compression: 'none' });
    for (const schema of this.#schemas.repeated(this.#lastSeq, this.#lastAt)) void this.#writer.write(schema);
    return this.#writer;
  }

  #post(message: MirrorMessage): void {
    this.#channel.postMessage(message);
  }

  get #waiting(): number {
    return this.#sent - ((Atomics.load(this.#shared, places.taken) - this.#takenBefore) >>> 0);
  }

  async #pass(event: CaptureEvent, writer: CaptureWriter): Promise<void> {
    if (event.type === 'start') {
      if (this.#waiting > this.#source.maxBufferedBytes / 2) {
        this.#dropped(event);
        return;
      }
      await this.#declare(writer);
      this.#passing.set(event.exchange, 2);
    } else if ('exchange' in event && event.exchange !== undefined && event.type !== 'gap') {
      if (!this.#passing.has(event.exchange)) return;
      if (this.#waiting > this.#source.maxBufferedBytes) {
        this.#passing.delete(event.exchange);
        this.#cut.push(event.exchange);
        this.#dropped(event);
        return;
      }
      this.#follow(event);
    }
    await writeOrDeclare(writer, event);
  }

  #follow(event: ExchangeEvent): void {
    if (event.type === 'abort') this.#passing.delete(event.exchange);
    if (event.type !== 'end') return;
    const left = (this.#passing.get(event.exchange) ?? 1) - 1;
    if (left <= 0) this.#passing.delete(event.exchange);
    else this.#passing.set(event.exchange, left);
  }

  #dropped({ seq, at }: ExchangeEvent): void {
    this.#drop ??= { exchanges: 0, fromAt: at, toAt: at, fromSeq: seq };
    this.#drop.exchanges++;
    this.#drop.toAt = at;
    Atomics.add(this.#shared, places.dropped, 1);
  }

  /** There is room again: says what is missing, and ends what was broken off. */
  async #declare(writer: CaptureWriter): Promise<void> {
    const drop = this.#drop;
    if (drop === undefined) return;
    this.#drop = undefined;
    const stamp = { seq: this.#lastSeq, at: this.#lastAt };
    await writer.write({ type: 'gap', reason: 'sink-slow', ...stamp, ...drop, events: 0 });
    for (const exchange of this.#cut.splice(0)) {
      await writer.write({ type: 'abort', ...stamp, exchange, by: 'recorder', code: 'sink-slow' });
    }
  }
}

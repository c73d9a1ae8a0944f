import { type ErrorCode, errorCodes } from '../errors.ts';
import type { Protocol } from '../model/event.ts';
import type { Job, Settled } from './job.ts';
import {
  type Answer,
  type AnswerChunk,
  type AnswerError,
  type AnswerHead,
  type PartKind,
  partKinds,
  type Shipment,
  type ShipmentHead,
  type ShipmentPart,
} from './sender.ts';

/**
 * Jobs or answers on their way between threads: numbers in one array, bytes in one buffer, both transferred, and the strings.
 * Cloning them as objects would cost the thread that sends several times as much.
 */
export interface Batch {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly strings: readonly string[];
}

/** The buffers of a batch, to be named when it is posted. */
export function batchTransfer(batch: Batch): ArrayBuffer[] {
  return [batch.numbers.buffer, batch.bytes.buffer];
}

class Packer {
  readonly #numbers: number[] = [];
  readonly #bytes: Uint8Array[] = [];
  readonly #strings: string[] = [];
  readonly #places = new Map<string, number>();
  #length = 0;

  number(value: number): void {
    this.#numbers.push(value);
  }

  /** NaN stands for none. */
  maybe(value: number | undefined): void {
    this.#numbers.push(value ?? Number.NaN);
  }

  flag(value: boolean | undefined): void {
    this.#numbers.push(value === true ? 1 : 0);
  }

  bytes(value: Uint8Array): void {
    this.#numbers.push(value.length);
    this.#bytes.push(value);
    this.#length += value.length;
  }

  /** A string that is likely to come again in the batch. */
  shared(value: string): void {
    let place = this.#places.get(value);
    if (place === undefined) {
      place = this.#strings.length;
      this.#strings.push(value);
      this.#places.set(value, place);
    }
    this.#numbers.push(place);
  }

  strings(values: readonly string[]): void {
    this.#numbers.push(this.#strings.length, values.length);
    for (const value of values) this.#strings.push(value);
  }

  batch(): Batch {
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const piece of this.#bytes) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
    return { numbers: Float64Array.from(this.#numbers), bytes, strings: this.#strings };
  }
}

class Unpacker {
  readonly #batch: Batch;
  #number = 0;
  #byte = 0;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  get done(): boolean {
    return this.#number >= this.#batch.numbers.length;
  }

  number(): number {
    return this.#batch.numbers[this.#number++] ?? Number.NaN;
  }

  maybe(): number | undefined {
    const value = this.number();
    return Number.isNaN(value) ? undefined : value;
  }

  flag(): boolean {
    return this.number() === 1;
  }

  bytes(): Uint8Array {
    const from = this.#byte;
    this.#byte += this.number();
    return this.#batch.bytes.subarray(from, this.#byte);
  }

  string(): string {
    return this.#batch.strings[this.number()] ?? '';
  }

  strings(): string[] {
    const from = this.number();
    return this.#batch.strings.slice(from, from + this.number());
  }
}

export function packJobs(jobs: readonly Job[]): Batch {
  const packer = new Packer();
  for (const job of jobs) {
    const { shipment } = job;
    // Jobs that are made at the moment of sending need their hooks, and those stay where they are.
    if (typeof shipment === 'function')
      throw new TypeError('a job that is made when sent cannot leave its thread');
    packer.number(job.index);
    packer.number(job.exchange);
    packer.shared(job.lane);
    packer.shared(job.protocol);
    packer.number(job.plannedAt);
    packer.number(job.startAt);
    packer.number(job.finishedAt);
    packer.number(job.timeoutNs);
    packer.flag(job.brief);
    packer.flag(job.awaited);
    packer.flag(shipment !== undefined);
    if (shipment !== undefined) packShipment(packer, shipment);
  }
  return packer.batch();
}
function packShipment(packer: Packer, shipment: Shipment): void {
  packer.shared(shipment.method);
  packer.number(shipment.endAt);
  packer.maybe(shipment.abandonNs);
  packer.flag(shipment.alone);
  packer.maybe(shipment.deadlineNs);
  packer.flag(shipment.head !== undefined);
  if (shipment.head !== undefined) {
    packer.shared(shipment.head.authority ?? '');
    packer.strings(shipment.head.headers);
  }
  packer.number(shipment.parts.length);
  for (const part of shipment.parts) {
    packer.number(part.offsetNs);
    packer.bytes(part.bytes);
    packer.number(part.kind === undefined ? 0 : partKinds.indexOf(part.kind));
    packer.number(part.afterMessages ?? 0);
  }
}

export function* unpackJobs(batch: Batch): Generator<Job> {
  const unpacker = new Unpacker(batch);
  while (!unpacker.done) {
    const index = unpacker.number();
    const exchange = unpacker.number();
    const lane = unpacker.string();
    const protocol = protocolOf(unpacker.string());
    const plannedAt = unpacker.number();
    const startAt = unpacker.number();
    const finishedAt = unpacker.number();
    const timeoutNs = unpacker.number();
    const brief = unpacker.flag() || undefined;
    const awaited = unpacker.flag() || undefined;
    const shipment = unpacker.flag()
      ? unpackShipment(unpacker, { exchange, lane, protocol, startAt })
      : undefined;
    yield {
      index,
      exchange,
      lane,
      protocol,
      plannedAt,
      startAt,
      finishedAt,
      timeoutNs,
      brief,
      shipment,
      awaited,
    };
  }
}

function unpackShipment(
  unpacker: Unpacker,
  { exchange, lane, protocol, startAt }: Pick<Shipment, 'exchange' | 'lane' | 'protocol' | 'startAt'>,
): Shipment {
  const method = unpacker.string();
  const endAt = unpacker.number();
  const abandonNs = unpacker.maybe();
  const alone = unpacker.flag();
  const deadlineNs = unpacker.maybe();
  const head = unpacker.flag() ? unpackShipmentHead(unpacker) : undefined;
  const parts: ShipmentPart[] = [];
  for (let left = unpacker.number(); left > 0; left--) {
    const offsetNs = unpacker.number();
    const bytes = unpacker.bytes();
    const kind = unpackKind(unpacker);
    parts.push({ offsetNs, bytes, kind, afterMessages: unpacker.number() || undefined });
  }
  return {
    exchange,
    lane,
    protocol,
    startAt,
    endAt,
    parts,
    method,
    head,
    deadlineNs,
    abandonNs,
    alone,
  };
}

export function packSettled(all: readonly Settled[]): Batch {
  const packer = new Packer();
  for (const { index, plannedAt, blockedNs, heldAt, brief, answer, skip } of all) {
    packer.number(index);
    packer.number(plannedAt);
    packer.number(blockedNs);
    packer.maybe(heldAt);
    if (answer === undefined) {
      packer.number(kinds.skipped);
      packer.shared(skip ?? 'aborted');
    } else if (brief === true) {
      packer.number(kinds.brief);
      packBrief(packer, answer);
    } else {
      packer.number(kinds.whole);
      packAnswer(packer, answer);
    }
  }
  return packer.batch();
}

export function* unpackSettled(batch: Batch): Generator<Settled> {
  const unpacker = new Unpacker(batch);
  while (!unpacker.done) {
    const index = unpacker.number();
    const plannedAt = unpacker.number();
    const blockedNs = unpacker.number();
    const heldAt = unpacker.maybe();
    switch (unpacker.number()) {
      case kinds.brief:
        yield { index, plannedAt, blockedNs, heldAt, brief: true, answer: unpackBrief(unpacker) };
        break;
      case kinds.whole:
        yield { index, plannedAt, blockedNs, heldAt, answer: unpackAnswer(unpacker) };
        break;
      default:
        yield { index, plannedAt, blockedNs, skip: unpacker.string() };
    }
  }
}

const kinds = { skipped: 0, brief: 1, whole: 2 } as const;

/** The status and the times of an answer. */
function packBrief(packer: Packer, answer: Answer): void {
  packer.number(answer.exchange);
  packer.maybe(answer.sentAt);
  packer.maybe(answer.firstByteAt);
  packer.number(answer.endAt);
  packer.number(answer.size);
  packer.flag(answer.truncated);
  packer.flag(answer.abandoned);
  packer.flag(answer.resent);
  packer.maybe(answer.head?.status);
  packer.maybe(answer.head?.at);
  packTimes(packer, answer.laterLagsNs);
  packError(packer, answer.error);
}

function unpackBrief(unpacker: Unpacker): Answer {
  const exchange = unpacker.number();
  const sentAt = unpacker.maybe();
  const firstByteAt = unpacker.maybe();
  const endAt = unpacker.number();
  const size = unpacker.number();
  const truncated = unpacker.flag();
  const abandoned = unpacker.flag() || undefined;
  const resent = unpacker.flag() || undefined;
  const status = unpacker.maybe();
  const at = unpacker.number();
  const laterLagsNs = unpackTimes(unpacker);
  const error = unpackError(unpacker);
  return {
    exchange,
    sentAt,
    firstByteAt,
    endAt,
    informational: none,
    head: status === undefined ? undefined : { at, status, reason: '', version: '', headers: none },
    chunks: none,
    trailers: none,
    laterLagsNs,
    size,
    truncated,
    abandoned,
    resent,
    error,
  };
}

const none: readonly never[] = [];

function packAnswer(packer: Packer, answer: Answer): void {
  packer.number(answer.exchange);
  packer.maybe(answer.sentAt);
  packer.maybe(answer.firstByteAt);
  packer.number(answer.endAt);
  packer.number(answer.size);
  packer.flag(answer.truncated);
  packer.flag(answer.abandoned);
  packer.flag(answer.resent);
  packer.number(answer.informational.length);
  for (const head of answer.informational) packHead(packer, head);
  packer.flag(answer.head !== undefined);
  if (answer.head !== undefined) packHead(packer, answer.head);
  packer.flag(answer.inMessages);
  packer.number(answer.chunks.length);
  for (const chunk of answer.chunks) {
    packer.number(chunk.at);
    packer.bytes(chunk.data);
    if (answer.inMessages === true) packer.number(chunk.kind ?? 0);
  }
  packer.strings(answer.trailers);
  packer.flag(answer.deadlineExceeded);
  packTimes(packer, answer.laterLagsNs);
  packTimes(packer, answer.partsSentAt);
  packTimes(packer, answer.partsBlockedNs);
  packer.maybe(answer.partsUnawaited);
  packError(packer, answer.error);
}

function packError(packer: Packer, error: AnswerError | undefined): void {
  packer.flag(error !== undefined);
  if (error === undefined) return;
  packer.shared(error.code);
  packer.shared(error.message);
}

function unpackError(unpacker: Unpacker): AnswerError | undefined {
  return unpacker.flag() ? { code: errorCode(unpacker.string()), message: unpacker.string() } : undefined;
}

function unpackAnswer(unpacker: Unpacker): Answer {
  const exchange = unpacker.number();
  const sentAt = unpacker.maybe();
  const firstByteAt = unpacker.maybe();
  const endAt = unpacker.number();
  const size = unpacker.number();
  const truncated = unpacker.flag();
  const abandoned = unpacker.flag() || undefined;
  const resent = unpacker.flag() || undefined;
  const informational: AnswerHead[] = [];
  for (let left = unpacker.number(); left > 0; left--) informational.push(unpackHead(unpacker));
  const head = unpacker.flag() ? unpackHead(unpacker) : undefined;
  const inMessages = unpacker.flag() || undefined;
  const chunks: AnswerChunk[] = [];
  for (let left = unpacker.number(); left > 0; left--) {
    const [at, data] = [unpacker.number(), unpacker.bytes()];
    chunks.push(inMessages === true ? { at, data, kind: unpacker.number() || undefined } : { at, data });
  }
  const trailers = unpacker.strings();
  const deadlineExceeded = unpacker.flag() || undefined;
  const laterLagsNs = unpackTimes(unpacker);
  const partsSentAt = unpackTimes(unpacker);
  const partsBlockedNs = unpackTimes(unpacker);
  const partsUnawaited = unpacker.maybe();
  const error = unpackError(unpacker);
  return {
    exchange,
    sentAt,
    firstByteAt,
    endAt,
    informational,
    head,
    chunks,
    trailers,
    inMessages,
    laterLagsNs,
    partsSentAt,
    partsBlockedNs,
    partsUnawaited,
    size,
    truncated,
    abandoned,
    deadlineExceeded,
    resent,
    error,
  };
}

function packTimes(packer: Packer, times: readonly number[] | undefined): void {
  packer.maybe(times?.length);
  for (const at of times ?? []) packer.number(at);
}

function unpackTimes(unpacker: Unpacker): number[] | undefined {
  const count = unpacker.maybe();
  return count === undefined ? undefined : Array.from({ length: count }, () => unpacker.number());
}

function unpackShipmentHead(unpacker: Unpacker): ShipmentHead {
  return { authority: unpacker.string() || undefined, headers: unpacker.strings() };
}

function unpackKind(unpacker: Unpacker): PartKind | undefined {
  const place = unpacker.number();
  return place === 0 ? undefined : partKinds[place];
}

function protocolOf(text: string): Protocol {
  return text === 'grpc' || text === 'websocket' ? text : 'http';
}

function packHead(packer: Packer, head: AnswerHead): void {
  packer.number(head.at);
  packer.number(head.status);
  packer.shared(head.reason);
  packer.shared(head.version);
  packer.strings(head.headers);
}

function unpackHead(unpacker: Unpacker): AnswerHead {
  return {
    at: unpacker.number(),
    status: unpacker.number(),
    reason: unpacker.string(),
    version: unpacker.string(),
    headers: unpacker.strings(),
  };
}

function errorCode(text: string): ErrorCode {
  return errorCodes.find((code) => code === text) ?? 'worker-failed';
}

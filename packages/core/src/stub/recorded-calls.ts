import type { Exchange } from '../model/exchange.ts';
import { operationOf } from '../model/operation.ts';
import type { ResolvedStubOptions } from './options.ts';
import { type ScriptTiming, scriptOf, type TimedStep } from './script.ts';

/** A recorded exchange that can be served, and how often it was. */
export interface RecordedCall {
  readonly exchange: Exchange;
  readonly operation: string;
  readonly steps: readonly TimedStep[];
  /** In the order of the recording, from 0. */
  readonly index: number;
  /** Calls that it answers now. */
  held: number;
  /** Calls that it has answered. */
  uses: number;
}

export const isFree = ({ held, uses }: RecordedCall): boolean => held === 0 && uses === 0;

/** The recorded exchanges that a stub serves, found by what is asked. */
export class RecordedCalls {
  readonly all: readonly RecordedCall[];
  /** Why exchanges cannot be served, and how many. */
  readonly unusable: ReadonlyMap<string, number>;
  readonly #byKey = new Map<string, RecordedCall[]>();
  /** The same, by the beginning of the request as well. */
  readonly #byBeginning = new Map<string, RecordedCall[]>();
  readonly #mostMessages = new Map<string, number>();
  #next = 0;

  constructor(
    exchanges: readonly Exchange[],
    timing: ScriptTiming,
    whyNot: (exchange: Exchange) => string | undefined,
  ) {
    const all: RecordedCall[] = [];
    const unusable = new Map<string, number>();
    for (const exchange of exchanges) {
      const steps = scriptOf(exchange, timing);
      const problem = 'unusable' in steps ? steps.unusable : whyNot(exchange);
      if ('unusable' in steps || problem !== undefined) {
        unusable.set(problem ?? '', (unusable.get(problem ?? '') ?? 0) + 1);
        continue;
      }
      const operation = operationOf(exchange);
      const call: RecordedCall = { exchange, operation, steps, index: all.length, held: 0, uses: 0 };
      all.push(call);
      const key = keyOf(exchange.protocol, exchange.request);
      putInto(this.#byKey, key, call);
      const { length, 0: first } = exchange.request.messages;
      this.#mostMessages.set(key, Math.max(length, this.#mostMessages.get(key) ?? 0));
      if (first !== undefined) putInto(this.#byBeginning, `${key} ${beginning(first.data)}`, call);
    }
    this.all = all;
    this.unusable = unusable;
  }

  /** Those that a request may be, by its method and target, in the order of the recording. */
  of(
    protocol: Exchange['protocol'],
    request: Pick<Exchange['request'], 'method' | 'target'>,
  ): readonly RecordedCall[] {
    return this.#byKey.get(keyOf(protocol, request)) ?? [];
  }

  /** The most messages of a request among these. */
  mostMessages(
    protocol: Exchange['protocol'],
    request: Pick<Exchange['request'], 'method' | 'target'>,
  ): number {
    return this.#mostMessages.get(keyOf(protocol, request)) ?? 0;
  }

  /** Those of them whose first message may be this one: all that are equal, and perhaps some more. */
  beginningWith(
    protocol: Exchange['protocol'],
    request: Pick<Exchange['request'], 'method' | 'target'>,
    first: Uint8Array,
  ): readonly RecordedCall[] {
    return this.#byBeginning.get(`${keyOf(protocol, request)} ${beginning(first)}`) ?? [];
  }

  /** The first that was not served yet; undefined when all were. */
  next(): RecordedCall | undefined {
    for (let call = this.all[this.#next]; call !== undefined; call = this.all[++this.#next]) {
      if (isFree(call)) return call;
      // One that is held may come back.
      if (call.uses === 0) return this.all.slice(this.#next).find(isFree);
    }
    return undefined;
  }
}

/** Paths of HTTP hold masked values, which differ by the key; how many segments they have does not. */
function keyOf(
  protocol: Exchange['protocol'],
  { method, target }: Pick<Exchange['request'], 'method' | 'target'>,
): string {
  if (protocol === 'grpc') return target;
  const [path = ''] = target.split('?', 1);
  return `${method} ${path.split('/').length}`;
}

function putInto(map: Map<string, RecordedCall[]>, key: string, call: RecordedCall): void {
  const others = map.get(key);
  if (others === undefined) map.set(key, [call]);
  else others.push(call);
}

/** What tells messages apart for the most part. */
function beginning(data: Uint8Array): string {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  const tail = bytes.length > 64 ? bytes.toString('latin1', bytes.length - 32) : '';
  return `${bytes.length} ${bytes.toString('latin1', 0, 64)}${tail}`;
}

/** Whether the steps that were given out of one are also the beginning of the other. */
export function beginsAlike(one: RecordedCall, other: RecordedCall, sent: number): boolean {
  for (let i = 0; i < sent; i++) {
    const a = one.steps[i]?.step;
    const b = other.steps[i]?.step;
    if (a === undefined || b === undefined || !sameStep(a, b)) return false;
  }
  return true;
}

function sameStep(a: TimedStep['step'], b: TimedStep['step']): boolean {
  if (a.kind === 'head' && b.kind === 'head') {
    const plain = ({ head }: typeof a) => withoutDate(head.headers).join('\n');
    return a.head.status === b.head.status && plain(a) === plain(b);
  }
  if (a.kind === 'message' && b.kind === 'message') {
    return a.message.kind === b.message.kind && Buffer.compare(a.message.data, b.message.data) === 0;
  }
  if (a.kind === 'chunk' && b.kind === 'chunk') return Buffer.compare(a.data, b.data) === 0;
  return false;
}

function withoutDate(headers: readonly string[]): string[] {
  return headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== 'date');
}

/** Whether an exchange is of one of these operations or gRPC services. */
export function isOf(exchange: Exchange, operations: ResolvedStubOptions['operations']): boolean {
  if (operations === undefined) return true;
  const operation = operationOf(exchange);
  const calls = exchange.protocol === 'grpc';
  return operations.some((name) => operation === name || (calls && operation.startsWith(`${name}/`)));
}

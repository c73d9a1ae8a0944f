import type { Exchange, Message } from '../../src/model/exchange.ts';
import type { StubSourceOptions } from '../../src/stub/open-stub.ts';
import { openStub } from '../../src/stub/open-stub.ts';
import type { StubOptions } from '../../src/stub/options.ts';
import type { Stub } from '../../src/stub/stub.ts';
import type { StubRequest } from '../../src/stub/stub-call.ts';
import { anExchange, aStart, ManualClock } from '../../src/testing/index.ts';

const ms = 1e6;

/** A recorded call: what happened at which millisecond after its start. `>` is the client's, `<` the server's. */
export type Line =
  | readonly [at: number, event: '>' | '<', text: string]
  | readonly [at: number, event: '> end' | '< head' | 'client gone' | 'server resets']
  | readonly [at: number, event: '< status', code: number];

export function recordedCall(
  lines: readonly Line[],
  over: Partial<Exchange> & { path?: string } = {},
): Exchange {
  const { path = '/shop.Stock/Get', ...rest } = over;
  const startAt = rest.startAt ?? (rest.id ?? 1) * 1_000 * ms;
  const messages = (event: '>' | '<'): Message[] =>
    lines.flatMap(([at, what, text]) => {
      if (what !== event) return [];
      const data = Buffer.from(String(text));
      return [{ at: startAt + at * ms, seq: 1, kind: 0, size: data.length, state: 'kept', data }];
    });
  const when = (event: Line[1]) => {
    const found = lines.find(([, what]) => what === event);
    return found === undefined ? undefined : startAt + found[0] * ms;
  };
  const status = lines.find(([, what]) => what === '< status');
  const statusAt = when('< status');
  const goneAt = when('client gone');
  const resetAt = when('server resets');
  const headAt = when('< head');
  const last = lines.at(-1)?.[0] ?? 0;
  const sent = messages('<');
  const endAt = when('> end');
  return anExchange({
    lane: 'a',
    protocol: 'grpc',
    direction: 'outbound',
    operation: path.slice(1),
    startAt,
    endAt: startAt + last * ms,
    ...rest,
    abort:
      goneAt !== undefined
        ? { at: goneAt, by: 'client', code: 'RST_STREAM 8' }
        : resetAt !== undefined
          ? { at: resetAt, by: 'server', code: 'RST_STREAM 2' }
          : undefined,
    request: {
      method: 'POST',
      target: path,
      version: '2',
      authority: 'stock:50051',
      headers: ['content-type', 'application/grpc', 'te', 'trailers'],
      chunks: [],
      messages: messages('>'),
      complete: endAt !== undefined,
      endAt,
      ...rest.request,
    },
    response:
      headAt === undefined && statusAt === undefined && sent.length === 0
        ? null
        : {
            at: headAt ?? sent[0]?.at ?? statusAt ?? startAt,
            version: '2',
            headers: headAt === undefined && sent.length === 0 ? [] : ['content-type', 'application/grpc'],
            chunks: [],
            messages: sent,
            trailers: status === undefined ? [] : ['grpc-status', String(status[2])],
            complete: statusAt !== undefined,
            endAt: statusAt,
            ...rest.response,
          },
  });
}

/** A unary call answered 10 ms after it was made. */
export const unaryCall = (
  id: number,
  request: string,
  answer: string,
  over: Partial<Exchange> & { path?: string } = {},
) =>
  recordedCall(
    [
      [0, '>', request],
      [1, '> end'],
      [11, '< head'],
      [11, '<', answer],
      [11, '< status', 0],
    ],
    { id, ...over },
  );

/** A stub on a clock that is moved by hand, and what it answers. */
export class StubHarness {
  readonly clock: ManualClock = new ManualClock();
  stub!: Stub;

  static async over(
    exchanges: readonly Exchange[],
    options: StubOptions & StubSourceOptions = {},
  ): Promise<StubHarness> {
    const harness = new StubHarness();
    harness.stub = await openStub(exchanges, 'grpc', { clock: harness.clock, ...options });
    return harness;
  }

  /** Begins a call; `log` gets what is answered, with the milliseconds since its start. */
  call(
    path: string = '/shop.Stock/Get',
    headers: readonly string[] = [],
  ): { request: StubRequest; log: string[] } {
    const log: string[] = [];
    const from = this.clock.nowNs();
    const note = (text: string) => log.push(`${Math.round((this.clock.nowNs() - from) / ms)} ${text}`);
    const start = aStart({
      protocol: 'grpc',
      version: '2',
      method: 'POST',
      target: path,
      operation: path.slice(1),
      headers: ['content-type', 'application/grpc', ...headers],
    });
    const request = this.stub.begin(start, {
      step(step) {
        if (step.kind === 'message') note(`message ${Buffer.from(step.message.data)}`);
        else if (step.kind === 'end') note(`status ${step.trailers[1]}${step.alone ? ' alone' : ''}`);
        else if (step.kind === 'break') note(`break by ${step.by} ${step.code}`);
        else note(step.kind);
      },
      miss: (detail) => note(`miss ${detail}`),
    });
    return { request, log };
  }

  /** A whole unary call; gives what was answered within a minute. */
  unary(message: string, path?: string, headers?: readonly string[]): string[] {
    const { request, log } = this.call(path, headers);
    request.message(Buffer.from(message), 0);
    request.end();
    this.clock.advanceMs(60_000);
    return log;
  }
}

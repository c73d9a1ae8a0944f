import type { Exchange } from '../../src/model/exchange.ts';
import { aChunk, anExchange } from '../../src/testing/factories.ts';

/** One exchange of a conversation that a test makes up. */
export interface Spoken {
  readonly lane?: string;
  readonly method?: string;
  readonly target: string;
  readonly headers?: readonly string[];
  readonly body?: unknown;
  readonly form?: string;
  readonly answer?: unknown;
  readonly html?: string;
  /** An answer of another type. */
  readonly told?: { readonly type: string; readonly text: string };
  readonly status?: number;
  readonly answerHeaders?: readonly string[];
  /** When it starts and how long it takes, in milliseconds. Default one after the other. */
  readonly at?: number;
  readonly takes?: number;
}

/** A capture of such exchanges: each starts when the one before is over. */
export function traffic(spoken: readonly Spoken[]): Exchange[] {
  return spoken.map((one, i) => {
    const startAt = (one.at ?? i * 10) * 1e6;
    const endAt = startAt + (one.takes ?? 5) * 1e6;
    const sent = one.form ?? (one.body === undefined ? undefined : JSON.stringify(one.body));
    const type = one.form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
    const told = one.told?.text ?? one.html ?? (one.answer === undefined ? '' : JSON.stringify(one.answer));
    return anExchange({
      id: i + 1,
      seq: i + 1,
      lane: one.lane ?? '1',
      startAt,
      endAt,
      request: {
        method: one.method ?? 'GET',
        target: one.target,
        headers: [
          ...['Host', 'shop.test'],
          ...(sent === undefined ? [] : ['Content-Type', type]),
          ...(one.headers ?? []),
        ],
        chunks: sent === undefined ? [] : [aChunk(sent, startAt)],
        size: sent?.length ?? 0,
        endAt: startAt,
      },
      response: {
        at: endAt,
        endAt,
        status: one.status ?? 200,
        headers: [
          ...[
            'Content-Type',
            one.told?.type ?? (one.html === undefined ? 'application/json' : 'text/html; charset=utf-8'),
          ],
          ...(one.answerHeaders ?? []),
        ],
        chunks: told === '' ? [] : [aChunk(told, endAt)],
        size: told.length,
      },
    });
  });
}

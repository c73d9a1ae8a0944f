import { expect, test } from 'vitest';
import type { HookContext } from '../../src/hook/hook.ts';
import { recordRules } from '../../src/hook/record-rules.ts';
import type { HookRule } from '../../src/hook/rule.ts';
import type { ExchangeEvent } from '../../src/model/event.ts';
import { type ExchangeEventsOptions, exchangeEvents } from '../../src/testing/exchange-events.ts';

/** Runs the events of one exchange through the hooks of these rules, as a pipeline does. */
function run(rules: readonly HookRule[], events: readonly ExchangeEvent[]) {
  const hooks = recordRules(rules);
  const marks: string[] = [];
  const kept: ExchangeEvent[] = [];
  let dropped = false;
  const context: HookContext = {
    mark: (name, value) => marks.push(`${name}=${value}`),
    drop: () => {
      dropped = true;
    },
  };
  for (const event of events) {
    const result =
      event.type === 'start' ? hooks.onExchange?.(event, context) : hooks.onEvent?.(event, context);
    if (dropped) break;
    if (result instanceof Promise) throw new Error('declarative hooks are synchronous');
    kept.push(result ?? event);
  }
  return { kept, marks, dropped };
}

const masked = (options: ExchangeEventsOptions = {}) => exchangeEvents({ masked: true, ...options });
const find = <T extends ExchangeEvent['type']>(events: readonly ExchangeEvent[], type: T) =>
  events.find((event): event is Extract<ExchangeEvent, { type: T }> => event.type === type);
const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data);

test('recordRules() rewrites the head of a request', () => {
  const { kept } = run(
    [
      { do: 'set-header', name: 'accept', value: 'text/plain' },
      { do: 'remove-header', name: 'host', where: { method: 'POST' } },
      { do: 'rewrite-host', to: 'other.test:81' },
      { do: 'rewrite-path', from: '/orders/:id', to: '/v2/orders/:id' },
    ],
    masked({ start: { target: '/orders/7?a=1' } }),
  );
  expect(find(kept, 'start')).toMatchObject({
    target: '/v2/orders/7?a=1',
    headers: ['Host', 'other.test:81', 'Accept', 'text/plain'],
  });
});

test('recordRules() rewrites the head of a response by its status', () => {
  const rules: HookRule[] = [
    { do: 'set-header', side: 'response', name: 'x-seen', value: '1', where: { status: '2xx' } },
    { do: 'remove-header', side: 'response', name: 'content-length' },
    { do: 'set-header', side: 'response', name: 'x-no', value: '1', where: { status: 404 } },
  ];
  expect(find(run(rules, masked()).kept, 'headers')?.headers).toEqual([
    'Content-Type',
    'application/json',
    'x-seen',
    '1',
  ]);
});

test('recordRules() patches a JSON body and keeps the ends of its chunks valid', () => {
  const events = masked().map((event) =>
    event.type === 'body' ? { ...event, data: Buffer.from('{"id":7,"a":1}'), ends: [4, 4, 14] } : event,
  );
  const rules: HookRule[] = [
    { do: 'patch-body', side: 'response', patch: [{ op: 'replace', path: '/a', value: 'longer' }] },
    { do: 'patch-body', side: 'response', patch: [{ op: 'remove', path: '/id' }] },
  ];
  const { kept, marks } = run(rules, events);
  const body = find(kept, 'body');
  expect(text(body?.data)).toBe('{"a":"longer"}');
  expect(body?.ends).toEqual([4, 4, 14]);
  expect(kept.filter((event) => event.type === 'end').map(({ side, state }) => [side, state])).toEqual([
    ['request', 'kept'],
    ['response', 'masked'],
  ]);
  expect(marks).toEqual([]);
});

test('recordRules() marks an exchange whose body a patch did not fit', () => {
  const rules: HookRule[] = [
    { do: 'sample', ratio: 1 },
    { do: 'patch-body', side: 'response', patch: [{ op: 'remove', path: '/missing' }] },
  ];
  const { kept, marks } = run(rules, masked());
  expect(text(find(kept, 'body')?.data)).toBe('{"id":7}');
  expect(marks).toEqual(['patch-missed=1']);
});

test('recordRules() patches no stream of JSON lines', () => {
  const events = masked({ kind: 'sse' });
  const rules: HookRule[] = [
    { do: 'patch-body', side: 'response', patch: [{ op: 'add', path: '', value: 1 }] },
  ];
  const { kept, marks } = run(rules, events);
  expect(kept).toEqual(events);
  expect(marks).toEqual(['patch-missed=0']);
});

test('recordRules() drops at the start, at the status or at a mark', () => {
  const kept = (rule: HookRule, kind?: ExchangeEventsOptions['kind']) =>
    run([rule], masked({ kind })).kept.map((event) => event.type);
  expect(kept({ do: 'drop', where: { path: '/orders/*' } })).toEqual([]);
  expect(kept({ do: 'drop', where: { status: 200 } })).toEqual(['start', 'end']);
  expect(kept({ do: 'drop', where: { mark: { name: 'tenant' } } }, 'grpc-bidi').at(-1)).toBe('end');
  expect(kept({ do: 'drop', where: { status: 500 } })).toHaveLength(masked().length);
});

test('recordRules() marks once, and later rules see the mark', () => {
  const rules: HookRule[] = [
    { do: 'mark', name: 'slow', value: 'yes', where: { status: '2xx' } },
    { do: 'drop', where: { mark: { name: 'slow' } } },
  ];
  const { marks, dropped } = run(rules, masked());
  expect(marks).toEqual(['slow=yes']);
  expect(dropped).toBe(true);
});

test('recordRules() learns the operation from a mark of that name', () => {
  const events = exchangeEvents({ kind: 'grpc-bidi' }).map((event) =>
    event.type === 'mark' ? { ...event, name: 'operation', value: 'GET /orders/:id' } : event,
  );
  const withoutOperation = events.map((event) =>
    event.type === 'start' ? { ...event, operation: undefined } : event,
  );
  expect(run([{ do: 'drop', where: { operation: 'GET /orders/**' } }], withoutOperation).dropped).toBe(true);
});

test('recordRules() samples by id, and says in the start by how much', () => {
  const rule: HookRule = { do: 'sample', ratio: 0.25 };
  const kept = Array.from({ length: 2_000 }, (_, i) => run([rule], masked({ exchange: i + 1 }))).filter(
    ({ dropped }) => !dropped,
  );
  expect(kept.length).toBeGreaterThan(400);
  expect(kept.length).toBeLessThan(600);
  expect(find(kept[0]?.kept ?? [], 'start')?.sampleRate).toBe(0.25);
  expect(run([{ do: 'sample', ratio: 0 }], masked()).dropped).toBe(true);
  expect(run([{ do: 'sample', ratio: 1 }], masked()).dropped).toBe(false);
});

test('recordRules() leaves every kind of exchange as it is when no rule is for it', () => {
  const rules: HookRule[] = [{ do: 'drop', where: { method: 'DELETE' } }];
  for (const kind of ['http', 'websocket', 'grpc-bidi', 'aborted', 'chunked-upload'] as const) {
    expect(run(rules, masked({ kind })).kept).toEqual(masked({ kind }));
  }
});

test('recordRules() refuses a rule that asks for a status before there can be one', () => {
  expect(() => recordRules([{ do: 'set-header', name: 'x', value: '1', where: { status: 500 } }])).toThrow(
    /rules\[0\]: where\.status: is not known yet/,
  );
  expect(() =>
    recordRules([
      { do: 'patch-body', patch: [{ op: 'remove', path: '/a' }], where: { mark: { name: 'm' } } },
    ]),
  ).toThrow(/where\.mark/);
  expect(() => recordRules([{ do: 'sample', ratio: 1, where: { status: 500 } }])).toThrow(/where\.status/);
});

import { expect, test } from 'vitest';
import { editRecordedMessages, editSentMessages, type MessageEdit } from '../../src/hook/edit-messages.ts';
import type { RecordHooks } from '../../src/hook/hook.ts';
import type { ExchangeEvent, ExchangeStart } from '../../src/model/event.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { SchemaRegistry } from '../../src/protobuf/schema-registry.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { assembleAll } from '../../src/testing/assemble-all.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { int } from '../protobuf/support.ts';
import { decoded, encoded, placed, schema, schemas } from './orders.ts';

/** As a tool generates it: names as in the schema, long numbers and bytes as texts. */
interface Order {
  id: string;
  email: string;
  total: number;
  big: string | bigint;
  blob: string | Uint8Array;
  inner?: Order;
}

function sent<T extends object>(edit: MessageEdit<T>, exchange: Exchange, known = schemas) {
  const marks: string[] = [];
  let dropped = false;
  const out = editSentMessages(edit).onSend?.(exchange, {
    lane: new Map(),
    schemas: known,
    mark: (name, value) => marks.push(`${name}=${value}`),
    drop: () => {
      dropped = true;
    },
  });
  return { messages: (out ?? exchange).request.messages, marks, dropped };
}

test('messages that are sent are edited as objects; what does not change keeps its bytes', () => {
  const first = Uint8Array.from([...encoded({ id: 'a', total: 5 }), ...int(99, 1)]);
  const second = encoded({ id: 'b' });
  const seen: string[] = [];
  const { messages, marks } = sent<Order>(
    {
      operation: 'shop.Orders/*',
      edit(order, { index, type, operation }) {
        seen.push(`${operation} ${type} ${index} ${order.id} ${order.total}`);
        if (order.id === 'a') order.total += 1;
      },
    },
    placed(first, second),
  );
  expect(seen).toEqual(['shop.Orders/Place shop.Order 0 a 5', 'shop.Orders/Place shop.Order 1 b 0']);
  expect(messages[0]).toMatchObject({ state: 'masked' });
  expect([...(messages[0]?.data ?? [])]).toEqual([...encoded({ id: 'a', total: 6 }), ...int(99, 1)]);
  expect(messages[1]).toMatchObject({ state: 'kept', data: second });
  expect(marks).toEqual([]);
});

test('an edit may give back another message, with bigints and bytes, mark and drop', () => {
  const { messages, marks, dropped } = sent<Order>(
    {
      edit: (order, about) => {
        about.mark('seen', about.type);
        about.drop();
        return { ...order, big: 2n ** 60n, blob: Buffer.from('hi') };
      },
    },
    placed(encoded({ id: 'a' })),
  );
  expect(decoded(messages[0]?.data)).toEqual({ id: 'a', big: String(2n ** 60n), blob: 'aGk=' });
  expect(marks).toEqual(['seen=shop.Order']);
  expect(dropped).toBe(true);
});

test('a message that cannot be decoded is sent as it was, and that is said once', () => {
  const odd = Uint8Array.of(0x0a, 9);
  const edit = { edit: () => ({ id: 'x' }) };
  const { messages, marks } = sent(edit, placed(odd, encoded({ id: 'a' }), odd));
  expect(messages.map(({ data }) => (data === odd ? 'odd' : decoded(data)))).toEqual([
    'odd',
    { id: 'x' },
    'odd',
  ]);
  expect(marks).toEqual(['edit-missed=protobuf-syntax']);
  expect(sent(edit, placed(odd), new SchemaRegistry()).marks).toEqual(['edit-missed=schema-unknown']);
});

test('what does not fit the type throws, with the name of the field and not its value', () => {
  const editing = (made: object) => () => sent({ edit: () => made }, placed(encoded({ id: 'a' })));
  expect(editing({ inner: { total: 'secret' } })).toThrow(
    /^an edited message does not fit: shop\.Order\.total: expected a whole number of 32 bits$/,
  );
  expect(editing({ counts: { secret: 'x' } })).toThrow(/shop\.Order\.counts: expected a whole number/);
  expect(editing({ id: () => 1 })).toThrow(/shop\.Order: expected JSON/);
});

test('other calls are left alone, and responses cannot be edited at replay', () => {
  const edit: MessageEdit = { operation: ['shop.Other/*'], edit: () => ({ id: 'x' }) };
  const exchange = placed(encoded({ id: 'a' }));
  expect(sent(edit, exchange).messages).toEqual(exchange.request.messages);
  expect(sent({ edit: () => ({ id: 'x' }) }, { ...exchange, protocol: 'websocket' }).marks).toEqual([]);
  expect(() => editSentMessages({ side: 'response', edit: () => undefined })).toThrow(
    /^side: hooks at replay rewrite requests only/,
  );
  const hooks = editSentMessages({ edit: () => undefined }, { ahead: true });
  expect([hooks.ahead, editSentMessages({ edit: () => undefined }).ahead]).toEqual([true, false]);
});

const email = ['ada', 'example.com'].join('@');

/** Records a call whose request has this message; gives what was written. */
async function recorded(hooks: RecordHooks, message: Uint8Array, over: Partial<ExchangeStart> = {}) {
  const sink = memorySink();
  const recorder = createRecorder({
    service: 'shop',
    sink,
    hooks,
    clock: new ManualClock(),
    mask: { version: 1 },
  });
  recorder.describe(schema);
  const tap = recorder.begin(
    aStart({
      protocol: 'grpc',
      version: '2',
      method: 'POST',
      target: '/shop.Orders/Place',
      operation: 'shop.Orders/Place',
      headers: ['content-type', 'application/grpc'],
      ...over,
    }),
  );
  tap?.message('request', 0, message);
  tap?.end('request');
  tap?.headers(200, '', '2', ['content-type', 'application/grpc']);
  tap?.end('response');
  const stats = await recorder.close();
  const [exchange] = assembleAll(sink.events);
  return { exchange, stats, sink, message: exchange?.request.messages[0] };
}

test('an edit while recording sees what was masked, and what it changes is masked again', async () => {
  const seen: string[] = [];
  const hooks = editRecordedMessages<Order>({
    edit(order) {
      seen.push(order.email);
      order.inner = { id: 'i', email: `b${email}`, total: 1, big: '0', blob: '' };
      order.total = 7;
    },
  });
  const { message, stats } = await recorded(hooks, encoded({ id: 'a', email, total: 5 }));
  expect(seen).toEqual([expect.stringMatching(/^mk_email_[\w-]{16}$/)]);
  expect(decoded(message?.data)).toEqual({
    id: 'a',
    email: seen[0],
    total: 7,
    inner: { id: 'i', email: expect.stringMatching(/^mk_email_[\w-]{16}$/), total: 1 },
  });
  expect(message?.state).toBe('masked');
  expect(stats).toMatchObject({ eventsLost: { hook: 0 } });
});

test('an edit before the mask sees messages as they are, and what it makes is masked', async () => {
  const seen: string[] = [];
  const hooks = editRecordedMessages<Order>(
    {
      edit(order) {
        seen.push(order.email);
        return { ...order, email: `b${order.email}`, total: 7 };
      },
    },
    { beforeMask: true },
  );
  const { message, sink } = await recorded(hooks, encoded({ id: 'a', email, total: 5 }));
  expect(seen).toEqual([email]);
  expect(decoded(message?.data)).toMatchObject({
    id: 'a',
    email: expect.stringMatching(/^mk_email_/),
    total: 7,
  });
  expect(sink.header?.policy).toMatchObject({ hookBeforeMask: true });
  expect(JSON.stringify(sink.events)).not.toContain(email);
});

test('a message that cannot be edited while recording is kept as it is, with a mark; an edit that throws loses its call', async () => {
  const edit = { edit: () => ({ total: 1 }) };
  const unknown = await recorded(editRecordedMessages(edit, { beforeMask: true }), encoded({ id: 'a' }), {
    target: '/shop.Orders/None',
  });
  expect(unknown.exchange?.marks).toEqual([{ name: 'edit-missed', value: 'schema-unknown' }]);
  const failed = await recorded(editRecordedMessages({ edit: () => ({ total: 'x' }) }), encoded({ id: 'a' }));
  expect(failed.stats).toMatchObject({ exchangesLost: { hook: 1 } });
  expect(failed.message).toBeUndefined();
});

test('a call that goes on is edited to its end, however many others begin and end meanwhile', () => {
  const edit = (order: Order): void => {
    order.total = 7;
  };
  const hooks = editRecordedMessages<Order>({ edit }, { beforeMask: true });
  const stamp = { seq: 1, at: 0 };
  const context = { schemas, mark: () => undefined, drop: () => undefined };
  const tell = (event: ExchangeEvent) => hooks.beforeMask?.(event, context);
  const start = (exchange: number) =>
    tell({
      type: 'start',
      ...stamp,
      sampleRate: 1,
      ...aStart({ protocol: 'grpc', target: '/shop.Orders/Place' }),
      exchange,
    });
  start(1);
  for (let exchange = 2; exchange < 70_000; exchange++) {
    start(exchange);
    for (const side of ['request', 'response'] as const) {
      tell({ type: 'end', ...stamp, exchange, side, size: 0, state: 'kept', complete: true });
    }
  }
  const data = encoded({ id: 'a' });
  const message = { type: 'message', side: 'request', index: 0, kind: 0, size: 1, state: 'kept' } as const;
  const edited = tell({ ...message, ...stamp, exchange: 1, data });
  expect(edited).toMatchObject({ state: 'masked' });
});

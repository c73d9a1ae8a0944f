import { expect, test } from 'vitest';
import { patchMessage } from '../../src/hook/change-message.ts';
import { recordRules } from '../../src/hook/record-rules.ts';
import { splitRules } from '../../src/hook/replay-rules.ts';
import type { HookRule, PatchBodyRule } from '../../src/hook/rule.ts';
import type { ExchangeEvent } from '../../src/model/event.ts';
import { SchemaRegistry } from '../../src/protobuf/schema-registry.ts';
import { aStart } from '../../src/testing/factories.ts';
import { int } from '../protobuf/support.ts';
import { decoded, encoded, placed, schemas } from './orders.ts';

const raise: PatchBodyRule = {
  do: 'patch-body',
  patch: [
    { op: 'test', path: '/total', value: 0 },
    { op: 'replace', path: '/total', value: 7 },
  ],
};

test('a patch changes what it names, and the rest keeps its bytes', () => {
  const data = Uint8Array.from([...encoded({ id: 'a' }), ...int(99, 1)]);
  expect([...(patchMessage(data, 'shop.Order', schemas, raise.patch) ?? [])]).toEqual([
    ...data,
    ...int(3, 7),
  ]);
  for (const patch of [
    [{ op: 'test', path: '/total', value: 1 }],
    [{ op: 'add', path: '/nobody', value: 1 }],
    [{ op: 'replace', path: '/total', value: 'x' }],
    [
      { op: 'replace', path: '/total', value: 7 },
      { op: 'remove', path: '/nobody' },
    ],
  ] as const) {
    expect(patchMessage(data, 'shop.Order', schemas, patch)).toBeUndefined();
  }
  expect(patchMessage(Uint8Array.of(0x0a, 9), 'shop.Order', schemas, raise.patch)).toBeUndefined();
  expect(patchMessage(data, 'shop.None', schemas, raise.patch)).toBeUndefined();
  expect(patchMessage(data, undefined, schemas, raise.patch)).toBeUndefined();
  expect(patchMessage(data, 'shop.Order', undefined, raise.patch)).toBeUndefined();
});

function replayed(rules: readonly HookRule[], messages: readonly Uint8Array[], known = schemas) {
  const marks: string[] = [];
  const { hooks, answer } = splitRules(rules);
  const recorded = placed(...messages);
  const exchange = answer?.(recorded, known) ?? recorded;
  const context = {
    lane: new Map(),
    schemas: known,
    mark: (name: string, value: string) => marks.push(`${name}=${value}`),
    drop: () => {},
  };
  const sent = hooks.onSend?.(exchange, context) ?? exchange;
  return {
    sent: sent.request.messages.map(({ data }) => decoded(data)),
    states: sent.request.messages.map(({ state }) => state),
    answer: exchange.response?.messages.map(({ data }) => decoded(data)),
    marks,
  };
}

test('at replay, patch-body patches each message of a call, or the one that it names', () => {
  const messages = [encoded({ id: 'a' }), encoded({ id: 'b' })];
  expect(replayed([raise], messages)).toMatchObject({
    sent: [
      { id: 'a', total: 7 },
      { id: 'b', total: 7 },
    ],
    states: ['masked', 'masked'],
    answer: [{ id: 'a' }],
    marks: [],
  });
  expect(replayed([{ ...raise, message: 1 }], messages)).toMatchObject({
    sent: [{ id: 'a' }, { id: 'b', total: 7 }],
    states: ['kept', 'masked'],
    marks: [],
  });
  expect(replayed([{ ...raise, side: 'response' }], messages)).toMatchObject({
    sent: [{ id: 'a' }, { id: 'b' }],
    answer: [{ id: 'a', total: 7 }],
  });
});

test('at replay, a message that the patch does not fit is sent as it was, and that is marked', () => {
  const messages = [encoded({ id: 'a', total: 5 }), encoded({ id: 'b' })];
  expect(replayed([{ do: 'drop', where: { path: '/none' } }, raise], messages)).toMatchObject({
    sent: [
      { id: 'a', total: 5 },
      { id: 'b', total: 7 },
    ],
    marks: ['patch-missed=1'],
  });
  expect(replayed([raise], messages, new SchemaRegistry())).toMatchObject({
    sent: [{ id: 'a', total: 5 }, { id: 'b' }],
    marks: ['patch-missed=0'],
  });
});

test('while recording, patch-body patches each message as it comes', async () => {
  const hooks = recordRules([raise, { ...raise, side: 'response', message: 1 }]);
  const marks: string[] = [];
  const context = {
    schemas,
    mark: (name: string, value: string) => marks.push(`${name}=${value}`),
    drop: () => {},
  };
  const stamp = { seq: 1, at: 1, exchange: 1 };
  const head = aStart({ protocol: 'grpc', method: 'POST', target: '/shop.Orders/Place', headers: [] });
  await hooks.onExchange?.({ type: 'start', ...stamp, ...head, sampleRate: 1 }, context);
  const message = (side: 'request' | 'response', index: number, data: Uint8Array): ExchangeEvent => ({
    ...{ type: 'message', ...stamp, side, index, kind: 0, size: data.length, state: 'kept', data },
  });
  const kept = [
    message('request', 0, encoded({ id: 'a' })),
    message('request', 1, encoded({ id: 'b', total: 5 })),
    message('request', 2, encoded({ id: 'c', total: 5 })),
    message('response', 0, encoded({ id: 'd' })),
    message('response', 1, encoded({ id: 'e' })),
  ].map((event) => {
    const out = event.type === 'start' ? undefined : hooks.onEvent?.(event, context);
    return out === undefined || out instanceof Promise || out.type !== 'message' ? 'none' : decoded(out.data);
  });
  expect(kept).toEqual([
    { id: 'a', total: 7 },
    { id: 'b', total: 5 },
    { id: 'c', total: 5 },
    { id: 'd' },
    { id: 'e', total: 7 },
  ]);
  expect(marks).toEqual(['patch-missed=0']);
  expect(() => recordRules([{ ...raise, message: -1 }])).toThrow(/message: expected a whole number from 0/);
});

test('messages whose content type says JSON are patched as JSON', () => {
  const exchange = placed(Buffer.from('{"total":0}'));
  const json = {
    ...exchange,
    request: { ...exchange.request, headers: ['content-type', 'application/grpc+json'] },
  };
  const context = { lane: new Map(), mark: () => {}, drop: () => {} };
  const sent = splitRules([raise]).hooks.onSend?.(json, context);
  expect(Buffer.from(sent?.request.messages[0]?.data ?? []).toString()).toBe('{"total":7}');
});

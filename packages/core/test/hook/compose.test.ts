import { expect, test } from 'vitest';
import { composeRecordHooks, composeReplayHooks } from '../../src/hook/compose.ts';
import type { HookContext, RecordHooks, ReplayHooks } from '../../src/hook/hook.ts';
import { anExchange, aStart } from '../../src/testing/factories.ts';

const start = {
  ...aStart({ target: '/' }),
  type: 'start',
  exchange: 1,
  seq: 1,
  at: 1,
  sampleRate: 1,
} as const;
const add = (letter: string): RecordHooks => ({
  onExchange: (event) => ({ ...event, target: event.target + letter }),
});
const addLater = (letter: string): RecordHooks => ({
  onExchange: async (event) => ({ ...event, target: event.target + letter }),
});
const drop: RecordHooks = { onExchange: (_event, context) => context.drop() };

function aContext() {
  const calls: string[] = [];
  const context: HookContext = {
    mark: (name) => calls.push(name),
    drop: () => calls.push('drop'),
  };
  return { context, calls };
}

test('composeRecordHooks() gives each hook what the one before it returned', () => {
  const result = composeRecordHooks([add('a'), {}, add('b')]).onExchange?.(start, aContext().context);
  expect(result).toMatchObject({ target: '/ab' });
});

test('composeRecordHooks() waits for asynchronous hooks in order', async () => {
  const hooks = composeRecordHooks([addLater('a'), add('b'), addLater('c')]);
  expect(await hooks.onExchange?.(start, aContext().context)).toMatchObject({ target: '/abc' });
});

test('composeRecordHooks() asks no hook after a drop', async () => {
  const never: RecordHooks = {
    onExchange: () => {
      throw new Error('asked');
    },
  };
  const { context, calls } = aContext();
  expect(composeRecordHooks([add('a'), drop, never]).onExchange?.(start, context)).toBeUndefined();
  expect(await composeRecordHooks([addLater('a'), drop, never]).onExchange?.(start, context)).toBeUndefined();
  expect(calls).toEqual(['drop', 'drop']);
});

test('composeRecordHooks() passes a failure on', async () => {
  const fails: RecordHooks = {
    onExchange: async () => {
      throw new Error('broken');
    },
  };
  await expect(composeRecordHooks([add('a'), fails]).onExchange?.(start, aContext().context)).rejects.toThrow(
    'broken',
  );
});

test('composeRecordHooks() hands later events through', () => {
  const hooks = composeRecordHooks([
    { onEvent: (event) => (event.type === 'mark' ? { ...event, value: 'b' } : event) },
  ]);
  const mark = { type: 'mark', exchange: 1, seq: 2, at: 2, name: 'a', value: 'a' } as const;
  expect(hooks.onEvent?.(mark, aContext().context)).toEqual({ ...mark, value: 'b' });
});

test('composeReplayHooks() chains onSend, stops at a drop, and tells every hook the outcome', () => {
  const told: string[] = [];
  const hook = (letter: string): ReplayHooks => ({
    onSend: (exchange, context) => {
      context.lane.set(letter, exchange.lane);
      return { ...exchange, lane: exchange.lane + letter };
    },
    onOutcome: () => {
      told.push(letter);
    },
  });
  const { context, calls } = aContext();
  const lane = new Map<string, unknown>();
  const exchange = anExchange();
  const all = composeReplayHooks([hook('a'), {}, hook('b')]);
  expect(all.onSend?.(exchange, { ...context, lane })).toMatchObject({ lane: '1ab' });
  all.onOutcome?.(exchange, { replayed: exchange }, { ...context, lane });
  expect(told).toEqual(['a', 'b']);
  expect([...lane]).toEqual([
    ['a', '1'],
    ['b', '1a'],
  ]);
  const dropping: ReplayHooks = { onSend: (_exchange, { drop }) => drop() };
  expect(composeReplayHooks([dropping, hook('c')]).onSend?.(exchange, { ...context, lane })).toBeUndefined();
  expect(calls).toEqual(['drop']);
  expect(lane.has('c')).toBe(false);
});

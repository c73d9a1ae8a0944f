import { expect, test } from 'vitest';
import { compareExchange, createComparer } from '../../src/compare/compare.ts';
import type { Binding } from '../../src/correlate/binding.ts';
import { learnBindings } from '../../src/correlate/learn.ts';
import { LiveValues } from '../../src/correlate/live-values.ts';
import { type Spoken, traffic } from './traffic.ts';

const id = (n: number) => `ord_${n}8f3a2b1c9d`;
const live = (n: number) => `live-${n}-a1b2c3`;

/** What comparing each exchange of a conversation comes to, with these answers to the same requests. */
async function compared(
  spoken: readonly Spoken[],
  now: readonly Partial<Spoken>[],
  bindings?: readonly Binding[],
) {
  const recorded = traffic(spoken);
  const replayed = traffic(spoken.map((one, i) => ({ ...one, ...now[i] })));
  const learned = bindings && ({ format: 'gardenhose-bindings/1', bindings } as const);
  const values = new LiveValues(learned ?? (await learnBindings(recorded)));
  const compare = createComparer();
  for (const [i, exchange] of recorded.entries()) values.plan(i, exchange);
  return recorded.map((exchange, i) => {
    const [answer = exchange] = replayed.slice(i);
    const { differences, explained } = compare(exchange, answer, values.told(i, answer));
    return [explained, differences.map(({ path, verdict }) => `${verdict} ${path}`)];
  });
}

const spoken = [
  { method: 'POST', target: '/orders', answer: { id: id(1), kind: 'gift' } },
  { target: `/orders/${id(1)}`, answer: { id: id(1), self: `/orders/${id(1)}?x=1`, note: `see ${id(1)}!` } },
  { target: '/orders', answer: [id(1), 'other'] },
];

test('what a live answer told anew is no difference, there and wherever it stands later', async () => {
  const self = `/orders/${live(1)}?x=1`;
  expect(
    await compared(spoken, [
      { answer: { id: live(1), kind: 'gift' } },
      { answer: { id: live(1), self, note: `see ${live(1)}!` } },
      { answer: [live(1), 'other'] },
    ]),
  ).toEqual([
    [1, []],
    [3, []],
    [1, []],
  ]);
});

test('another one than was told is a difference, also where it looks like any random id', async () => {
  const uuid = (n: number) => `0${n}f0a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b`;
  const random = [
    { method: 'POST', target: '/orders', answer: { id: uuid(1) } },
    { target: `/orders/${uuid(1)}`, answer: { id: uuid(1), trace: uuid(7) } },
  ];
  expect(
    await compared(random, [{ answer: { id: uuid(2) } }, { answer: { id: uuid(3), trace: uuid(8) } }]),
  ).toEqual([
    [1, []],
    [0, ['suspect body:$.trace', 'changed body:$.id']],
  ]);
  // The same, of which nothing is told live.
  const [, first] = traffic(random);
  const [, other] = traffic([{ target: '/' }, { target: '/', answer: { id: uuid(3), trace: uuid(7) } }]);
  if (first === undefined || other === undefined) throw new TypeError();
  expect(compareExchange(first, other)).toMatchObject({
    explained: 0,
    differences: [{ verdict: 'suspect' }],
  });
});

test('what is missing, of another type, or has changed beside a live value is a difference', async () => {
  expect(
    await compared(spoken, [
      { answer: { id: live(1), kind: 'sale' } },
      { answer: { id: null, self: `/elsewhere/${live(1)}?x=1` } },
      { answer: [live(1)] },
    ]),
  ).toEqual([
    [1, ['changed body:$.kind']],
    [0, ['changed body:$.note', 'changed body:$.self', 'changed body:$.id']],
    [1, ['changed body:$[1]']],
  ]);
});

test('a value that says little is known in its own place alone', async () => {
  const small = [
    {
      method: 'POST',
      target: '/orders',
      answer: { id: 7, amount: 7 },
      answerHeaders: ['Set-Cookie', 'step=1'],
    },
    { target: '/orders/7', headers: ['Cookie', 'step=1'], answer: { id: 7, amount: 7 } },
  ];
  const bindings = [
    {
      from: { operation: 'POST /orders', place: 'body.$.id' },
      to: { operation: 'GET /orders/:id', place: 'path[1]' },
      anyValue: true,
    },
    { from: { operation: '*', place: 'set-cookie.step' }, to: { operation: '*', place: 'cookie.step' } },
  ];
  const now = [
    { answer: { id: 12, amount: 12 }, answerHeaders: ['Set-Cookie', 'step=2'] },
    { answer: { id: 12, amount: 7 } },
  ];
  expect(await compared(small, now, bindings)).toEqual([
    [2, ['changed body:$.amount']],
    [0, ['changed body:$.id']],
  ]);
});

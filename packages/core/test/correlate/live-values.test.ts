import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Binding, Bindings } from '../../src/correlate/binding.ts';
import { readHtml } from '../../src/correlate/html-leaves.ts';
import { learnBindings } from '../../src/correlate/learn.ts';
import { LiveValues, type LiveValuesOptions } from '../../src/correlate/live-values.ts';
import { isGardenhoseError } from '../../src/errors.ts';
import { bodyBytes, type Exchange } from '../../src/model/exchange.ts';
import { headerValue } from '../../src/model/headers.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { type Spoken, traffic } from './traffic.ts';

/** The live answers to some of the exchanges of a conversation, by their place in it; null where there was none. */
type Answers = Record<number, Pick<Spoken, 'answer' | 'answerHeaders' | 'status'> | null>;

interface Sent {
  readonly all: readonly Exchange[];
  readonly given: readonly ReadonlyMap<number, string>[];
  readonly live: LiveValues;
}

/** Replays a conversation against answers that a test makes up, one exchange at a time. */
async function send(
  spoken: readonly Spoken[],
  answers: Answers,
  { bindings, ...options }: LiveValuesOptions & { bindings?: readonly Binding[] } = {},
): Promise<Sent> {
  const recorded = traffic(spoken);
  const now = traffic(spoken.map((one, i) => ({ ...one, ...answers[i] })));
  const learned: Bindings =
    bindings === undefined ? await learnBindings(recorded) : { format: 'gardenhose-bindings/1', bindings };
  const live = new LiveValues(learned, options);
  const all: Exchange[] = [];
  const given: ReadonlyMap<number, string>[] = [];
  const plans = recorded.map((exchange, i) => live.plan(i, exchange));
  for (const [i, exchange] of recorded.entries()) {
    const made = plans[i]?.make?.() ?? { exchange, given: new Map<number, string>() };
    all.push(made.exchange);
    given.push(made.given);
    const response = now[i]?.response;
    live.told(i, answers[i] === null ? undefined : { ...made.exchange, response });
  }
  return { all, given, live };
}

const id = (n: number) => `ord_${n}8f3a2b1c9d`;
const target = (exchange: Exchange | undefined) => exchange?.request.target;
const header = (exchange: Exchange | undefined, name: string) =>
  headerValue(exchange?.request.headers ?? [], name);
const bodyOf = (exchange: Exchange | undefined) =>
  exchange === undefined ? undefined : Buffer.from(bodyBytes(exchange.request)).toString();

test('what the live answer tells is sent in place of what the recorded one told, wherever it stands', async () => {
  const { all, live } = await send(
    [
      { method: 'POST', target: '/orders', answer: { id: id(1), number: 937_450_182 } },
      { target: `/orders/${id(1)}?again=${id(1)}&x=1`, headers: ['X-Order', id(1)] },
      { method: 'POST', target: '/pay', body: { order: id(1), number: 937_450_182, plan: 'basic' } },
      { method: 'POST', target: '/note', form: `order=${id(1)}&text=a+b` },
    ],
    { 0: { answer: { id: 'live /1', number: 123_456_789_012_345_678n.toString() } } },
  );
  expect(target(all[1])).toBe('/orders/live%20%2F1?again=live%20%2F1&x=1');
  expect(header(all[1], 'x-order')).toBe('live /1');
  expect(bodyOf(all[2])).toBe('{"order":"live /1","number":123456789012345678,"plan":"basic"}');
  expect(bodyOf(all[3])).toBe('order=live%20%2F1&text=a+b');
  expect(live.uses().reduce((sum, { used }) => sum + used, 0)).toBe(6);
});

test('sessions side by side do not mix', async () => {
  const lanes = ['a', 'b', 'c'];
  const { all } = await send(
    [
      ...lanes.map((lane, i) => ({ lane, method: 'POST', target: '/orders', answer: { id: id(i) } })),
      ...lanes.map((lane, i) => ({ lane, target: `/orders/${id(i)}` })),
    ],
    { 0: { answer: { id: 'live-a' } }, 1: { answer: { id: 'live-b' } }, 2: { answer: { id: 'live-c' } } },
  );
  expect(all.slice(3).map(target)).toEqual(['/orders/live-a', '/orders/live-b', '/orders/live-c']);
});

test('where no answer told a live value, the recorded one is sent, and counted', async () => {
  for (const answer of [null, { answer: { error: 'no' } }, { answerHeaders: [], answer: undefined }]) {
    const { all, live } = await send(
      [{ method: 'POST', target: '/orders', answer: { id: id(1) } }, { target: `/orders/${id(1)}` }],
      { 0: answer },
    );
    expect(target(all[1])).toBe(`/orders/${id(1)}`);
    expect(live.uses()).toMatchObject([{ used: 0, unresolved: 1, blocked: 0 }]);
  }
});

test('what is the same now as then stands for itself, wherever in a list it is; else its place counts', async () => {
  const spoken = [
    { target: '/items', answer: { items: [{ sku: 'x1y2z3a4' }, { sku: 'b5c6d7e8' }] } },
    { target: '/items/x1y2z3a4' },
    { target: '/items/b5c6d7e8' },
  ];
  const moved = await send(spoken, {
    0: { answer: { items: [{ sku: 'new' }, { sku: 'b5c6d7e8' }, { sku: 'x1y2z3a4' }] } },
  });
  expect(moved.all.map(target).slice(1)).toEqual(['/items/x1y2z3a4', '/items/b5c6d7e8']);
  const fresh = await send(spoken, { 0: { answer: { items: [{ sku: 'first' }, { sku: 'second' }] } } });
  expect(fresh.all.map(target).slice(1)).toEqual(['/items/first', '/items/second']);
});

test('tokens of masks join like values', async () => {
  const token = 'mk_secret_AbCdEfGhIjKlMnOp';
  const { all, given } = await send(
    [
      { method: 'POST', target: '/login', answer: { token } },
      { target: '/me', headers: ['Authorization', `Bearer ${token}`, 'X-Api-Key', 'k'] },
    ],
    { 0: { answer: { token: 'the live one' } } },
  );
  expect(header(all[1], 'authorization')).toBe('Bearer the live one');
  expect([...(given[1] ?? [])]).toEqual([[2, 'Bearer the live one']]);
});

test('cookies go as a user agent sends them: those that the recorded request had, as they are now', async () => {
  const spoken = [
    {
      method: 'POST',
      target: '/login',
      answerHeaders: ['Set-Cookie', 'sid=a1b2c3d4e5; Path=/', 'Set-Cookie', 'lang=en'],
    },
    { target: '/me', headers: ['Cookie', 'sid=a1b2c3d4e5; own=by-script; lang=en'] },
    { target: '/me', headers: ['Cookie', 'sid=a1b2c3d4e5'] },
  ];
  const cookies = async (first: readonly string[], second: readonly string[] = []) => {
    const { all, given } = await send(spoken, { 0: { answerHeaders: first }, 1: { answerHeaders: second } });
    return [header(all[1], 'cookie'), given[1]?.get(2), header(all[2], 'cookie')];
  };
  const live = ['Set-Cookie', 'sid="x%20y"; Path=/; HttpOnly; Secure', 'Set-Cookie', 'lang=nl'];
  expect(await cookies(live)).toEqual([
    'sid="x%20y"; own=by-script; lang=nl',
    'sid="x%20y"; lang=nl',
    'sid="x%20y"',
  ]);
  // Set anew by an answer that did not when it was recorded; taken back; out of its path; of another domain.
  expect((await cookies(live, ['Set-Cookie', 'sid=newer']))[2]).toBe('sid=newer');
  expect((await cookies(live, ['Set-Cookie', 'sid=; Max-Age=0']))[2]).toBe('');
  expect((await cookies(['Set-Cookie', 'sid=live; Path=/other']))[0]).toBe('own=by-script; lang=en');
  expect((await cookies(['Set-Cookie', 'sid=live; Domain=elsewhere.test']))[0]).toBe(
    'own=by-script; lang=en',
  );
  expect((await cookies(['Set-Cookie', 'sid=live; Domain=shop.test']))[0]).toBe(
    'sid=live; own=by-script; lang=en',
  );
});

test('a cookie that is over, or wants TLS where there is none, is not sent', async () => {
  const clock = new ManualClock();
  const spoken = [
    { target: '/', answerHeaders: ['Set-Cookie', 'sid=a1b2c3d4e5'] },
    { target: '/', headers: ['Cookie', 'sid=a1b2c3d4e5'] },
  ];
  const at = new Date(clock.wallMs() - 1_000).toUTCString();
  const over = await send(
    spoken,
    { 0: { answerHeaders: ['Set-Cookie', `sid=live; Expires=${at}`] } },
    { clock },
  );
  expect(header(over.all[1], 'cookie')).toBe('');
  const secure = { 0: { answerHeaders: ['Set-Cookie', 'sid=live; Secure'] } };
  expect(header((await send(spoken, secure, { secure: false })).all[1], 'cookie')).toBe('');
  expect(header((await send(spoken, secure)).all[1], 'cookie')).toBe('sid=live');
});

test('a cookie that says little is known of its own lane alone', async () => {
  const { all } = await send(
    [
      { lane: 'a', target: '/', answerHeaders: ['Set-Cookie', 'step=1'] },
      { lane: 'b', target: '/', answerHeaders: ['Set-Cookie', 'step=1'] },
      { lane: 'a', target: '/', headers: ['Cookie', 'step=1'] },
      { lane: 'c', target: '/', headers: ['Cookie', 'step=1'] },
    ],
    {
      0: { answerHeaders: ['Set-Cookie', 'step=live-a'] },
      1: { answerHeaders: ['Set-Cookie', 'step=live-b'] },
    },
  );
  expect(header(all[2], 'cookie')).toBe('step=live-a');
  expect(header(all[3], 'cookie')).toBe('step=1');
});

test('validators are those of the live answer for the same resource', async () => {
  const { all } = await send(
    [
      {
        target: '/orders/7',
        answerHeaders: ['ETag', '"1"', 'Last-Modified', 'Sun, 22 Nov 2026 01:00:00 GMT'],
      },
      { target: '/orders/8', answerHeaders: ['ETag', '"1"'] },
      { target: '/orders/7', headers: ['If-None-Match', 'W/"1", "1"'] },
      { target: '/orders/8', method: 'PUT', headers: ['If-Match', '"1"'] },
      { lane: 'other', target: '/orders/7', headers: ['If-Modified-Since', 'Sun, 22 Nov 2026 01:00:00 GMT'] },
    ],
    {
      0: { answerHeaders: ['ETag', '"x"', 'Last-Modified', 'Mon, 23 Nov 2026 01:00:00 GMT'] },
      1: { answerHeaders: ['ETag', '"y"'] },
    },
  );
  expect(header(all[2], 'if-none-match')).toBe('W/"x", "x"');
  expect(header(all[3], 'if-match')).toBe('"y"');
  expect(header(all[4], 'if-modified-since')).toBe('Mon, 23 Nov 2026 01:00:00 GMT');
});

test('a binding that a person wrote holds for any value where it says so, and one that is off for none', async () => {
  const spoken = [{ method: 'POST', target: '/orders', answer: { id: 7 } }, { target: '/orders/7' }];
  const by = {
    from: { operation: 'POST /orders', place: 'body.$.id' },
    to: { operation: 'GET /orders/:id', place: 'path[1]' },
  };
  const answers = { 0: { answer: { id: 12 } } };
  const of = async (binding: Binding) =>
    target((await send(spoken, answers, { bindings: [binding] })).all[1]);
  expect(await of({ ...by, anyValue: true })).toBe('/orders/12');
  expect(await of(by)).toBe('/orders/7');
  expect(await of({ ...by, anyValue: true, enabled: false })).toBe('/orders/7');
  expect(
    await of({ from: { ...by.from, operation: '*' }, to: { ...by.to, operation: '*' }, anyValue: true }),
  ).toBe('/orders/12');
});

test('an exchange names the answers that it needs, and no others', async () => {
  const recorded = traffic([
    { lane: 'a', method: 'POST', target: '/orders', answer: { id: id(1) } },
    { lane: 'b', target: '/other', answer: { id: 'k9j8h7g6f5' } },
    { lane: 'b', target: `/orders/${id(1)}` },
    { lane: 'b', target: '/other' },
  ]);
  const live = new LiveValues(await learnBindings(recorded));
  expect(
    recorded.map((exchange, i) => live.plan(i, exchange)).map(({ after, tells }) => [after, tells]),
  ).toEqual([
    [[], true],
    [[], false],
    [[0], false],
    [[], false],
  ]);
});

test('a plan tells which answers may still change what it makes', async () => {
  const sid = { lane: 'a', headers: ['Cookie', 'sid=a1b2c3d4e5'] };
  const recorded = traffic([
    { lane: 'a', target: '/', answerHeaders: ['Set-Cookie', 'sid=a1b2c3d4e5'], answer: { id: id(1) } },
    { lane: 'b', target: `/orders/${id(1)}`, answer: { id: id(1) } },
    { ...sid, target: '/one' },
    { ...sid, target: '/two', at: 24 },
    { ...sid, target: `/orders/${id(1)}`, at: 40 },
  ]);
  const live = new LiveValues(await learnBindings(recorded));
  const plans = recorded.map((exchange, i) => live.plan(i, exchange));
  const pending = () => plans.map((plan) => [...new Set(plan.pending())].sort());
  // The last: for its id and its cookie, and for what may set the cookie anew; not what had not ended when it began.
  expect(pending()).toEqual([[], [0], [0], [0], [0, 2, 3]]);
  const answered = (i: number, response: Exchange['response']) => {
    const [exchange] = recorded.slice(i);
    if (exchange !== undefined) live.told(i, { ...exchange, response });
  };
  answered(0, recorded[0]?.response);
  expect(pending()).toEqual([[], [], [], [], [2, 3]]);
  live.told(2, undefined);
  answered(3, recorded[3]?.response);
  expect(pending()).toEqual([[], [], [], [], []]);
});

test('where the first answer that told a value fails, the next that told it may still tell', async () => {
  const recorded = traffic([
    { lane: 'a', method: 'POST', target: '/orders', answer: { id: id(1) } },
    { lane: 'b', target: '/orders', answer: { id: id(1) } },
    { lane: 'a', target: `/orders/${id(1)}` },
  ]);
  const by = (operation: string): Binding => ({
    from: { operation, place: 'body.$.id' },
    to: { operation: 'GET /orders/:id', place: 'path[1]' },
  });
  const bindings = [{ ...by('*') }];
  const live = new LiveValues({ format: 'gardenhose-bindings/1', bindings });
  const [, , plan] = recorded.map((exchange, i) => live.plan(i, exchange));
  expect([plan?.after, plan?.pending()]).toEqual([[0], [0]]);
  live.told(0, undefined);
  expect(plan?.pending()).toEqual([1]);
  const [first] = recorded;
  if (first === undefined) throw new TypeError();
  live.told(1, { ...first, response: traffic([{ target: '/', answer: { id: 'live' } }])[0]?.response });
  expect(plan?.pending()).toEqual([]);
  expect(target(plan?.make?.().exchange)).toBe('/orders/live');
});

test('of the values of an exchange that waited, those count as blocked whose answers it waited for', async () => {
  const recorded = traffic([
    { lane: 'a', target: '/a', answer: { id: id(1) } },
    { lane: 'b', target: '/b', answer: { key: id(2) } },
    { lane: 'c', target: `/orders/${id(1)}/${id(2)}` },
  ]);
  const blocked = async (overAt: readonly number[], heldAt: number | undefined) => {
    const live = new LiveValues(await learnBindings(recorded));
    const plans = recorded.map((exchange, i) => live.plan(i, exchange));
    for (const [i, exchange] of recorded.entries()) {
      plans[i]?.make?.();
      live.told(i, exchange, { overAt: overAt[i] ?? 99, heldAt: i === 2 ? heldAt : undefined });
    }
    return live.uses().map((use) => [use.from.operation, use.blocked]);
  };
  expect(await blocked([10, 30], 20)).toEqual([
    ['GET /a', 0],
    ['GET /b', 1],
  ]);
  expect(await blocked([10, 30], undefined)).toEqual([
    ['GET /a', 0],
    ['GET /b', 0],
  ]);
});

test('a capture that is played again takes its values from the answers of that time', async () => {
  const recorded = traffic([
    { method: 'POST', target: '/orders', answer: { id: id(1) } },
    { target: `/orders/${id(1)}` },
  ]);
  const live = new LiveValues(await learnBindings(recorded));
  const [first, second] = recorded;
  if (first === undefined || second === undefined) throw new TypeError();
  const sent = [0, 1, 2].map((time) => {
    live.plan(2 * time, first);
    const plan = live.plan(2 * time + 1, second);
    const [now] = traffic([{ target: '/orders', answer: { id: `live${time}` } }]);
    live.told(2 * time, { ...first, response: now?.response });
    return target(plan.make?.().exchange);
  });
  expect(sent).toEqual(['/orders/live0', '/orders/live1', '/orders/live2']);
});

test('options that are none are refused', () => {
  const none: Bindings = { format: 'gardenhose-bindings/1', bindings: [] };
  const refused = (make: () => unknown) => {
    try {
      make();
    } catch (error) {
      return isGardenhoseError(error, 'invalid-option');
    }
    return false;
  };
  expect(refused(() => new LiveValues(none, { maxWaitMs: -1 }))).toBe(true);
  for (const maxBytes of [-1, 0.5, Number.NaN])
    expect(refused(() => new LiveValues(none, { maxBytes }))).toBe(true);
  expect(refused(() => new LiveValues(none, Object.assign({ maxWaitMs: 1 }, { maxwait: 1 })))).toBe(true);
  expect(refused(() => new LiveValues(Object.assign({}, none, { format: 'x' })))).toBe(true);
});

test('a cookie that is renewed in one session is not sent in another, also where both were recorded alike', async () => {
  const login = { target: '/login', answerHeaders: ['Set-Cookie', 'sid=xxx'] };
  const me = { target: '/me', headers: ['Cookie', 'sid=xxx'] };
  const { all } = await send(
    [login, login, me, me, me, me].map((one, i) => ({ ...one, lane: i % 2 === 0 ? 'a' : 'b' })),
    {
      0: { answerHeaders: ['Set-Cookie', 'sid=live-a'] },
      1: { answerHeaders: ['Set-Cookie', 'sid=live-b'] },
      2: { answerHeaders: ['Set-Cookie', 'sid=renewed-a'] },
    },
  );
  expect(all.slice(2).map((exchange) => header(exchange, 'cookie'))).toEqual([
    'sid=live-a',
    'sid=live-b',
    'sid=renewed-a',
    'sid=live-b',
  ]);
});

test('a live value with half a surrogate pair is sent as a request can hold it', async () => {
  const { all } = await send(
    [
      { method: 'POST', target: '/orders', answer: { id: id(1) } },
      { target: `/orders/${id(1)}?again=${id(1)}`, headers: ['Cookie', `last=${id(1)}`] },
    ],
    { 0: { answer: { id: 'live\ud800' } } },
  );
  expect(target(all[1])).toBe('/orders/live%EF%BF%BD?again=live%EF%BF%BD');
  expect(header(all[1], 'cookie')).toBe('last=live%EF%BF%BD');
});

test('what is remembered of a page is its token, and not the page', () => {
  const token = (n: number) => `tok_${n}8f3a2b1c9d4e`;
  const from = { operation: '*', place: 'html.csrf' };
  const live = new LiveValues({
    format: 'gardenhose-bindings/1',
    bindings: [{ from, to: { operation: '*', place: 'query.csrf' } }],
  });
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  const heap = () => {
    if (typeof collect === 'function') collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heap();
  for (let i = 0; i < 200; i++) {
    const html = `<input type="hidden" name="csrf" value="${token(i)}">${String(i % 10).repeat(200_000)}`;
    const [page] = traffic([{ target: '/page', html }]);
    if (page === undefined) throw new Error('no page');
    live.plan(i, { ...page, id: i + 1 });
    live.told(i, page);
  }
  expect(heap() - before).toBeLessThan(20e6);
  expect(live.uses()).toHaveLength(1);
});

test('a live value that no entity tag can hold leaves the recorded one there', async () => {
  const { all } = await send(
    [
      { method: 'POST', target: '/orders', answer: { version: id(1) } },
      { target: '/orders', headers: ['If-None-Match', `"${id(1)}"`] },
    ],
    { 0: { answer: { version: 'v\u010a\u010d' } } },
  );
  expect(header(all[1], 'if-none-match')).toBe(`"${id(1)}"`);
});

test('a page of long names that are no attributes is read in little time', () => {
  const page = `<input ${'a'.repeat(4_000)}>`.repeat(1_000);
  const before = performance.now();
  readHtml(page, () => undefined, { left: 20_000 });
  expect(performance.now() - before).toBeLessThan(1_000);
});

test('of long values no more are known than memory is set aside for: those that were told first are forgotten', () => {
  const from = { operation: '*', place: 'body.$.id' };
  const bindings: Bindings = {
    format: 'gardenhose-bindings/1',
    bindings: [{ from, to: { operation: '*', place: 'body.$.one' } }],
  };
  const value = (n: number) => id(n).padEnd(8_000, 'x');
  const told = (n: number) => traffic([{ target: '/page', answer: { id: value(n) } }]);
  const known = (live: LiveValues) =>
    [1, 2, 3].map((n) =>
      traffic([{ method: 'POST', target: '/use', body: { one: value(n) }, at: 1_000 }]).map((exchange) => {
        const { after, make } = live.plan(100 + n, exchange);
        return make === undefined ? 'forgotten' : after;
      }),
    );
  // Each takes some 16 kB of it, and as much again for a live value of that length.
  const live = new LiveValues(bindings, { maxBytes: 40_000 });
  const pages = [1, 2, 3].flatMap((n) => told(n).map((page) => ({ ...page, id: n })));
  for (const [n, page] of pages.entries()) live.plan(n, page);
  expect(known(live)).toEqual([['forgotten'], [[1]], [[2]]]);
  for (const [n, page] of pages.entries()) live.told(n, page);
  expect(known(live)).toEqual([['forgotten'], ['forgotten'], [[]]]);
});

test('what is led to by longer names than any service has is not held', async () => {
  const answer = { ['n'.repeat(4_000)]: { id: id(1) }, short: { id: id(2) } };
  const learned = await learnBindings(
    traffic([{ target: '/all', answer }, { target: `/x/${id(1)}` }, { target: `/y/${id(2)}` }]),
  );
  expect(learned.bindings.map(({ from }) => from.place)).toEqual(['body.$.short.id']);
});

test('a live value with half a character in it is sent as a browser would, and ends nothing', async () => {
  const { all } = await send(
    [
      { method: 'POST', target: '/orders', answer: { id: id(1) } },
      { target: `/orders/${id(1)}?again=${id(1)}` },
      { method: 'POST', target: '/note', form: `order=${id(1)}&text=a` },
      { target: '/cart', headers: ['Cookie', `order=${id(1)}`] },
    ],
    { 0: { answer: { id: 'ord_\ud83d!' } } },
  );
  expect(target(all[1])).toBe('/orders/ord_%EF%BF%BD!?again=ord_%EF%BF%BD!');
  expect(bodyOf(all[2])).toBe('order=ord_%EF%BF%BD!&text=a');
  expect(header(all[3], 'cookie')).toBe('order=ord_%EF%BF%BD!');
});

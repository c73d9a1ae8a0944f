import { expect, test } from 'vitest';
import { replayRules, splitRules } from '../../src/hook/replay-rules.ts';
import type { HookRule } from '../../src/hook/rule.ts';
import { bodyBytes, type Exchange } from '../../src/model/exchange.ts';
import { aChunk, anExchange } from '../../src/testing/factories.ts';

function run(rules: readonly HookRule[], exchange: Exchange) {
  const marks: string[] = [];
  let dropped = false;
  const { hooks, answer } = splitRules(rules);
  const sent = hooks.onSend?.(answer?.(exchange) ?? exchange, {
    lane: new Map(),
    mark: (name, value) => marks.push(`${name}=${value}`),
    drop: () => {
      dropped = true;
    },
  });
  return { sent: sent ?? exchange, marks, dropped };
}

const post = anExchange({
  request: {
    method: 'POST',
    target: '/v1/orders',
    headers: ['Host', 'shop.test', 'Content-Type', 'application/json'],
    chunks: [aChunk('{"item":', 1), aChunk('"rose"}', 2)],
    size: 15,
  },
});

test('splitRules() rewrites the request in the order of its rules', () => {
  const { sent } = run(
    [
      { do: 'rewrite-path', from: '/v1/*', to: '/v2/*' },
      { do: 'set-header', name: 'authorization', value: 'Bearer x', where: { path: '/v2/**' } },
      { do: 'rewrite-host', to: 'localhost:3000' },
    ],
    post,
  );
  expect(sent.request).toMatchObject({
    target: '/v2/orders',
    headers: ['Host', 'localhost:3000', 'Content-Type', 'application/json', 'authorization', 'Bearer x'],
  });
});

test('splitRules() rewrites authority and absolute target with the host', () => {
  const exchange = anExchange({ request: { target: 'http://a.test/x?y', authority: 'a.test', headers: [] } });
  expect(run([{ do: 'rewrite-host', to: '[::1]:80' }], exchange).sent.request).toMatchObject({
    target: 'http://[::1]:80/x?y',
    authority: '[::1]:80',
    headers: [],
  });
});

test('splitRules() patches a body and keeps its chunks and their times', () => {
  const { sent } = run([{ do: 'patch-body', patch: [{ op: 'add', path: '/count', value: 2 }] }], post);
  expect(Buffer.from(bodyBytes(sent.request)).toString()).toBe('{"item":"rose","count":2}');
  expect(sent.request.chunks.map((chunk) => chunk.at)).toEqual([1, 2]);
  expect(sent.request.chunks.every((chunk) => chunk.data.length > 0)).toBe(true);
});

test('splitRules() rewrites the recorded answer, by its status', () => {
  const { sent } = run(
    [
      {
        do: 'patch-body',
        side: 'response',
        patch: [{ op: 'replace', path: '/id', value: 8 }],
        where: { status: 200 },
      },
      { do: 'set-header', side: 'response', name: 'x', value: '1' },
    ],
    post,
  );
  expect(sent.response && Buffer.from(bodyBytes(sent.response)).toString()).toBe('{"id":8}');
  expect(sent.response?.headers.slice(-2)).toEqual(['x', '1']);
  expect(sent.request).toBe(post.request);
});

test('splitRules() marks an exchange whose body it could not patch', () => {
  const rules: HookRule[] = [{ do: 'patch-body', patch: [{ op: 'remove', path: '/item' }] }];
  expect(run(rules, anExchange()).marks).toEqual(['patch-missed=0']);
  const dropped = anExchange({ request: { ...post.request, state: 'dropped:size' } });
  expect(run(rules, dropped).marks).toEqual(['patch-missed=0']);
  expect(run(rules, anExchange({ response: null })).marks).toEqual(['patch-missed=0']);
});

test('splitRules() drops by mark, and samples whole lanes', () => {
  const marked = anExchange({ marks: [{ name: 'tenant', value: 'a' }] });
  expect(run([{ do: 'drop', where: { mark: { name: 'tenant', value: 'a' } } }], marked).dropped).toBe(true);
  const kept = new Map<string, Set<boolean>>();
  for (let id = 1; id <= 400; id++) {
    const lane = String(id % 40);
    const { dropped } = run([{ do: 'sample', ratio: 0.5, by: 'lane' }], anExchange({ id, lane }));
    kept.set(lane, (kept.get(lane) ?? new Set()).add(dropped));
  }
  expect([...kept.values()].every((answers) => answers.size === 1)).toBe(true);
  expect(new Set([...kept.values()].flatMap((answers) => [...answers])).size).toBe(2);
});

test('splitRules() shows a mark to the rules after it, and gives it to the hook context', () => {
  const { sent, marks, dropped } = run(
    [
      { do: 'mark', name: 'run', value: 'b' },
      { do: 'drop', where: { mark: { name: 'run', value: 'a' } } },
    ],
    anExchange(),
  );
  expect(sent.marks).toEqual([]);
  expect([marks, dropped]).toEqual([['run=b'], false]);
});

test('replayRules() refuses rules for responses, which no hook at replay sees', () => {
  const rule: HookRule = { do: 'remove-header', name: 'etag', side: 'response' };
  expect(() => replayRules([rule])).toThrow(/^rules\[0\]: side: hooks at replay rewrite requests only/);
});

test('replayRules() rejects rules that are not valid', () => {
  expect(() => replayRules([{ do: 'sample', ratio: -1 }])).toThrow(/rules\[0\]: ratio/);
});

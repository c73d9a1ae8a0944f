import { expect, test } from 'vitest';
import { createMasker } from '../../../src/mask/create-masker.ts';
import { MemoryPlace, ValueMemory } from '../../../src/mask/head/value-memory.ts';
import { resolvePolicy } from '../../../src/mask/policy/resolve-policy.ts';
import { PolicyRules } from '../../../src/mask/rules/rules.ts';
import { Scope } from '../../../src/mask/rules/scope.ts';
import { aPolicy, rawEvents, read } from '../support.ts';

function aMemory(entries = 100) {
  const scope = new Scope(new PolicyRules(resolvePolicy(aPolicy())).all);
  let turn = () => {};
  let begun = 0;
  const memory = new ValueMemory(scope, entries, (forget) => {
    turn = forget;
    return () => begun++;
  });
  const place = new MemoryPlace();
  const asked: string[] = [];
  const recall = (value: string) =>
    memory.recall(place, value, (text) => {
      asked.push(text);
      scope.count('rule');
      return text.startsWith('x') ? undefined : `<${text}>`;
    });
  const size = () => place.young.size + place.old.size;
  return { scope, memory, asked, recall, size, turn: () => turn(), begun: () => begun };
}

test('asks once for a value, and counts each time', () => {
  const { scope, asked, recall } = aMemory();
  expect(['a', 'x1', 'a', 'x1'].map(recall)).toEqual(['<a>', undefined, '<a>', undefined]);
  expect(asked).toEqual(['a', 'x1']);
  expect(scope.audit.entries()).toEqual([{ rule: 'rule', part: 'header', side: 'request', count: 4 }]);
});

test('holds no more values than it may, and none of great length', () => {
  const { recall, size, asked } = aMemory(100);
  for (let i = 0; i < 90; i++) recall(`value ${i}`);
  for (let i = 0; i < 1000; i++) {
    recall(`value ${i}`);
    expect(size()).toBeLessThanOrEqual(100);
  }
  const before = size();
  recall('y'.repeat(2000));
  expect(size()).toBe(before);
  asked.length = 0;
  recall('y'.repeat(2000));
  expect(asked).toHaveLength(1);
});

test('stops looking where values hardly ever repeat, and tries again later', () => {
  const { recall, size, asked } = aMemory(100_000);
  for (let i = 0; i < 5000; i++) recall(`value ${i}`);
  expect(size()).toBe(256);
  recall('value 0');
  expect(asked).toHaveLength(5001);
  for (let i = 0; i < 8191 - (5001 - 256); i++) recall(`other ${i}`);
  asked.length = 0;
  recall('value 0');
  expect(asked).toEqual([]);
});

test('remembers nothing where none may be remembered, and nothing after it was told to forget', () => {
  const none = aMemory(0);
  none.recall('a');
  none.recall('a');
  expect(none.asked).toHaveLength(2);
  const { recall, memory, size, asked } = aMemory();
  recall('a');
  memory.clear();
  expect(size()).toBe(0);
  recall('a');
  expect(asked).toHaveLength(2);
});

test('lets go with time of what does not come again, and asks for the time as long as it holds something', () => {
  const { recall, size, turn, begun } = aMemory();
  expect(begun()).toBe(0);
  recall('a');
  recall('b');
  expect(begun()).toBe(1);
  turn();
  recall('a');
  expect([size(), begun()]).toEqual([3, 2]);
  turn();
  expect(size()).toBe(1);
  turn();
  expect([size(), begun()]).toEqual([0, 3]);
});

test('tells a trace of each value, also of those it has met', () => {
  const { recall, scope } = aMemory();
  recall('a');
  const traced: string[] = [];
  scope.trace = (rule) => traced.push(rule);
  recall('a');
  expect(traced).toEqual(['rule']);
});

test('a name of a header that was met under some rules is read again under others', () => {
  const rules = [
    { id: 'r', when: { part: 'response' }, value: { pattern: 'ACME-\\d+', maxLength: 20 }, mask: 'redact' },
  ] as const;
  const headers = ['X-ACME-12345678', '1'];
  const masker = createMasker(aPolicy({ rules }));
  const masked = read(
    rawEvents({ headers, responseHeaders: headers }).flatMap((event) => masker.mask(event)),
  );
  expect(masked.request.headers[0]).toBe('X-ACME-12345678');
  expect(masked.response.headers[0]).toBe('X-[REDACTED]');
});

test('a masker makes the same of an exchange the second time, under each of its rule sets', () => {
  const rules = [
    { id: 'r', when: { part: 'response' }, at: 'header:x-tenant', mask: 'keep' },
    { id: 's', when: { path: ['/open'] }, at: 'header:x-tenant', mask: 'redact' },
  ] as const;
  const masker = createMasker(aPolicy({ rules }));
  const masked = (exchange: number, target: string) => {
    const headers = ['X-Tenant', 'acme', 'Host', 'shop.test', 'Cookie', 'sid=1'];
    const message = { target, headers, responseHeaders: headers, peer: '10.1.1.1:5', reason: 'Very Good' };
    const { request, response, events, ...rest } = read(
      rawEvents(message, exchange, exchange * 100).flatMap((event) => masker.mask(event)),
    );
    const audit = events.find((event) => event.type === 'audit');
    return { request: request.headers, response: response.headers, entries: audit?.entries, ...rest };
  };
  const [closed, open] = [masked(1, '/users/bob@example.com'), masked(2, '/open')];
  expect(closed.request[1]).toMatch(/^mk_header_/);
  expect(closed.response[1]).toBe('acme');
  expect(open.request[1]).toBe('[REDACTED]');
  expect(masked(3, '/users/bob@example.com')).toEqual(closed);
  expect(masked(4, '/open')).toEqual(open);
});

test('a target that was met under some rules is read again under others', () => {
  const rules = [{ id: 'p', when: { method: ['POST'] }, at: 'path:/users/:name', mask: 'redact' }] as const;
  const masker = createMasker(aPolicy({ rules }));
  const target = (method: string, exchange: number) =>
    read(
      rawEvents({ method, target: '/users/bob' }, exchange, exchange * 100).flatMap((event) =>
        masker.mask(event),
      ),
    ).target;
  expect([target('GET', 1), target('POST', 2), target('GET', 3), target('POST', 4)]).toEqual([
    '/users/bob',
    '/users/%5BREDACTED%5D',
    '/users/bob',
    '/users/%5BREDACTED%5D',
  ]);
});

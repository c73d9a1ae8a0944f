import { expect, test } from 'vitest';
import { isGardenhoseError } from '../../src/errors.ts';
import { checkRules, parseHeaderRule, parseHookRules } from '../../src/hook/check-rules.ts';

const problem = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (isGardenhoseError(error, 'invalid-option')) return error.message;
    throw error;
  }
  return 'accepted';
};

test.each([
  [{}, 'rules: expected a list of at most 1000 rules, found an object'],
  [[null], 'rules[0]: expected an object with `do`, found null'],
  [[{ do: 'erase' }], /^rules\[0\]: do: expected one of set-header, .*found "erase"$/],
  [[{ do: '__proto__' }], /^rules\[0\]: do: expected one of/],
  [[{ do: 'set-header', name: 'x' }], 'rules[0]: value: is missing'],
  [[{ do: 'set-header', name: 'a b', value: '' }], 'rules[0]: name: expected a header name, found "a b"'],
  [[{ do: 'set-header', name: 'x', value: 'a\r\nb: c' }], /^rules\[0\]: value: expected a header value/],
  [
    [{ do: 'remove-header', name: 'x', sid: 'request' }],
    /^rules\[0\]: sid: no such field; expected do, name/,
  ],
  [[{ do: 'rewrite-host', to: 'http://x/' }], 'rules[0]: to: expected host or host:port, found "http://x/"'],
  [[{ do: 'rewrite-path', from: '/a', to: '/:b' }], /^rules\[0\]: to uses :b/],
  [[{ do: 'drop' }], 'rules[0]: where: is missing'],
  [[{ do: 'drop', where: {} }], /^rules\[0\]: where: expected an object with at least one condition/],
  [[{ do: 'drop', where: { status: 'err' } }], /^rules\[0\]: where\.status: expected a status/],
  [[{ do: 'drop', where: { header: { equals: 'x' } } }], 'rules[0]: where.header.name: is missing'],
  [
    [
      { do: 'mark', name: 'a', value: 'b' },
      { do: 'sample', ratio: 2 },
    ],
    /^rules\[1\]: ratio: .*0 to 1, found 2$/,
  ],
  [[{ do: 'patch-body', patch: [] }], /^rules\[0\]: patch: expected a JSON Patch/],
  [
    [{ do: 'patch-body', patch: [{ op: 'add', path: '/a' }] }],
    /^rules\[0\]: patch\.0: .*OPERATION_VALUE_REQUIRED/,
  ],
  [
    [{ do: 'patch-body', patch: [{ op: '_get', path: '/a' }] }],
    /^rules\[0\]: patch\.0: expected an operation/,
  ],
  [[{ do: 'patch-body', patch: [{ op: 'remove', path: '/__proto__/x' }] }], /reach for a prototype/],
  [
    [{ do: 'patch-body', patch: [{ op: 'copy', from: '/constructor/prototype', path: '/x' }] }],
    /reach for a prototype/,
  ],
])('checkRules() names rule and field: %j', (rules, message) => {
  expect(problem(() => checkRules(rules))).toMatch(message);
});

test('checkRules() gives back a copy of valid rules', () => {
  const rules = [
    {
      do: 'set-header',
      name: 'x-tenant',
      value: 'garden',
      where: { method: ['GET', 'HEAD'], path: '/orders/**' },
    },
    { do: 'patch-body', side: 'response', patch: [{ op: 'replace', path: '/a~1b/0', value: { c: 1 } }] },
    { do: 'drop', where: { status: '5xx', mark: { name: 'tenant' }, header: { name: 'x', matches: 'a*' } } },
  ];
  const checked = checkRules(rules);
  expect(checked).toEqual(rules);
  expect(checked[0]).not.toBe(rules[0]);
});

test('parseHookRules() takes a bare JSON Patch for a rule on request bodies', () => {
  expect(parseHookRules('[{"op":"remove","path":"/a"}]', 'p.json')).toEqual([
    { do: 'patch-body', patch: [{ op: 'remove', path: '/a' }] },
  ]);
  expect(parseHookRules('[{"do":"sample","ratio":0.5}]', 'p.json')).toEqual([{ do: 'sample', ratio: 0.5 }]);
  expect(problem(() => parseHookRules('{', 'p.json'))).toMatch(/^p\.json is not JSON/);
  expect(problem(() => parseHookRules('[{"op":"remove"}]', 'p.json'))).toMatch(/^p\.json\[0\]: patch\.0/);
});

test('parseHeaderRule() reads a header line', () => {
  expect(parseHeaderRule('X-Key:  a: b ')).toEqual({ do: 'set-header', name: 'X-Key', value: 'a: b' });
  expect(parseHeaderRule('X-Key:')).toEqual({ do: 'remove-header', name: 'X-Key' });
  expect(problem(() => parseHeaderRule('X-Key'))).toMatch(/found no colon/);
  expect(problem(() => parseHeaderRule('X Key: 1'))).toMatch(/a header name/);
});

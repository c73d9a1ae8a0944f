import { expect, test } from 'vitest';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { processorMs } from '../linear.ts';
import { maskJson, maskMessage } from '../support.ts';

const login = 'mutation($p: String!) { login(password: $p) { id } }';
const q = JSON.stringify(login);

/** The variables of a request after masking. */
function variables(query: string, given: unknown, policy: Partial<Policy> = {}): unknown {
  const body: { variables: unknown } = JSON.parse(
    maskJson(JSON.stringify({ query, variables: given }), policy),
  );
  return body.variables;
}

test('masks a variable by the argument it is used for, in whatever order the members stand', () => {
  for (const body of [
    `{"query":${q},"variables":{"p":"hunter2"}}`,
    `{"variables":{"p":"hunter2"},"query":${q}}`,
    `{"variables" : { "\\u0070" : "hunter2" } , "operationName":null, "query" : ${q}}`,
    `{"query":${q},"varia\\u0062les":{"p":"hunter2"}}`,
    `{"query":${q.replace('$', '\\u0024')},"variables":{"p":"hunter2"}}`,
    `{"query":${q.replaceAll(' ', '\\n')},"variables":{"p":"hunter2"}}`,
    `{"query":${q},"query":"{ a }","variables":{"p":"hunter2"}}`,
    `{"query":"{ a }","variables":{"p":"hunter2"},"query":${q}}`,
    `{"query":${q},"variables":{"p":"hunter2"},"variables":{}}`,
    `{"query":${q},"variables":{"p":"hunter2","p":"b"}}`,
    `[{"query":"{ a }"},{"query":${q},"variables":{"p":"hunter2"}}]`,
    `[{"variables":{"p":"hunter2"},"query":${q}},{"query":"{ a }","variables":{}}]`,
    `{"query":${q},"variables":[{"p":"a"},{"p":"hunter2"}]}`,
    `{"id":"1","type":"subscribe","payload":{"variables":{"p":"hunter2"},"query":${q}}}`,
    `{"query":${q},"variables":${JSON.stringify('{"p":"hunter2"}')}}`,
    `{"query":${q},"variables":"hunter2"}`,
    `{"query":${q},"variables":${JSON.stringify(' [{"p":"a"},{"p":"hunter2"}]')}}`,
    JSON.stringify({ body: `{"variables":{"p":"hunter2"},"query":${q}}` }),
  ]) {
    const masked = maskJson(body);
    expect([body, masked.includes('hunter2')]).toEqual([body, false]);
    expect(masked).toMatch(/mk_(secret|value)_/);
  }
});

test('finds the use in input objects, lists, directives and fragments', () => {
  for (const query of [
    'mutation($p: X) { a(input: { user: { password: $p } }) { id } }',
    'mutation($p: X) { a(password: [$p, "x"]) { id } }',
    'mutation($p: X) { a(credentials: { user: $p }) { id } }',
    'mutation($p: X) { a(credentials: [{ user: $p }]) { id } }',
    'mutation($p: X) { a(name: $p, password: $p) { id } }',
    'mutation($p: X) { a(password: $p, name: $p) { id } }',
    'query($p: X) { ...F } fragment F on U { a(password: $p) }',
    'query($p: X) { a @auth(token: $p) }',
    'query($p: X) { a(password # (x: $y)\n : # "\n $p) }',
    'query($p: X) { a(x: "a $p", password:$p) }',
    'query($b: Int, $password: String = "a", $p: String) { a(password: $p) }',
    '{ a(password: $p) }',
  ]) {
    expect([query, variables(query, { p: 'hunter2' })]).toEqual([
      query,
      { p: expect.stringMatching(/^mk_(secret|token)_/) },
    ]);
  }
});

test('masks all that such a variable holds', () => {
  const query = 'mutation($p: X, $n: Int) { a(credentials: $p, pin: $n) { id } }';
  const masked = JSON.stringify(variables(query, { p: { user: 'bob', list: ['amy', 4711] }, n: 4712 }));
  expect(masked).not.toMatch(/bob|amy|4711|4712/);
});

test('lets other variables be', () => {
  const query = 'query($password: X, $id: ID, $f: F, $p: X) { a(id: $id, f: $f, password: $p) }';
  const given = { id: 'one', f: { p: 'two', id: 3 } };
  expect(variables(query, given)).toEqual(given);
  const body = `{"query":${q},"p":"one","variables":{"x":"$p"},"extensions":{"p":"two"},"data":{"p":"three"}}`;
  expect(maskJson(body)).toBe(body);
  const search = 'query($query: String) { a(token: $query) { id } }';
  const masked: { query: string } = JSON.parse(
    maskJson(JSON.stringify({ query: search, variables: { query: 'hunter2' } })),
  );
  expect(masked).toEqual({ query: search, variables: { query: expect.stringMatching(/^mk_/) } });
  expect(maskJson('{"variables":{"p":"one"},"cost":"$p (password: $p"}')).toContain('mk_');
  for (const other of [
    '{"variables":{"p":"one"},"text":"costs $p"}',
    '{"variables":"p is $p"}',
    '{"variables":["$a",1]}',
  ]) {
    expect(maskJson(other)).toBe(other);
  }
});

test('follows the rules of the policy for arguments, variables and fields', () => {
  const rules: Policy['rules'] = [
    { id: 'g', at: 'gql:nick', mask: 'redact' },
    { id: 'r', at: 'gql:gone', mask: 'remove' },
    { id: 'k', at: 'gql:shown', mask: 'keep' },
  ];
  const query =
    'query($a: X, $nick: X, $b: X, $c: X, $d: X) { f(nick: $a, x: $nick, gone: $b, shown: $c, password: $d) }';
  expect(
    variables(query, { a: 'one', nick: 'two', b: 'x', c: 'four', in: { nick: 'five' } }, { rules }),
  ).toEqual({
    a: '[REDACTED]',
    nick: '[REDACTED]',
    c: 'four',
    in: { nick: '[REDACTED]' },
  });
  expect(maskJson('{"data":{"nick":"one"}}', { rules })).toBe('{"data":{"nick":"one"}}');
  expect(variables('query($k: X) { a(password: $k, shown: $k) }', { k: 'hunter2' }, { rules })).toEqual({
    k: expect.stringMatching(/^mk_secret_/),
  });
  const numbers = {
    rules: [{ id: 'v', at: 'key:variables', mask: 'keep', types: ['number'] }],
  } satisfies Partial<Policy>;
  expect(variables(login, '{"p":"hunter2"}', numbers)).toMatch(/^\{"p":"mk_secret_/);
  const kept = { rules: [{ id: 'k', at: 'key:p', mask: 'keep' }] } satisfies Partial<Policy>;
  expect(variables(login, { p: 'one' }, kept)).toEqual({ p: 'one' });
});

test('shows no variable of a document that cannot be read', () => {
  for (const query of [
    'mutation($p: X) { a(password: $p, x: "',
    'query($p: X) { a(x: $p) } ; b(password: $p)',
  ]) {
    const masked = JSON.stringify(variables(query, { p: 'hunter2', list: [{ q: 'other' }], n: 471147 }));
    expect([query, /hunter2|other|471147/.test(masked)]).toEqual([query, false]);
  }
});

test('masks variables in queries and forms', () => {
  const query = encodeURIComponent(login);
  const given = encodeURIComponent('{"p":"hunter2"}');
  for (const pairs of [
    `query=${query}&variables=${given}`,
    `variables=${given}&query=${query.replaceAll('%20', '+')}`,
    `variables=${given}&operationName=A&query=${query}`,
    `query=${query}&variables[p]=hunter2`,
    `query=${query}&variables%5Bp%5D=hunter2`,
    `query=${query}&variables=hunter2`,
    `query=${query.replaceAll('%24', '$')}&variables=${given}`,
    `query=a&query=${query}&variables=${given}`,
  ]) {
    const get = maskMessage({ method: 'GET', target: `/graphql?${pairs}` });
    expect([pairs, get.target.includes('hunter2'), get.target.includes('password')]).toEqual([
      pairs,
      false,
      true,
    ]);
    const { request } = maskMessage({ type: 'application/x-www-form-urlencoded', body: pairs });
    expect([pairs, request.body.includes('hunter2')]).toEqual([pairs, false]);
  }
  const other = `/a?query=${encodeURIComponent('{ a(id: $p) }')}&variables=${given}`;
  expect(maskMessage({ method: 'GET', target: other }).target).toBe(other);
});

test('takes time in proportion to what it reads', () => {
  for (const unit of ['$p ', '(password: $p', '{"variables":1},', '\\\\', '\\u0024', '"$p",']) {
    const inside = unit.startsWith('{') || unit.startsWith('"');
    const many = unit.repeat((256 * 1024) / unit.length);
    const body = inside ? `{"variables":{},"a":[${many}1]}` : `{"variables":{"p":1},"query":"{ a${many}"}`;
    expect(
      processorMs(() => maskJson(body)),
      unit,
    ).toBeLessThan(1500);
  }
  const lines = '{"variables":{"p":1},"a":2}\n'.repeat(8000);
  const took = processorMs(() => maskMessage({ type: 'application/x-ndjson', body: lines }));
  expect(took).toBeLessThan(1500);
});

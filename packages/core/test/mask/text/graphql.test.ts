import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { GraphqlLexer } from '../../../src/mask/text/graphql-lexer.ts';
import { processorMs } from '../linear.ts';
import { aTextMasker, maskMessage, sameForEveryCut } from '../support.ts';

const token = /mk_[a-z-]+_[\w-]{16}/g;

/** A document sent as JSON after masking, each token as its type. */
function mask(query: string, policy: Partial<Policy> = {}): string {
  const { request } = maskMessage({ type: 'application/json', body: JSON.stringify({ query }) }, policy);
  const read: { query: string } = JSON.parse(request.body);
  return read.query.replace(token, (found) => `<${found.split('_')[1]}>`);
}

test('lets names of arguments decide, and masks all other texts too', () => {
  expect(mask('mutation M { login(user: "bob", password: "hunter2", email: "a@b.co") { id } }')).toBe(
    'mutation M { login(user: "<value>", password: "<secret>", email: "<email>") { id } }',
  );
  expect(mask('{ a(input: { password: ["x", """y"""], tags: ["b"] }) }')).toBe(
    '{ a(input: { password: ["<secret>", "<secret>"], tags: ["<value>"] }) }',
  );
  expect(mask('{ a(credentials: { user: "b", list: [{ n: "c" }] }, x: "d") }')).toBe(
    '{ a(credentials: { user: "<secret>", list: [{ n: "<secret>" }] }, x: "<value>") }',
  );
  expect(mask('query Q($password: String = "x", $b: [Int!]! = [71234567]) { a(b: $b) }')).toMatch(
    /^query Q\(\$password: String = "<secret>", \$b: \[Int!\]! = \[(?!71234567)\d{8}\]\) \{ a\(b: \$b\) \}$/,
  );
  expect(mask('{ a(password: $p, on: true, sort: ASC, none: null) @include(if: $x) { b } }')).toBe(
    '{ a(password: $p, on: true, sort: ASC, none: null) @include(if: $x) { b } }',
  );
});

test('masks numbers, but for those that say how much is asked for', () => {
  const masked = mask(
    '{ a(ssn: 219099999, pin: 4711, id: 42, rate: -1.25e3, first: 10, offset: 1000000) { b } }',
  );
  expect(masked).toMatch(
    /^\{ a\(ssn: \d{9}, pin: \d{4}, id: \d\d, rate: -\d\S+, first: 10, offset: \d{7}\) \{ b \} \}$/,
  );
  expect(masked).not.toMatch(/219099999|4711|1\.25e3|1000000/);
});

test('takes comments out, and looks at names that could be something else', () => {
  expect(mask('{ # password is hunter2\n a(b: "#c") # x\r\n}')).toBe('{ \n a(b: "<value>") \r\n}');
  const key = ['AKIA', 'IOSFODNN7EXAMPLE'].join('');
  expect(mask(`query ${key} { ${key}: user { id } }`)).not.toContain(key);
});

test('knows a document however it begins', () => {
  for (const before of [
    '{ ...F user(name:"S3cret")}',
    '{ # c\n user(name:"S3cret")}',
    ',{ user(name:"S3cret")}',
    '\ufeff { user(name:"S3cret")}',
    `#${'x'.repeat(5000)}\n{ user(name:"S3cret")}`,
    `${'# x\n'.repeat(3000)}query { user(name:"S3cret")}`,
    'query($a:Int){ user(name:"S3cret")}',
    'query @live { user(name:"S3cret")}',
    'query Q @live { user(name:"S3cret")}',
    'subscription{u(name:"S3cret")}',
    'fragment F on U { user(name:"S3cret")}',
    '"""what it does""" query { user(name:"S3cret")}',
    '{ a } query B { user(name:"S3cret") }',
    '{user(ssn:739123456)}',
    '{ a: "x", user(name: "S3cret") }',
    '{ a } b { user(name: "S3cret") }',
    '{ user("S3cret") }',
    '{ user($a: "S3cret") }',
  ]) {
    expect([before, /S3cret|739123456/.test(mask(before))]).toEqual([before, false]);
  }
});

test('shows nothing of a document that cannot be read', () => {
  for (const query of [
    "{ user(name: 'S3cret') }",
    '{ user(name: "S3cret" }',
    '{ user(name: "S3cret',
    '{ user(name: "a") } "S3cret',
    '{ user(name: """S3cret',
    '{ user(name: "a\\',
    '{ user(name: "a") } ; S3cret',
    '{ user(name: "a\nS3cret") }',
    '{ user(name: 12x, b: "S3cret") }',
    '{ user(name: "S3cret") } } }',
    '{ user(name: "S3cret") } and more',
    '{ user(name: "\\"S3cret") }',
    '{ user(name: "\\\\", b: "S3cret") }',
    '{ user(name: """\\"""S3cret""") }',
    '{ user(name: """a"""", b: "S3cret") }',
    '{ user(name: "a"S3cret", b: "c") }',
    '{ user(name: a"b", c: "S3cret") }',
    `{ user(name: "S3cret", list: [${'1 '.repeat(30_000)}]) }`,
  ]) {
    expect([query, mask(query).includes('S3cret')]).toEqual([query, false]);
    const { request } = maskMessage({ type: 'application/graphql', body: query });
    expect([query, request.body.includes('S3cret')]).toEqual([query, false]);
  }
});

test('leaves texts alone that are no documents', () => {
  for (const text of [
    '{count} items in "Basket", 100 in all',
    "{name} wasn't found (of 5)",
    'query failed with "timeout" after 30 s',
    'fragment of "text" 12',
    '{ "not": json',
    'mutation of gene 5',
    '{{ template }} said "hi" 5',
    '# 1 heading "x"',
    '{a:1}',
    '{ a: "x", b: [1, 2] }',
    '{count, plural, one {1 item (new)} other {# items, "all" of 5}}',
    '{a} (b: "c")',
  ]) {
    const { text: masker } = aTextMasker();
    expect(masker.graphql.mask(text, 0, false) ?? text).toBe(text);
  }
});

test('masks documents wherever they stand', () => {
  const query = '{ user(name: "S3cret") { id } }';
  const batch = JSON.stringify([
    { query, variables: { password: 'S3cret' }, extensions: { email: 'a@b.co' } },
  ]);
  const bodies: [type: string, body: string][] = [
    ['application/json', batch],
    ['application/graphql', query],
    ['application/graphql+json', JSON.stringify({ query })],
    ['application/x-www-form-urlencoded', `query=${encodeURIComponent(query)}`],
    ['text/plain', query],
    ['application/graphql', `# S3cret\n${query}`],
  ];
  for (const [type, body] of bodies) {
    const { request } = maskMessage({ type, body });
    expect([type, request.state, /S3cret|a@b\.co/.test(request.body)]).toEqual([type, 'masked', false]);
  }
  const get = maskMessage({ method: 'GET', target: `/graphql?query=${encodeURIComponent(query)}` });
  expect(get.target).not.toContain('S3cret');
});

test('is the same wherever the body is cut into chunks', () => {
  const body = sameForEveryCut({
    type: 'application/graphql',
    body: 'query { user(name: """é "quoted" """, pin: 12) { id # c\n } }',
  });
  expect(body).toMatch(/^query \{ user\(name: "mk_value_.{16}", pin: \d\d\) \{ id \n \} \}$/);
});

test('follows rules for arguments, variables and all literals', () => {
  const query = '{ a(x: "one", password: "two", n: 77, gone: "x", list: [5, "y"]) }';
  const rules: Policy['rules'] = [
    { id: 'x', at: 'gql:x', mask: 'keep' },
    { id: 'p', at: 'gql:pass*', mask: 'redact' },
    { id: 'n', at: 'gql:n', mask: 'keep' },
    { id: 'g', at: 'gql:gone', mask: 'remove' },
    { id: 'l', at: 'key:list', mask: 'redact', types: ['string'] },
  ];
  expect(mask(query, { rules })).toMatch(
    /^\{ a\(x: "one", password: "\[REDACTED\]", n: 77, gone: null, list: \[\d, "\[REDACTED\]"\]\) \}$/,
  );
  expect(mask(query, { disable: ['default/graphql-literal'] })).toBe(
    '{ a(x: "one", password: "<secret>", n: 77, gone: "x", list: [5, "y"]) }',
  );
});

test('gives one token to a value in a literal and in the variables', () => {
  const body = JSON.stringify({
    query: '{ a(email: "Bob@Example.com", b: "\\u0062ob@example.com") }',
    variables: { email: 'bob@example.com' },
  });
  const { request } = maskMessage({ type: 'application/json', body });
  expect(new Set(request.body.match(token)).size).toBe(1);
});

test('changes nothing in a document but its literals and comments', () => {
  const word = fc.stringMatching(/^[a-z]{1,6}$/);
  const field = fc.letrec<{ set: string; field: string; value: string }>((tie) => ({
    value: fc.oneof(
      word,
      fc.constant('$v'),
      fc.constant('true'),
      tie('value').map((v) => `[${v}, ${v}]`),
    ),
    field: fc.oneof(
      word,
      fc.tuple(word, word).map(([a, b]) => `${a}: ${b}`),
      fc.tuple(word, word, tie('value')).map(([a, b, v]) => `${a}(${b}: ${v})`),
      fc.tuple(word, tie('set')).map(([a, s]) => `${a} ${s}`),
    ),
    set: fc.array(tie('field'), { minLength: 1, maxLength: 3 }).map((fields) => `{ ${fields.join(', ')} }`),
  }));
  const { text } = aTextMasker();
  fc.assert(
    fc.property(field.set, fc.constantFrom('', 'query Q ', 'mutation '), (set, before) => {
      expect(text.graphql.mask(before + set, 0, true)).toBe(before + set);
      expect(text.graphql.mask(before + set, 0, false)).toBe(before + set);
    }),
  );
});

test('reads any text to its end or to where it breaks, and masks it in proportionate time', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '(',
    ')',
    '"',
    '"""',
    '\\',
    '#',
    '\n',
    'a',
    ':',
    '1',
    ' ',
    '...',
    '.',
    '-',
    ',',
    'query ',
    'é',
  );
  const { text: masker } = aTextMasker();
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const lexer = new GraphqlLexer(text);
      let read = '';
      while (lexer.next()) read += lexer.text;
      expect(lexer.broken ? text.startsWith(read) : read).toBe(lexer.broken ? true : text);
      masker.graphql.mask(text, 0, false);
      masker.graphql.mask(text, 0, true);
    }),
    { numRuns: 1000 },
  );
  for (const unit of [
    '{a',
    '{a(',
    '"',
    '"""',
    '\\"""',
    '# ',
    '#\n',
    'a#\n',
    ', ',
    'a:',
    '1.',
    '{ a(b:"c")',
    '...',
    'query ',
  ]) {
    const text = `{ a(b: ${unit.repeat((256 * 1024) / unit.length)}`;
    const took = processorMs(() => [false, true].map((open) => masker.graphql.mask(text, 0, open)));
    expect(took, unit).toBeLessThan(1500);
  }
});

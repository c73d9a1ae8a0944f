import { expect, test } from 'vitest';
import { createMasker } from '../../../src/mask/create-masker.ts';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { aPolicy, maskHeader, maskJson, maskMessage } from '../support.ts';

const strict = (over: Partial<Policy> = {}): Partial<Policy> => ({ extends: 'strict', ...over });

test('masks every text and number in JSON that no rule keeps, and nothing else', () => {
  const masked = maskJson('{"a":"x","b":12,"c":[1,"y",{"d":"z"}],"e":true,"f":null,"g":""}', strict());
  expect(masked).toMatch(
    /^\{"a":"mk_value_.{16}","b":\d\d,"c":\[\d,"mk_value_.{16}",\{"d":"mk_value_.{16}"\}\],"e":true,"f":null,"g":""\}$/,
  );
  expect(maskJson('"x"', strict())).toMatch(/^"mk_value_.{16}"$/);
  expect(maskJson('["x"]', strict())).toMatch(/^\["mk_value_.{16}"\]$/);
});

test('gives values the type that their name or look says', () => {
  expect(maskJson('{"email":"a@b.co","note":"a@b.co","password":"x"}', strict())).toMatch(
    /^\{"email":"(mk_email_.{16})","note":"\1","password":"mk_secret_.{16}"\}$/,
  );
});

test('keeps what a rule keeps: a member, a container, an element', () => {
  const keep = (at: string) => strict({ rules: JSON.parse(JSON.stringify([{ id: 'r', at, mask: 'keep' }])) });
  expect(maskJson('{"a":"x","b":"y"}', keep('key:a'))).toMatch(/^\{"a":"x","b":"mk_value_/);
  expect(maskJson('{"a":{"b":["x",1]},"c":"y"}', keep('json:$.a'))).toMatch(
    /^\{"a":\{"b":\["x",1\]\},"c":"mk_value_/,
  );
  expect(maskJson('{"a":["x","y"]}', keep('json:$.a[0]'))).toMatch(/^\{"a":\["x","mk_value_.{16}"\]\}$/);
  // The detectors look at it all the same.
  expect(maskJson('{"a":"a@b.co"}', keep('key:a'))).toMatch(/mk_email_/);
});

test('masks values of queries and forms, bare ones too, and what in a path is no word of a route', () => {
  const { target } = maskMessage({ target: '/orders/42/items?page=2&flag&=z#frag' }, strict());
  expect(target).toMatch(
    /^\/orders\/mk_value_.{16}\/items\?page=mk_value_.{16}&mk_value_.{16}&=mk_value_.{16}#mk_value_.{16}$/,
  );
  const form = maskMessage(
    { type: 'application/x-www-form-urlencoded', body: 'a=x&b=y' },
    strict({ rules: [{ id: 'r', at: 'form:b', mask: 'keep' }] }),
  );
  expect(form.request.body).toMatch(/^a=mk_value_.{16}&b=y$/);
  expect(maskMessage({ target: '/?code=abc' }, strict()).target).toMatch(/code=mk_secret_/);
});

test('gives the same value the same token in JSON, a query and a path', () => {
  const { target, request } = maskMessage(
    { target: '/a/x-7?q=x-7', type: 'application/json', body: '{"id":"x-7"}' },
    strict(),
  );
  const tokens = `${target} ${request.body}`.match(/mk_value_[\w-]{16}/g);
  expect(tokens).toHaveLength(3);
  expect(new Set(tokens).size).toBe(1);
});

test('drops headers that no rule knows, and masks those that tell clients apart', () => {
  expect(maskHeader('X-Strange', 'v', strict())).toBeUndefined();
  expect(maskHeader('X-Strange', 'v', strict({ unknownHeaders: 'token' }))).toMatch(/^mk_header_/);
  for (const name of ['User-Agent', 'Accept-Language', 'X-Request-Id', 'Server', 'Sec-CH-UA', 'tracestate']) {
    expect(maskHeader(name, 'value', strict())).toMatch(/^mk_header_/);
    expect(maskHeader(name, 'value')).toBe('value');
  }
  expect(maskHeader('Accept', 'application/json', strict())).toBe('application/json');
  expect(
    maskHeader('User-Agent', 'curl', strict({ rules: [{ id: 'r', at: 'header:user-agent', mask: 'keep' }] })),
  ).toBe('curl');
});

test('masks a text body as one value unless a rule keeps it', () => {
  const text = (over: Partial<Policy>) =>
    maskMessage({ type: 'text/plain', body: 'some words' }, over).request.body;
  expect(text(strict())).toMatch(/^mk_value_.{16}$/);
  expect(text(strict({ rules: [{ id: 'r', at: 'text:*', mask: 'keep' }] }))).toBe('some words');
});

test('shows no value in any kind of body', () => {
  const word = 'zQxkVwJ';
  const bodies: [type: string, body: string][] = [
    ['application/json', `{"a":"${word}","b":["${word}",{"c":"${word}"}],"d":"{\\"e\\":\\"${word}\\"}"}`],
    ['application/json', `{"query":"{ user(name: \\"${word}\\") { id } }","variables":{"x":"${word}"}}`],
    ['application/x-ndjson', `{"a":"${word}"}\n["${word}"]\n"${word}"\n`],
    ['application/json-seq', `\x1e{"a":"${word}"}\n\x1e"${word}"\n`],
    ['application/x-www-form-urlencoded', `a=${word}&b[c]=${word}&${word}&d=1;e=${word}`],
    [
      'multipart/form-data; boundary=b',
      `--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n${word}\r\n--b--\r\n`,
    ],
    ['text/csv', `a,b\r\n${word},"${word}"\r\n`],
    ['application/graphql', `query { user(name: "${word}", n: 7) { id } }`],
    ['text/plain', word],
    ['text/plain', `a=${word}&b=${word}`],
    ['text/event-stream', `data: {"a":"${word}"}\n\n`],
    ['application/octet-stream', word],
    ['text/html', `<p>${word}</p>`],
  ];
  const alwaysHidden = ['application/graphql', 'application/octet-stream', 'text/html'];
  for (const [type, body] of bodies) {
    const shown = maskMessage({ type, body }).request.body;
    // The control: `secure` shows it, but for what it drops or masks itself.
    expect([type, shown.includes(word)]).toEqual([type, !alwaysHidden.includes(type)]);
    const hidden = maskMessage({ type, body }, strict()).request.body;
    expect([type, hidden]).toEqual([type, expect.not.stringContaining(word)]);
  }
});

test('changes nothing when it masks a second time', () => {
  const first = maskMessage({ target: '/orders/42?q=1', headers: ['User-Agent', 'x'] }, strict());
  const second = maskMessage({ target: first.target, headers: first.request.headers }, strict());
  expect(second.target).toBe(first.target);
  expect(second.request.headers).toEqual(first.request.headers);
});

test('says in the header of the capture what it was, and counts what it did', () => {
  expect(createMasker(aPolicy(strict())).summary).toMatchObject({ mode: 'masked', name: 'strict' });
  expect(maskMessage({ target: '/?q=1', headers: ['User-Agent', 'x'] }, strict()).rules).toEqual([
    'default/strict/value',
    'default/strict/header',
  ]);
});

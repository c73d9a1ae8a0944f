import { expect, test } from 'vitest';
import { GardenhoseError } from '../../../src/errors.ts';
import { createMasker } from '../../../src/mask/create-masker.ts';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { key, maskHeader, maskJson, maskMessage } from '../support.ts';

/** Creates a masker from what may not be a policy; a policy file can hold anything. */
function create(policy: unknown): string {
  try {
    createMasker(JSON.parse(JSON.stringify(policy)));
    return 'accepted';
  } catch (error) {
    if (error instanceof GardenhoseError && error.code === 'mask-policy') return error.message;
    throw error;
  }
}
const withRule = (rule: unknown) => create({ version: 1, key, rules: [rule] });

test('refuses what it cannot carry out, and names the rule', () => {
  const cases: [rule: object, problem: RegExp][] = [
    [{ id: 'r', at: 'proto:a.B.', mask: 'token' }, /rule r: proto: needs the full name .*"a.B."/],
    [
      { id: 'r', at: 'proto-option:corp.*', mask: 'token' },
      /rule r: .*a full name such as corp.sensitive, found "corp.\*"/,
    ],
    [{ id: 'r', at: 'text:x', mask: 'token' }, /rule r, at: cannot read the selector "text:x"/],
    [{ id: 'r', at: 'body:x', mask: 'remove' }, /rule r, at: cannot read the selector "body:x"/],
    [{ id: 'r', at: 'headers:x', mask: 'token' }, /rule r, at: cannot read the selector "headers:x"/],
    [{ id: 'r', at: 'key:x', mask: 'fake' }, /rule r, mask: fake needs a kind: first-name/],
    [{ id: 'r', at: 'key:x', mask: { do: 'fake', kind: 'cat' } }, /rule r, mask, kind: expected first-name/],
    [{ id: 'r', at: 'key:x', mask: 'hash' }, /rule r, mask: expected keep or .*, found "hash"/],
    [
      { id: 'r', at: 'key:x', mask: { do: 'format', kind: 'ip', injective: true } },
      /rule r, mask: addresses have no injective format/,
    ],
    [{ id: 'r', at: 'key:x', mask: { do: 'format', injective: 1 } }, /rule r, mask: injective must be/],
    [{ id: 'r', at: 'key:x', mask: { do: 'token', type: 'Bad Type' } }, /rule r, mask: type/],
    [
      { id: 'r', at: 'key:x', mask: { do: 'token', bits: 100 } },
      /rule r, mask: bits must be 64 or 96 or 128/,
    ],
    [{ id: 'r', at: 'key:x', mask: { do: 'partial', first: 3 } }, /rule r, mask: first must be/],
    [{ id: 'r', at: 'key:*', mask: 'token' }, /rule r: key: needs a plain name/],
    [{ id: 'r', at: 'json:a.b', mask: 'token' }, /rule r: a JSON path begins with \$/],
    [{ id: 'r', at: 'json:$.a..', mask: 'token' }, /rule r: cannot read the JSON path .* from character/],
    [{ id: 'r', at: 'json:$', mask: 'token' }, /rule r: a JSON path has 1 to/],
    [{ id: 'r', at: 'path:/a/b', mask: 'token' }, /rule r: no segment .* would mask nothing/],
    [{ id: 'r', at: 'path:/a/**/:b', mask: 'token' }, /rule r: \*\* may only stand at the end/],
    [{ id: 'r', value: { re2: 'x+', maxLen: 9 }, mask: 'redact' }, /rule r, value: unknown field "re2"/],
    [
      { id: 'r', value: { pattern: 'x+' }, mask: 'redact' },
      /rule r, value: maxLength must be a whole number from 1 to 256, found undefined/,
    ],
    [{ id: 'r', value: { pattern: 'x', maxLength: 0 }, mask: 'redact' }, /rule r, value: maxLength must be/],
    [{ id: 'r', value: { pattern: 7, maxLength: 9 }, mask: 'redact' }, /as text, found 7/],
    [
      { id: 'r', value: { pattern: 'x(', maxLength: 9 }, mask: 'redact' },
      /the pattern "x\(" lacks a \), at char/,
    ],
    [{ id: 'r', value: { pattern: 'x*', maxLength: 9 }, mask: 'redact' }, /matches the empty text/],
    [
      { id: 'r', value: { pattern: 'x', maxLength: 9 }, mask: 'remove' },
      /rule r: what a pattern finds cannot/,
    ],
    [{ id: 'r', value: 'nothing', mask: 'redact' }, /rule r, value: expected email or/],
    [{ id: 'r', value: 'private-key', mask: 'keep' }, /rule r: private keys are always masked/],
    [{ id: 'r', mask: 'redact' }, /rule r: it needs `at`/],
    [{ id: 'r', at: [], mask: 'redact' }, /rule r: `at` must be/],
    [{ id: 'r', at: 'key:x', mask: 'token', types: ['date'] }, /rule r, types: expected/],
    [{ id: 'r', at: 'key:x', mask: 'token', when: { paths: ['/x'] } }, /rule r, when: unknown field "paths"/],
    [{ id: 'r', at: 'key:x', mask: 'token', when: { path: ['x'] } }, /rule r, when: a path begins with/],
    [{ id: 'r', at: 'key:x', mask: 'token', where: {} }, /rule r: unknown field "where"/],
    [{ id: 'default/x', at: 'key:x', mask: 'token' }, /ids that begin with 'default\/'/],
    [{ at: 'key:x', mask: 'token' }, /rule 1: its id/],
    [
      { id: 'r', at: 'header:authorization', mask: 'keep' },
      /rule r: the header authorization is always masked/,
    ],
    [
      { id: 'r', at: 'header:x-api-key', mask: { do: 'partial' } },
      /rule r: the header x-api-key is always masked/,
    ],
  ];
  for (const [rule, problem] of cases) expect(withRule(rule)).toMatch(problem);
});

test('refuses fields, values and combinations it does not know', () => {
  expect(create({ version: 2 })).toMatch(/version: expected 1, found 2/);
  expect(create({ version: 1, extend: 'none' })).toMatch(/unknown field "extend"/);
  expect(create({ version: 1, extends: 'lax' })).toMatch(/extends: expected secure or strict or none/);
  expect(create({ version: 1, unknownContent: 'keep' })).toMatch(/unknownContent: expected drop or digest/);
  expect(create({ version: 1, jwt: 'keep' })).toMatch(/jwt: expected token or shape/);
  expect(create({ version: 1, dangerouslyAllow: ['x-tenant'] })).toMatch(/"x-tenant" is no header that is/);
  expect(create({ version: 1, dangerouslyAllow: [7] })).toMatch(/expected names of headers, found 7/);
  expect(create({ version: 1, unknownHeaders: 'keep' })).toMatch(/unknownHeaders/);
  expect(create({ version: 1, disable: ['default/nothing'] })).toMatch(/no default rule is called/);
  expect(create({ version: 1, disable: ['default/header/credential'] })).toMatch(/cannot be switched off/);
  expect(create({ version: 1, limits: { bodyBytes: 0 } })).toMatch(
    /limits.bodyBytes: expected a whole number/,
  );
  expect(create({ version: 1, limits: { bodybytes: 1 } })).toMatch(/unknown field/);
  expect(create({ version: 1, key: 'abc' })).toMatch(/key: expected/);
  expect(create({ version: 1, key: [] })).toMatch(/key: expected a key or a list/);
  expect(create({ version: 1, key: [key, { envs: 'A' }] })).toMatch(/key\[1\]: expected exactly one of/);
  expect(create({ version: 1, extends: 'none', jwt: 'token' })).toMatch(/jwt has no meaning with it/);
  expect(create({ version: 1, extends: 'none', rules: [{ id: 'r', at: 'key:x', mask: 'token' }] })).toMatch(
    /masks nothing/,
  );
  expect(create([])).toMatch(/expected an object/);
  expect(
    create({
      version: 1,
      rules: [
        { id: 'a', at: 'key:x', mask: 'token' },
        { id: 'a', at: 'key:y', mask: 'token' },
      ],
    }),
  ).toMatch(/rule a: another rule has the same id/);
});

test('tells policies apart by their digest, whatever their key and the order of their fields', () => {
  const digest = (policy: Policy) => createMasker(policy).summary.digest;
  const rule = { id: 'r', at: 'key:x', mask: 'redact' } as const;
  expect(digest({ version: 1 })).toBe(
    digest({ version: 1, key, extends: 'secure', limits: { jsonDepth: 128 } }),
  );
  expect(digest({ version: 1, rules: [rule] })).toBe(
    digest({ rules: [{ mask: 'redact', at: 'key:x', id: 'r' }], version: 1 }),
  );
  expect(digest({ version: 1, rules: [rule] })).not.toBe(digest({ version: 1 }));
  expect(digest({ version: 1 })).toMatch(/^[0-9a-f]{64}$/);
});

test('says in its summary what the capture header will say', () => {
  const { summary } = createMasker({ version: 1, key, disable: ['default/key/geo', 'default/detect/phone'] });
  expect(summary).toMatchObject({
    mode: 'masked',
    name: 'secure',
    disabled: ['default/detect/phone', 'default/key/geo'],
  });
  expect(createMasker({ version: 1, extends: 'none' }).summary).toMatchObject({ mode: 'none', name: 'none' });
});

test('can be cloned, and is the same policy afterwards', () => {
  const policy: Policy = {
    version: 1,
    key,
    rules: [
      { id: 'r', at: ['key:x', 'header:x-*'], when: { path: ['/a/**'] }, mask: { do: 'partial', last: 2 } },
    ],
  };
  expect(createMasker(structuredClone(policy)).summary).toEqual(createMasker(policy).summary);
});

test('puts the rules of the user before the default ones, and the first before the second', () => {
  const rules = [
    { id: 'one', at: 'key:password', mask: { do: 'redact', with: 'one' } },
    { id: 'two', at: 'key:password', mask: { do: 'redact', with: 'two' } },
  ] as const;
  expect(maskJson('{"password":"x"}', { rules })).toBe('{"password":"one"}');
});

test('applies a rule only where all its conditions hold', () => {
  const at = { at: 'key:plain', mask: 'redact' } as const;
  const masks = (when: object, message: object = {}) => {
    const { request } = maskMessage(
      {
        method: 'PUT',
        target: '/shops/7/orders?x=1',
        headers: ['Host', 'api.shop.test:80'],
        type: 'application/json',
        body: '{"plain":"v"}',
        ...message,
      },
      { rules: [{ id: 'r', when, ...at }] },
    );
    return request.body.includes('REDACTED');
  };
  for (const when of [
    { method: ['put'] },
    { path: ['/shops/:id/orders'] },
    { path: ['/shops/**'] },
    { path: ['/**/orders'] },
    { host: ['*.shop.test'] },
    { side: 'inbound' },
    { part: 'request' },
    { protocol: 'http' },
    { contentType: ['application/*'] },
  ]) {
    expect(masks(when)).toBe(true);
  }
  // A client must not choose which rules are for it by how it spells a path that the application takes for the same.
  for (const target of [
    'http://api.shop.test/shops/7/orders',
    '/SHOPS/7/Orders',
    '/shops/7/orders/',
    '/sho%70s/7/orders#x',
    '/shops/a%2Fb/orders',
    '/shops/%ZZ/orders',
  ]) {
    expect([target, masks({ path: ['/shops/:id/orders'] }, { target })]).toEqual([target, true]);
  }
  expect(masks({ path: ['/'] }, { target: 'http://api.shop.test?x' })).toBe(true);
  expect(masks({ path: ['/shops/a/b'] }, { target: '/shops/a%2Fb' })).toBe(false);
  for (const when of [
    { method: ['GET'] },
    { path: ['/shops'] },
    { path: ['/shops/*'] },
    { host: ['shop.test'] },
    { side: 'outbound' },
    { part: 'response' },
    { contentType: ['text/*'] },
    { method: ['PUT'], path: ['/x'] },
  ]) {
    expect(masks(when)).toBe(false);
  }
});

test('reaches headers, cookies, queries, forms and path segments with its selectors', () => {
  const rule = (at: string, mask: unknown = 'redact') => ({
    rules: JSON.parse(JSON.stringify([{ id: 'r', at, mask }])),
  });
  expect(maskHeader('X-Tenant', 'acme', rule('header:x-tenant', 'keep'))).toBe('acme');
  expect(maskHeader('X-Tenant', 'bob@example.com', rule('header:x-t*', 'keep'))).toMatch(/^mk_email/);
  expect(maskHeader('X-Tenant', 'acme', rule('header:x-tenant', 'remove'))).toBeUndefined();
  expect(maskHeader('User-Agent', 'curl', rule('header:user-agent', { do: 'token', type: 'agent' }))).toMatch(
    /^mk_agent_/,
  );
  expect(maskHeader('Cookie', 'theme=dark; sid=x', rule('cookie:theme', 'keep'))).toMatch(
    /^theme=dark; sid=mk_secret_/,
  );
  expect(maskHeader('Cookie', 'theme=dark; a=x', rule('cookie:theme', 'remove'))).toMatch(/^ a=mk_cookie_/);
  expect(maskHeader('Authorization', 'Bearer x', rule('header:*', 'keep'))).toMatch(/^Bearer mk_secret_/);
  expect(maskHeader('Authorization', 'Bearer x', rule('header:authorization', 'redact'))).toBe('[REDACTED]');
  const target = (target: string, policy: Partial<Policy>) => maskMessage({ target }, policy).target;
  expect(target('/a?q=x&r=y', rule('query:q'))).toBe('/a?q=%5BREDACTED%5D&r=y');
  expect(target('/a?q=x&r=y', rule('query:q', 'remove'))).toBe('/a?r=y');
  expect(target('/a?r=y&q=x', rule('query:q', 'remove'))).toBe('/a?r=y');
  expect(target('/users/bob/orders/7', rule('path:/users/:user/**', { do: 'token', type: 'user' }))).toMatch(
    /^\/users\/mk_user_[\w-]{16}\/orders\/7$/,
  );
  expect(target('/users/bob', rule('path:/users/:user/orders'))).toBe('/users/bob');
  const form = maskMessage({ type: 'application/x-www-form-urlencoded', body: 'q=x&r=y' }, rule('form:q'));
  expect(form.request.body).toBe('q=%5BREDACTED%5D&r=y');
});

test('gives what a detector finds to the rule that asks for it', () => {
  const rules = [{ id: 'r', value: 'email', mask: { do: 'redact', with: 'E' } }] as const;
  expect(maskJson('{"text":"to bob@example.com"}', { rules })).toBe('{"text":"to E"}');
  expect(
    maskJson('{"text":"to bob@example.com"}', { rules: [{ id: 'r', value: 'email', mask: 'keep' }] }),
  ).toContain('bob@example.com');
});

test('shows parts only where enough stays hidden', () => {
  const rules = [
    { id: 'r', at: 'key:iban', mask: { do: 'partial', first: 2, last: 4, minHidden: 8 } },
  ] as const;
  expect(maskJson('{"iban":"DE89370400440532013000"}', { rules })).toBe('{"iban":"DE***3000"}');
  expect(maskJson('{"iban":"DE8937040044"}', { rules })).toBe('{"iban":"[REDACTED]"}');
});

test('keeps the look of a value where asked to', () => {
  const format = (kind: string | undefined, value: string): string => {
    const rules = JSON.parse(JSON.stringify([{ id: 'r', at: 'key:v', mask: { do: 'format', kind } }]));
    const masked = JSON.parse(maskJson(JSON.stringify({ v: value }), { rules })).v;
    expect(masked).not.toBe(value);
    expect(JSON.parse(maskJson(JSON.stringify({ v: value }), { rules })).v).toBe(masked);
    return masked;
  };
  expect(format('digits', '030/123-456 78')).toMatch(/^\d{3}\/\d{3}-\d{3} \d\d$/);
  expect(format('alnum', 'Ab-12 é')).toMatch(/^[A-Z][a-z]-\d\d x$/);
  expect(format('email', 'bob@example.com')).toMatch(/^mk_email_[\w-]{16}@masked\.invalid$/);
  expect(format('uuid', '3f2504e0-4f89-11d3-9a0c-0305e82c3301')).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-9[0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(format('ip', '192.168.1.1')).toMatch(/^10\.\d+\.\d+\.\d+$/);
  expect(format('ip', '2001:db8:1::1')).toMatch(/^2001:db8::/);
  expect(format('phone', '+14155552671')).toMatch(/^\+\d{11}$/);
  const card = format('card', '4242 4242 4242 4242').replaceAll(' ', '');
  const digits = [...card].map(Number).reverse();
  const sum = digits.reduce(
    (total, digit, i) => total + (i % 2 === 0 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9),
    0,
  );
  expect(sum % 10).toBe(0);
});

test('leaves alone what the rules that were switched off would have masked', () => {
  expect(maskJson('{"lat":52.52,"zip":"1"}', { disable: ['default/key/geo'] })).toMatch(
    /^\{"lat":52\.52,"zip":"mk_address/,
  );
  expect(maskJson('{"t":"+14155552671 a@b.co"}', { disable: ['default/detect/phone'] })).toMatch(
    /"\+14155552671 mk_email/,
  );
  expect(maskHeader('Cookie', 'theme=dark', { disable: ['default/cookie'] })).toBe('theme=dark');
  expect(
    maskHeader('X-Real-IP', '10.1.2.3', { disable: ['default/header/network', 'default/detect/ip'] }),
  ).toBe('10.1.2.3');
  expect(maskHeader('ETag', '"abc"', { disable: ['default/header/etag'] })).toBe('"abc"');
});

test('does with unknown headers what it is told', () => {
  expect(maskHeader('X-Strange', 'value')).toMatch(/^mk_header_/);
  expect(maskHeader('X-Strange', 'value', { unknownHeaders: 'scan' })).toBe('value');
  expect(maskHeader('X-Strange', 'a@b.co', { unknownHeaders: 'scan' })).toMatch(/^mk_email/);
  expect(maskHeader('X-Strange', 'value', { unknownHeaders: 'drop' })).toBeUndefined();
});

test('a policy nested deeper than any can be is refused as one', () => {
  let mask: unknown = 'token';
  for (let i = 0; i < 1000; i++) mask = { do: mask };
  expect(create({ version: 1, rules: [{ id: 'a', at: 'key:x', mask }] })).toMatch(/nested deeper than 20/);
});

test('strict leaves no text and no number to see, wherever it stands, but what a rule keeps', () => {
  const strict = { extends: 'strict' } as const;
  const rules = [{ id: 'k', at: ['key:page', 'query:page', 'gql:page'], mask: 'keep' }] as const;
  const json =
    '{"a":7,"b":-41,"c":[52,{"d":6.3}],"e":"word","f":"{\\"g\\":74}","page":85,"ok":true,"no":null}';
  const masked: unknown = JSON.parse(maskJson(json, { ...strict, rules }));
  expect(masked).toEqual({
    a: expect.any(Number),
    b: expect.any(Number),
    c: [expect.any(Number), { d: expect.any(Number) }],
    e: expect.stringMatching(/^mk_value_/),
    f: expect.stringMatching(/^mk_value_/),
    page: 85,
    ok: true,
    no: null,
  });
  const long = '[4711471147,-22.5522,{"n":33063306}]';
  expect(maskJson(long, strict)).not.toMatch(/4711471147|22\.5522|33063306/);
  const query = '{ a(n: 4711471, list: [22552255], in: { deep: 33063306 }, page: 85) }';
  const document = maskMessage({ type: 'application/graphql', body: query }, { ...strict, rules }).request
    .body;
  expect(document).not.toMatch(/4711471|22552255|33063306/);
  expect(document).toContain('page: 85');
  const pairs = 'n=4711471&page=85&4455667';
  const form = { type: 'application/x-www-form-urlencoded', body: pairs, target: `/a/123?${pairs}` };
  const { target, request } = maskMessage(form, { ...strict, rules });
  expect(target).toMatch(/^\/a\/mk_value_[^?]*\?n=mk_value_[^&]*&page=85&mk_value_/);
  expect(request.body).not.toContain('4711471');
  const csv = maskMessage({ type: 'text/csv', body: 'n,m\n4711471,word\n' }, strict).request.body;
  expect(csv).toMatch(/^n,m\nmk_value_[^,]*,mk_value_\S*\n$/);
});

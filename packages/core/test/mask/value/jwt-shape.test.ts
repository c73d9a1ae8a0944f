import { expect, test } from 'vitest';
import { isShapedJwt, looksLikeJwt } from '../../../src/mask/value/jwt-shape.ts';
import { Tokens, tokenType } from '../../../src/mask/value/tokens.ts';
import { processorMs } from '../linear.ts';
import { key, maskHeader, maskJson } from '../support.ts';

const tokens = new Tokens(key, 100);
const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const jwt = (header: unknown, claims: unknown) => `${part(header)}.${part(claims)}.c2lnbmF0dXJl`;
const header = { alg: 'RS256', typ: 'JWT', kid: 'key-of-bob' };
const claims = {
  iss: 'https://id.shop.test/?u=bob@example.com',
  aud: ['shop', 'bob@example.com'],
  sub: 'bob-4711',
  exp: 1_800_000_000,
  iat: 1_700_000_000,
  nbf: 1_700_000_000,
  email: 'bob@example.com',
  admin: true,
  org: { id: 4711, names: ['Acme', null] },
};
const read = (text: string) => {
  const [head = '', body = '', signature = ''] = text.split('.');
  const json = (coded: string) => JSON.parse(Buffer.from(coded, 'base64url').toString());
  return { header: json(head), claims: json(body), signature };
};
const shaped = (token: string): string =>
  JSON.parse(maskJson(JSON.stringify({ token }), { jwt: 'shape' })).token;

test('keeps what a program needs to decode a web token, and hides the rest', () => {
  const token = shaped(jwt(header, claims));
  const email = tokens.token('email', 'bob@example.com');
  expect(read(token)).toEqual({
    header: { alg: 'RS256', typ: 'JWT', kid: expect.stringMatching(/^mk_claim_/) },
    claims: {
      iss: `https://id.shop.test/?u=${email}`,
      aud: ['shop', email],
      sub: expect.stringMatching(/^mk_claim_/),
      exp: 1_800_000_000,
      iat: 1_700_000_000,
      nbf: 1_700_000_000,
      email,
      admin: true,
      org: { id: expect.any(Number), names: [expect.stringMatching(/^mk_claim_/), null] },
    },
    signature: expect.stringMatching(/^mk_secret_/),
  });
  expect(read(token).claims.org.id).not.toBe(4711);
  for (const secret of ['bob', 'Acme', 'c2lnbmF0dXJl']) {
    expect(Buffer.from(token.replaceAll('.', ''), 'base64url').includes(secret)).toBe(false);
  }
});

test('gives one web token one shape in a header, a cookie and JSON, and leaves it as it is the next time', () => {
  const token = jwt(header, claims);
  const once = shaped(token);
  expect(maskHeader('Authorization', `Bearer ${token}`, { jwt: 'shape' })).toBe(`Bearer ${once}`);
  expect(maskHeader('Cookie', `app_auth=${token}`, { jwt: 'shape' })).toBe(`app_auth=${once}`);
  expect(JSON.parse(maskJson(JSON.stringify({ text: `see ${token}` }), { jwt: 'shape' })).text).toBe(
    `see ${once}`,
  );
  const { org: _, ...withoutNumbers } = claims;
  const other = shaped(jwt(header, withoutNumbers));
  expect(shaped(other)).toBe(other);
});

test('tells a shaped web token from one that is not, whatever its signature says', () => {
  const [head = '', body = ''] = jwt(header, claims).split('.');
  expect(isShapedJwt(shaped(jwt(header, claims)))).toBe(true);
  expect(isShapedJwt(jwt(header, claims))).toBe(false);
  expect(isShapedJwt(`${head}.${body}.${tokens.token('secret', 'x')}`)).toBe(false);
  expect(isShapedJwt('mk_secret_0123456789abcdef')).toBe(false);
});

test('makes one token of a web token unless it is asked for its shape', () => {
  const token = jwt(header, claims);
  const whole = tokens.token('secret', token);
  expect(JSON.parse(maskJson(JSON.stringify({ token }))).token).toBe(whole);
  expect(maskHeader('Cookie', `app_auth=${token}`)).toBe(`app_auth=${whole}`);
});

test('makes one token of what only looks like a web token', () => {
  for (const token of [
    `${part('{"alg"')}.${part(claims)}.x`,
    `${part(header)}.${part([1])}.x`,
    `${part(header)}.${part('"text that is long enough"')}.x`,
    `${part(header)}.a.b.c.d`,
  ]) {
    expect(tokenType(shaped(token))).toBe('secret');
  }
});

test('hides times and algorithms that are none', () => {
  const token = shaped(
    jwt({ alg: 'secret words', typ: 7 }, { exp: 'tomorrow', iat: 4111_1111_1111_1111, iss: { a: 'bob' } }),
  );
  const { header: head, claims: body } = read(token);
  expect(tokenType(head.alg)).toBe('claim');
  expect(tokenType(body.exp)).toBe('claim');
  expect(body.iat).not.toBe(4111_1111_1111_1111);
  expect(tokenType(body.iss.a)).toBe('claim');
});

test('keeps names of claims from becoming anything else', () => {
  const token = shaped(jwt(header, '{"__proto__":{"x":"bob"},"bob@example.com":"y"}'));
  const text = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  expect(text).toMatch(
    /^\{"__proto__":\{"x":"mk_claim_[\w-]{16}"\},"mk_email_[\w-]{16}":"mk_claim_[\w-]{16}"\}$/,
  );
});

test('hides claims that are nested too deeply, and takes hostile ones in time', () => {
  expect(shaped(jwt(header, `{"a":${'['.repeat(2000)}"bob"${']'.repeat(2000)}}`))).not.toContain('bob');
  const took = processorMs(() => {
    expect(looksLikeJwt(`ey${'a'.repeat(262_144)}.`)).toBe(false);
    expect(looksLikeJwt('eyJ.'.repeat(65_536))).toBe(false);
    shaped(`eyJ${'a.ey'.repeat(65_536)}`);
  });
  expect(took).toBeLessThan(500);
});

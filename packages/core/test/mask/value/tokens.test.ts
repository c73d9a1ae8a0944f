import { createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMasker } from '../../../src/mask/create-masker.ts';
import { Tokens, tokenType } from '../../../src/mask/value/tokens.ts';
import { key, maskMessage } from '../support.ts';

const tokens = new Tokens(key, 100);

test('makes the same token for every spelling of a value', () => {
  for (const [type, one, other] of [
    ['email', ' Bob@Example.COM', 'bob@example.com'],
    ['card', '4242 4242-4242 4242', '4242424242424242'],
    ['phone', '+1 (415) 555-2671', '+14155552671'],
    ['iban', 'de89 3704 0044 0532 0130 00', 'DE89370400440532013000'],
    ['ip', '2001:DB8::1', '2001:db8:0:0:0:0:0:1'],
    ['ip', '::ffff:10.1.2.3', '10.1.2.3'],
    ['phone', '+49 30/123-456', '+4930123456'],
    ['user', '3F2504E0-4F89-11D3-9A0C-0305E82C3301', '3f2504e0-4f89-11d3-9a0c-0305e82c3301'],
  ] as const) {
    expect(tokens.token(type, one)).toBe(tokens.token(type, other));
  }
});

test('makes different tokens for different values, types and keys', () => {
  const other = new Tokens({ base64: Buffer.alloc(32, 8).toString('base64') }, 100);
  const made = [
    tokens.token('email', 'a'),
    tokens.token('email', 'b'),
    tokens.token('name', 'a'),
    other.token('email', 'a'),
  ];
  expect(new Set(made).size).toBe(4);
  expect(other.keyId).not.toBe(tokens.keyId);
});

test('makes tokens that need no escaping anywhere and tell their type', () => {
  const token = tokens.token('cookie:theme', 'dark');
  expect(token).toMatch(/^mk_cookie_[\w-]{16}$/);
  expect(tokenType(token)).toBe('cookie');
  expect(tokens.token('email', 'a', 64)).toMatch(/^mk_email_[\w-]{11}$/);
  expect(tokens.token('email', 'a', 128)).toMatch(/^mk_email_[\w-]{22}$/);
});

test('tells tokens from texts that only begin like one', () => {
  for (const text of [
    '',
    'mk_',
    'mk_email_',
    'mk_email_short',
    'mk_Email_0123456789abcdef',
    'mk_email_0123456789abcde!',
    'xmk_email_0123456789abcdef',
    'mk_email_0123456789abcdefg',
  ]) {
    expect(tokenType(text)).toBeUndefined();
  }
});

test('leaves a token alone', () => {
  const token = tokens.token('email', 'bob@example.com');
  expect(tokens.token('secret', token)).toBe(token);
});

test('gives the same tokens with and without remembering, and after it forgot', () => {
  const small = new Tokens(key, 2);
  const none = new Tokens(key, 0);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 50; i++) {
      const expected = tokens.token('email', `u${i}@x.com`);
      expect(small.token('email', `u${i}@x.com`)).toBe(expected);
      expect(none.token('email', `u${i}@x.com`)).toBe(expected);
    }
  }
});

test('keeps to its published form: HKDF-SHA256 per type, HMAC-SHA256 of the value', () => {
  // Computed once by hand with node:crypto, so that a capture written today joins with one written later.
  expect(tokens.token('email', 'bob@example.com')).toBe('mk_email_qXU0SuWwYZqjfxhq');
  // RFC 5869, test case 1, and RFC 4231, test case 2: the functions that the form is made of.
  const okm = hkdfSync(
    'sha256',
    Buffer.alloc(22, 0x0b),
    Buffer.from('000102030405060708090a0b0c', 'hex'),
    Buffer.from('f0f1f2f3f4f5f6f7f8f9', 'hex'),
    42,
  );
  expect(Buffer.from(okm).toString('hex')).toBe(
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  );
  expect(createHmac('sha256', 'Jefe').update('what do ya want for nothing?').digest('hex')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
  const ofType = Buffer.from(hkdfSync('sha256', Buffer.alloc(32, 7), '', 'mask/v1/email', 32));
  const digest = createHmac('sha256', ofType).update('bob@example.com').digest('base64url');
  expect(tokens.token('email', 'bob@example.com')).toBe(`mk_email_${digest.slice(0, 16)}`);
});

test('says when the key dies with the process, and makes a new one each time', () => {
  const [one, other] = [createMasker(), createMasker()];
  expect(one.summary.keyId).toMatch(/^ephemeral-[0-9a-f]{8}$/);
  expect(one.summary.keyId).not.toBe(other.summary.keyId);
  expect(createMasker({ version: 1, key }).summary.keyId).toMatch(/^[0-9a-f]{8}$/);
});

test('makes one token of one value in a header, a query, JSON, a form, a cookie and a path', () => {
  const email = tokens.token('email', 'bob@example.com');
  const { target, request } = maskMessage({
    target: '/u/bob%40example.com?email=BOB%40example.com&x=bob@example.com',
    headers: ['From', 'bob@example.com', 'User-Agent', 'crawler (bob@example.com)'],
    type: 'application/json',
    body: '{"login":"bob@example.com","text":"to bob@example.com"}',
  });
  expect(target).toBe(`/u/${email}?email=${email}&x=${email}`);
  expect(request.headers).toContain(email);
  expect(request.body).toBe(`{"login":"${email}","text":"to ${email}"}`);
  const form = maskMessage({
    type: 'application/x-www-form-urlencoded',
    body: 'user%5Bemail%5D=bob%40example.com',
  });
  expect(form.request.body).toBe(`user%5Bemail%5D=${email}`);
  const secret = tokens.token('secret', 'abc123');
  const cookies = maskMessage({
    headers: ['Authorization', 'Bearer abc123', 'Cookie', 'sid=abc123; session=%61bc123'],
    responseHeaders: ['Set-Cookie', 'sid=abc123; Path=/'],
    responseType: 'application/json',
    response: '{"access_token":"abc123"}',
  });
  expect(cookies.request.headers).toEqual([
    'Authorization',
    `Bearer ${secret}`,
    'Cookie',
    `sid=${secret}; session=${secret}`,
  ]);
  expect(cookies.response.headers).toContain(`sid=${secret}; Path=/`);
  expect(cookies.response.body).toBe(`{"access_token":"${secret}"}`);
});

test('makes one token of any value of a type in JSON, a query, a form, a cookie and a header', () => {
  const rules = [{ id: 'r', at: ['key:v', 'header:x-v'], mask: { do: 'token', type: 'thing' } }] as const;
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }), (value) => {
      // A header of text that is no ASCII is in UTF-8, and one has no spaces around it.
      const header = Buffer.from(value.replace(/[^\x21-\x7e]/g, '-')).toString('latin1');
      const coded = encodeURIComponent(value);
      const { target, request } = maskMessage(
        {
          target: `/?v=${coded}`,
          headers: ['X-V', header, 'Cookie', `v=${coded}`],
          type: 'application/json',
          body: JSON.stringify({ v: value, list: { v: [value] } }),
        },
        { rules },
      );
      const token = tokens.token('thing', value);
      expect(target).toBe(`/?v=${token}`);
      expect(request.headers.slice(0, 4)).toEqual([
        'X-V',
        tokens.token('thing', header),
        'Cookie',
        `v=${token}`,
      ]);
      expect(request.body).toBe(`{"v":"${token}","list":{"v":["${token}"]}}`);
      const form = maskMessage(
        { type: 'application/x-www-form-urlencoded', body: new URLSearchParams({ v: value }).toString() },
        { rules },
      );
      expect(form.request.body).toBe(`v=${token}`);
    }),
    { numRuns: 200 },
  );
});

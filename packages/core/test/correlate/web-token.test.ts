import { createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { isWebToken, movedToken, readTokenKey } from '../../src/correlate/web-token.ts';

const coded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = { sub: 'somebody', iat: 1_000, nbf: 1_000, exp: 2_000, deep: { exp: 1 }, __proto__x: 1 };
const token = (alg: string, body: object = claims) =>
  `${coded({ alg, typ: 'JWT', kid: 'k1' })}.${coded(body)}.c2lnbmF0dXJl`;
const parts = (text: string | undefined) => (text ?? '').split('.');
const claimsOf = (text: string | undefined) =>
  JSON.parse(Buffer.from(parts(text)[1] ?? '', 'base64url').toString());

test('times of a token move, all else stays, and it is signed by the algorithm that it names', () => {
  const secret = readTokenKey('a secret of some length', 'key');
  for (const [alg, digest] of [
    ['HS256', 'sha256'],
    ['HS384', 'sha384'],
    ['HS512', 'sha512'],
  ] as const) {
    const moved = movedToken(token(alg), 500, secret);
    expect(claimsOf(moved)).toEqual({ ...claims, iat: 1_500, nbf: 1_500, exp: 2_500 });
    const [head, body, signature] = parts(moved);
    expect(head).toBe(parts(token(alg))[0]);
    const expected = createHmac(digest, 'a secret of some length')
      .update(`${head}.${body}`)
      .digest('base64url');
    expect(signature).toBe(expected);
  }
});

test('private keys sign RS, PS and ES', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  for (const [alg, key, options] of [
    ['RS256', rsa, {}],
    ['PS256', rsa, { padding: 6, saltLength: 32 }],
    ['ES256', ec, { dsaEncoding: 'ieee-p1363' as const }],
  ] as const) {
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const moved = movedToken(token(alg), 1, readTokenKey(pem, 'key'));
    const [head, body, signature = ''] = parts(moved);
    const signed = Buffer.from(`${head}.${body}`);
    const isValid = verify(
      'sha256',
      signed,
      { key: createPublicKey(key), ...options },
      Buffer.from(signature, 'base64url'),
    );
    expect(isValid, alg).toBe(true);
  }
});

test('a token without times, of another algorithm than the key is for, or that is none stays', () => {
  const secret = readTokenKey('secret', 'key');
  expect(movedToken(token('HS256', { sub: 'x', exp: 'soon' }), 1, secret)).toBeUndefined();
  for (const alg of ['none', 'RS256', 'ES256', 'HS1', 'EdDSA', '']) {
    expect(movedToken(token(alg), 1, secret), alg).toBeUndefined();
  }
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  for (const alg of ['HS256', 'RS256', 'PS256']) expect(movedToken(token(alg), 1, ec), alg).toBeUndefined();
  expect(movedToken('eyJhbGciOiJIUzI1NiJ9.eyJhbGciOiJIUzI1.x', 1, secret)).toBeUndefined();
  expect(isWebToken(token('HS256'))).toBe(true);
  expect(isWebToken('eyes wide open')).toBe(false);
});

test('a token whose algorithm wants a longer key stays', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = (alg: string) => `${part({ alg })}.${part({ exp: 1_767_225_600 })}.x`;
  expect(movedToken(token('PS512'), 10, privateKey)).toBeUndefined();
  expect(movedToken(token('PS256'), 10, privateKey)).toBeDefined();
});

test('a key that is none is refused, and nothing of it is shown', () => {
  const broken = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0c3Vic3RhbmNl\n-----END PRIVATE KEY-----\n';
  expect(() => readTokenKey(broken, 'timeShift.jwtKey')).toThrow(
    /timeShift\.jwtKey is PEM, but holds no private key/,
  );
  expect(() => readTokenKey(broken, 'key')).not.toThrow(/c2Vj/);
  expect(() => readTokenKey('', 'key')).toThrow(/must not be empty/);
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  expect(() => readTokenKey(publicKey, 'key')).toThrow(/got a public key/);
});

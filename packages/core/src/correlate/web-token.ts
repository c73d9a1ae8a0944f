import { constants, createHmac, createPrivateKey, createSecretKey, type KeyObject, sign } from 'node:crypto';
import { invalidOption } from '../model/option-values.ts';

const shape = /^(ey[\w-]{8,4096})\.(ey[\w-]{2,12288})\.[\w-]{0,4096}$/;
const times = ['iat', 'nbf', 'exp'] as const;
const digests: ReadonlyMap<string, string> = new Map([
  ['256', 'sha256'],
  ['384', 'sha384'],
  ['512', 'sha512'],
]);

/** A secret of HS256 and its like, or a private key of RS256, PS256, ES256 and theirs, as PEM. */
export type WebTokenKey = string | Uint8Array | KeyObject;

/** @throws {@link GardenhoseError} `invalid-option`, which shows none of it */
export function readTokenKey(key: WebTokenKey, option: string): KeyObject {
  if (typeof key !== 'string' && !(key instanceof Uint8Array)) {
    if (key.type === 'public')
      throw invalidOption(option, 'must be a secret or a private key, got a public key');
    return key;
  }
  const bytes = Buffer.from(key);
  if (bytes.length === 0) throw invalidOption(option, 'must not be empty');
  if (!bytes.includes('-----BEGIN ')) return createSecretKey(bytes);
  try {
    return createPrivateKey(bytes);
  } catch {
    // What OpenSSL says of it may quote it.
    throw invalidOption(option, 'is PEM, but holds no private key that can be read without a passphrase');
  }
}

/** Whether a text has the look of a JSON Web Token (RFC 7519). */
export function isWebToken(text: string): boolean {
  return text.startsWith('ey') && text.length < 20_000 && shape.test(text);
}

/**
 * A JSON Web Token with its times (`iat`, `nbf`, `exp`) moved, signed anew by the algorithm that it names; undefined when it has no times,
 * or names an algorithm that is not one of this key.
 */
export function movedToken(token: string, bySeconds: number, key: KeyObject): string | undefined {
  const [, head = '', body = ''] = shape.exec(token) ?? [];
  const header = objectOf(head);
  const claims = objectOf(body);
  const alg = header === undefined ? undefined : Object.entries(header).find(([name]) => name === 'alg')?.[1];
  if (claims === undefined || typeof alg !== 'string') return undefined;
  let moved = false;
  const entries = Object.entries(claims).map(([name, value]: [string, unknown]) => {
    const isTime = times.some((time) => time === name) && typeof value === 'number';
    if (!isTime) return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
    moved = true;
    return `${JSON.stringify(name)}:${JSON.stringify(value + bySeconds)}`;
  });
  if (!moved) return undefined;
  // Written by hand, so that no name of a claim becomes one of an object's own.
  const signed = `${head}.${Buffer.from(`{${entries.join(',')}}`).toString('base64url')}`;
  try {
    const signature = signatureOf(signed, alg, key);
    return signature && `${signed}.${signature.toString('base64url')}`;
  } catch {
    // The algorithm is that of the token, and wants more than this key has, as PS512 does of one of 1,024 bits.
    return undefined;
  }
}

/** RFC 7518 section 3. */
function signatureOf(text: string, alg: string, key: KeyObject): Buffer | undefined {
  const digest = digests.get(alg.slice(2));
  if (digest === undefined) return undefined;
  const isSecret = key.type === 'secret';
  switch (alg.slice(0, 2)) {
    case 'HS':
      return isSecret ? createHmac(digest, key).update(text).digest() : undefined;
    case 'RS':
      return key.asymmetricKeyType === 'rsa' ? sign(digest, Buffer.from(text), key) : undefined;
    case 'PS':
      return key.asymmetricKeyType === 'rsa'
        ? sign(digest, Buffer.from(text), {
            key,
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
          })
        : undefined;
    case 'ES':
      return key.asymmetricKeyType === 'ec'
        ? sign(digest, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
        : undefined;
    default:
      return undefined;
  }
}

function objectOf(part: string): object | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    // No JSON, so no web token.
    return undefined;
  }
}

import { nameMeaning } from './key-words.ts';
import { tokenType } from './tokens.ts';

const longestJwt = 16_384;
const deepestClaim = 8;
/** Seconds since 1970, up to the year 5138. */
const latestTime = 100_000_000_000;
const jwt = /^(ey[\w-]{8,4096})\.(ey[\w-]{2,12288})\.([\w-]{0,4096})$/;
const shownInHeader: ReadonlySet<string> = new Set(['alg', 'typ']);
const times: ReadonlySet<string> = new Set(['exp', 'iat', 'nbf']);
const shownClaims: ReadonlySet<string> = new Set(['iss', 'aud']);
const plainWord = /^[\w.+/-]{1,32}$/;

/** How the parts of a JSON Web Token are masked. */
export interface ClaimMasks {
  /** Masks what stays visible: detectors look at it. */
  readonly visible: (text: string) => string;
  readonly text: (type: string, claim: string) => string;
  readonly number: (type: string, claim: string) => string;
}

export function looksLikeJwt(text: string): boolean {
  return text.startsWith('ey') && text.length <= longestJwt && jwt.test(text);
}

/**
 * A JSON Web Token (RFC 7519) of the same shape that tells nobody's claims: `alg` and `typ` of the header and the claims
 * `exp`, `iat`, `nbf`, `iss` and `aud` stay, all other values become tokens, and so does the signature. Undefined when it
 * cannot be read.
 */
export function shapedJwt(text: string, masks: ClaimMasks): string | undefined {
  const match = jwt.exec(text);
  if (match === null) return undefined;
  const [, header = '', claims = '', signature = ''] = match;
  const shapedHeader = objectOf(header);
  const shapedClaims = objectOf(claims);
  if (shapedHeader === undefined || shapedClaims === undefined) return undefined;
  const head = members(shapedHeader, masks, 0, (name, value) =>
    shownInHeader.has(name) && typeof value === 'string' && plainWord.test(value)
      ? JSON.stringify(value)
      : undefined,
  );
  const body = members(shapedClaims, masks, 0, (name, value) => {
    if (times.has(name) && typeof value === 'number' && value >= 0 && value <= latestTime)
      return JSON.stringify(value);
    return shownClaims.has(name) ? shown(value, masks) : undefined;
  });
  return `${encoded(head)}.${encoded(body)}.${masked('secret', signature, masks)}`;
}

/**
 * Whether a text is a web token that was shaped: all its texts but those that stay are tokens. Numbers carry no sign that
 * they are masked.
 */
export function isShapedJwt(text: string): boolean {
  const match = text.length <= longestJwt ? jwt.exec(text) : null;
  if (match === null) return false;
  const [, header = '', claims = '', signature = ''] = match;
  if (tokenType(signature) === undefined && signature !== '') return false;
  let isPlain = false;
  const masks: ClaimMasks = {
    visible: (shown) => shown,
    text: (_, plain) => {
      isPlain = true;
      return plain;
    },
    number: (_, number) => number,
  };
  return shapedJwt(`${header}.${claims}.`, masks) !== undefined && !isPlain;
}

/** Issuer and audience: a text or a list of texts. */
function shown(value: unknown, masks: ClaimMasks): string | undefined {
  if (typeof value === 'string') return JSON.stringify(masks.visible(value));
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return isList ? JSON.stringify(value.map((item) => masks.visible(item))) : undefined;
}

function objectOf(part: string): object | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    // No JSON: the caller masks the whole.
    return undefined;
  }
}

/** Written by hand, so that no name of a claim becomes one of an object's own. */
function members(
  claims: object,
  masks: ClaimMasks,
  depth: number,
  keep: (name: string, value: unknown) => string | undefined = () => undefined,
): string {
  const out = Object.entries(claims).map(([name, value]: [string, unknown]) => {
    const type = nameMeaning(name, false)?.type ?? 'claim';
    return `${JSON.stringify(masks.visible(name))}:${keep(name, value) ?? claim(type, value, masks, depth)}`;
  });
  return `{${out.join(',')}}`;
}

function claim(type: string, value: unknown, masks: ClaimMasks, depth: number): string {
  if (typeof value === 'string') return JSON.stringify(masked(type, value, masks));
  if (typeof value === 'number') return masks.number(type, JSON.stringify(value));
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth >= deepestClaim) return JSON.stringify('[REDACTED]');
  if (!Array.isArray(value)) return members(value, masks, depth + 1);
  return `[${value.map((item: unknown) => claim(type, item, masks, depth + 1)).join(',')}]`;
}

/** What is a token already stays one, so that masking again changes nothing. */
function masked(type: string, text: string, masks: ClaimMasks): string {
  return text === '' || tokenType(text) !== undefined ? text : masks.text(type, text);
}

function encoded(json: string): string {
  return Buffer.from(json, 'utf8').toString('base64url');
}

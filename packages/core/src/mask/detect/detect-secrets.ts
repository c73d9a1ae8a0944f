// Credentials by how they look. Each function says where the find that begins at `i` ends, or 0 when there is none.
import {
  at as atSign,
  capital,
  classes,
  digit,
  dot,
  slash,
  space,
  valueEnd,
  wordByte,
} from './byte-classes.ts';
import { inCharset, secretPrefixes } from './secret-prefixes.ts';

const beginKey = Buffer.from('-----BEGIN ');
const endKey = Buffer.from('-----END ');
const privateKeyWords = Buffer.from('PRIVATE KEY');
const fence = Buffer.from('-----');
const tokenStart = Buffer.from('mk_');
const schemes = [Buffer.from('bearer'), Buffer.from('basic')];

function is(bytes: Uint8Array, i: number, end: number, mask: number): boolean {
  return i < end && ((classes[bytes[i] ?? 0] ?? 0) & mask) !== 0;
}

function matches(bytes: Uint8Array, i: number, end: number, text: Uint8Array): boolean {
  if (i + text.length > end) return false;
  for (let k = 0; k < text.length; k++) if (bytes[i + k] !== text[k]) return false;
  return true;
}

/** A token of this library's own begins here: it is masked already. */
export function isToken(bytes: Uint8Array, i: number, end: number): boolean {
  return matches(bytes, i, end, tokenStart);
}

/** A credential with a known prefix. */
export function apiKeyEnd(bytes: Uint8Array, i: number, end: number): number {
  const known = secretPrefixes[bytes[i] ?? 0];
  if (known === undefined) return 0;
  const second = bytes[i + 1];
  for (const { prefix, charset, least, most } of known) {
    if (prefix[1] !== second || !matches(bytes, i, end, prefix)) continue;
    const start = i + prefix.length;
    let p = start;
    while (p < end && inCharset(bytes[p] ?? 0, charset)) p++;
    if (charset === 'dotted') while (p > start && bytes[p - 1] === dot) p--;
    const length = p - start;
    if (length >= least && length <= most && !is(bytes, p, end, wordByte)) return p;
  }
  return 0;
}

/** Three parts of base64url with dots between, the first two of JSON objects; encrypted tokens have five parts. */
export function jwtEnd(bytes: Uint8Array, i: number, end: number): number {
  if (bytes[i] !== 101 || bytes[i + 1] !== 121) return 0;
  let p = base64urlEnd(bytes, i, end);
  if (p - i < 10 || p >= end || bytes[p] !== dot) return 0;
  const payload = p + 1;
  p = base64urlEnd(bytes, payload, end);
  if (p - payload < 6 || p >= end || bytes[p] !== dot) return 0;
  p = base64urlEnd(bytes, p + 1, end);
  while (p < end && bytes[p] === dot && is(bytes, p + 1, end, wordByte)) p = base64urlEnd(bytes, p + 1, end);
  return p;
}

function base64urlEnd(bytes: Uint8Array, i: number, end: number): number {
  let p = i;
  while (is(bytes, p, end, wordByte)) p++;
  return p;
}

/** Whether `Bearer` or `Basic` and one to four spaces stand before `i`. */
export function followsScheme(bytes: Uint8Array, i: number, floor: number): boolean {
  let p = i;
  while (p > floor && i - p < 4 && bytes[p - 1] === space) p--;
  if (p === i) return false;
  for (const scheme of schemes) {
    const start = p - scheme.length;
    if (start < floor || (start > floor && is(bytes, start - 1, i, wordByte))) continue;
    let k = 0;
    while (k < scheme.length && ((bytes[start + k] ?? 0) | 32) === scheme[k]) k++;
    if (k === scheme.length) return true;
  }
  return false;
}

/** Of `://user:password@`, also without a password, where what is before the sign ends; `i` is behind the slashes. */
export function userinfoEnd(bytes: Uint8Array, i: number, end: number): number {
  const highest = Math.min(end, i + 512);
  for (let p = i; p < highest; p++) {
    const code = bytes[p] ?? 0;
    if (code === atSign) return p === i ? 0 : p;
    if (code === slash || code === 63 || code === 35) return 0;
    if (code !== 59 && code !== 38 && is(bytes, p, end, valueEnd)) return 0;
  }
  return 0;
}

/** A private key in PEM form. Without an end it is cut: all that follows may be of the key. */
export function privateKeyEnd(bytes: Uint8Array, i: number, end: number): number {
  if (!matches(bytes, i, end, beginKey)) return 0;
  let p = i + beginKey.length;
  const highest = Math.min(end, p + 40);
  while (p < highest && (is(bytes, p, end, capital | digit) || bytes[p] === space)) p++;
  if (!matches(bytes, p - privateKeyWords.length, end, privateKeyWords) || !matches(bytes, p, end, fence))
    return 0;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, end);
  const footer = view.indexOf(endKey, p);
  if (footer < 0) return end;
  const close = view.indexOf(fence, footer + endKey.length);
  return close < 0 ? end : close + fence.length;
}

import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GardenhoseError } from '../errors.ts';
import { canonicalValue } from './canonical.ts';
import type { PolicyKey } from './policy.ts';

/** 11, 16 and 22 base64url characters carry 64, 96 and 128 bits. */
const tokenShape = /^mk_([a-z][a-z0-9-]{0,31})_(?:[\w-]{11}|[\w-]{16}|[\w-]{22})$/;
const tokenLength: Readonly<Record<64 | 96 | 128, number>> = { 64: 11, 96: 16, 128: 22 };
const longestCached = 256;
const shortestKey = 32;

/**
 * The semantic type of a token that a mask policy made (`email`, `secret`), or undefined when `text` is not one.
 * Needs no key: it goes by the shape.
 */
export function tokenType(text: string): string | undefined {
  return text.length > 14 && text.startsWith('mk_') ? tokenShape.exec(text)?.[1] : undefined;
}

/** What stands in a token for its type: of a type `cookie:theme`, only `cookie`. */
function typeLabel(type: string): string {
  const label = type.split(':', 1)[0] ?? '';
  return /^[a-z][a-z0-9-]{0,31}$/.test(label) ? label : 'value';
}

interface TypeState {
  readonly label: string;
  readonly key: KeyObject;
  // Two generations: the young one becomes the old one when the cache is full, so that values in use survive.
  young: Map<string, string>;
  old: Map<string, string>;
}

/**
 * Makes tokens: keyed, one way, the same for the same value of the same type. Each type has a key of its own, derived
 * by HKDF-SHA256 (RFC 5869); a token is the beginning of the HMAC-SHA256 (RFC 2104) of the value's canonical form.
 */
export class Tokens {
  readonly keyId: string;
  readonly #key: Buffer;
  readonly #types = new Map<string, TypeState>();
  readonly #cacheSize: number;
  #cached = 0;

  constructor(key: PolicyKey | undefined, cachedTokens: number) {
    this.#key = key === undefined ? randomBytes(shortestKey) : readKey(key);
    const id = createHmac('sha256', this.#key).update('id').digest('hex').slice(0, 8);
    this.keyId = key === undefined ? `ephemeral-${id}` : id;
    this.#cacheSize = Math.ceil(cachedTokens / 2);
  }

  /** The token of `text`, or `text` itself when it is one already. */
  token(type: string, text: string, bits: 64 | 96 | 128 = 96): string {
    if (tokenType(text) !== undefined) return text;
    const state = this.#type(type);
    if (bits !== 96 || text.length > longestCached || this.#cacheSize === 0)
      return make(state, type, text, bits);
    const known = state.young.get(text);
    if (known !== undefined) return known;
    const token = state.old.get(text) ?? make(state, type, text, bits);
    if (this.#cached >= this.#cacheSize) this.#turn();
    state.young.set(text, token);
    this.#cached++;
    return token;
  }

  #turn(): void {
    this.#cached = 0;
    for (const state of this.#types.values()) {
      state.old = state.young;
      state.young = new Map();
    }
  }

  /** `length` keyed bytes for this value; `use` tells apart what they are for. */
  bytes(type: string, use: string, text: string, length: number): Buffer {
    const canonical = canonicalValue(type, text);
    const blocks: Buffer[] = [];
    for (let block = 0; block * 32 < length; block++) {
      blocks.push(createHmac('sha256', this.#type(type).key).update(`${use} ${block} ${canonical}`).digest());
    }
    return Buffer.concat(blocks, length);
  }

  #type(type: string): TypeState {
    let state = this.#types.get(type);
    if (state === undefined) {
      // Cookie and header names make types, and names come from clients.
      if (this.#types.size >= 4096) this.#types.clear();
      const raw = Buffer.from(
        hkdfSync('sha256', this.#key, Buffer.alloc(0), `mask/v1/${type}`.slice(0, 1024), 32),
      );
      state = { label: typeLabel(type), key: createSecretKey(raw), young: new Map(), old: new Map() };
      this.#types.set(type, state);
    }
    return state;
  }
}

function make({ label, key }: TypeState, type: string, text: string, bits: 64 | 96 | 128): string {
  const digest = createHmac('sha256', key).update(canonicalValue(type, text)).digest('base64url');
  return `mk_${label}_${digest.slice(0, tokenLength[bits])}`;
}

function readKey(from: PolicyKey): Buffer {
  if ('base64' in from) return longEnough(Buffer.from(from.base64, 'base64'), 'key.base64');
  if ('env' in from) {
    const text = process.env[from.env];
    if (text === undefined || text === '')
      throw keyError(`the environment variable ${from.env} is not set`, from.env);
    return longEnough(Buffer.from(text, 'base64'), from.env);
  }
  let content: Buffer;
  try {
    content = readFileSync(from.file);
  } catch (error) {
    throw keyError(`the key file ${from.file} cannot be read`, from.file, error);
  }
  const text = content.toString('latin1').trim();
  const isBase64 = /^[A-Za-z0-9+/_-]{43,}={0,2}$/.test(text);
  return longEnough(isBase64 ? Buffer.from(text, 'base64') : content, from.file);
}

function longEnough(key: Buffer, subject: string): Buffer {
  if (key.length >= shortestKey) return key;
  throw keyError(`the key of ${subject} has ${key.length} bytes; ${shortestKey} or more are needed`, subject);
}

function keyError(problem: string, subject: string, cause?: unknown): GardenhoseError {
  return new GardenhoseError('mask-key', `mask key: ${problem}`, { subject, cause });
}

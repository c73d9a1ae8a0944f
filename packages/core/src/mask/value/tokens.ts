import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { type Clock, systemClock } from '../../clock.ts';
import type { KeySource } from '../../model/key-source.ts';
import { canonicalValue } from './canonical.ts';
import { Ff1 } from './ff1.ts';
import { TokenCache } from './token-cache.ts';
import { ephemeralKey, readKeys } from './token-key.ts';

/** 11, 16 and 22 base64url characters carry 64, 96 and 128 bits. */
const tokenShape = /^mk_([a-z][a-z0-9-]{0,31})_(?:[\w-]{11}|[\w-]{16}|[\w-]{22})$/;
const tokenLength: Readonly<Record<64 | 96 | 128, number>> = { 64: 11, 96: 16, 128: 22 };
/** Cookie and header names make types, and names come from clients. */
const mostTypes = 4096;
const firstBlock = Buffer.of(1);

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
}

export interface TokensOptions {
  /** Take the key with this id, where the keys have it, and not the newest one. */
  readonly keyId?: string | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Makes tokens: keyed, one way, the same for the same value of the same type. Each type has a key of its own, derived
 * by HKDF-SHA256 (RFC 5869); a token is the beginning of the HMAC-SHA256 (RFC 2104) of the value's canonical form.
 */
export class Tokens {
  readonly keyId: string;
  /** What stood for values, by their type and by more than that. */
  readonly cache: TokenCache;
  /** What HKDF extracts from the key (RFC 5869, section 2.2, without salt), once for all types. */
  readonly #extracted: KeyObject;
  readonly #types = new Map<string, TypeState>();
  readonly #streams = new Map<string, KeyObject>();
  readonly #permutations = new Map<string, Ff1>();

  /** @param keys - newest first; none for a random one */
  constructor(
    keys: KeySource | readonly KeySource[] | undefined,
    cachedTokens: number,
    { keyId, clock = systemClock }: TokensOptions = {},
  ) {
    const known = keys === undefined ? [] : readKeys(isList(keys) ? keys : [keys]);
    const { id: chosenId, bytes } = known.find(({ id }) => id === keyId) ?? known[0] ?? ephemeralKey();
    this.keyId = chosenId;
    this.#extracted = createSecretKey(createHmac('sha256', Buffer.alloc(32)).update(bytes).digest());
    this.cache = new TokenCache(cachedTokens, clock);
  }

  /** The token of `text`, or `text` itself when it is one already. */
  token(type: string, text: string, bits: 64 | 96 | 128 = 96): string {
    if (tokenType(text) !== undefined) return text;
    return bits === 96 ? this.keyed(type, text) : this.make(type, text, bits);
  }

  /** The token of 96 bits of any text, also of one that looks like a token. */
  keyed(type: string, text: string): string {
    let token = this.cache.get(type, text);
    if (token === undefined) {
      token = this.make(type, text);
      this.cache.set(type, text, token);
    }
    return token;
  }

  /** `length` keyed bytes for a value in its canonical form; `use` tells apart what they are for. */
  bytes(type: string, use: string, canonical: string, length: number): Buffer {
    let key = this.#streams.get(type);
    if (key === undefined) {
      key = createSecretKey(this.#derive(`mask/v1/bytes/${type}`));
      if (this.#streams.size >= mostTypes) this.#streams.clear();
      this.#streams.set(type, key);
    }
    const blocks: Buffer[] = [];
    for (let block = 0; block * 32 < length; block++) {
      blocks.push(createHmac('sha256', key).update(`${use} ${block} ${canonical}`).digest());
    }
    return Buffer.concat(blocks, length);
  }

  /** The permutation of values of this type: unlike all else here, the holder of the key can undo it. */
  permutation(type: string): Ff1 {
    let permutation = this.#permutations.get(type);
    if (permutation === undefined) {
      permutation = new Ff1(this.#derive(`mask/v1/ff1/${type}`));
      if (this.#permutations.size >= mostTypes) this.#permutations.clear();
      this.#permutations.set(type, permutation);
    }
    return permutation;
  }

  /** Forgets the values that it remembered. */
  close(): void {
    this.cache.wipe();
  }

  /** The same for a text that is no token, remembering nothing. */
  make(type: string, text: string, bits: 64 | 96 | 128 = 96): string {
    const { label, key } = this.#type(type);
    const digest = createHmac('sha256', key).update(canonicalValue(type, text)).digest('base64url');
    return `mk_${label}_${digest.slice(0, tokenLength[bits])}`;
  }

  #type(type: string): TypeState {
    let state = this.#types.get(type);
    if (state === undefined) {
      if (this.#types.size >= mostTypes) this.#types.clear();
      state = { label: typeLabel(type), key: createSecretKey(this.#derive(`mask/v1/${type}`)) };
      this.#types.set(type, state);
    }
    return state;
  }

  /** What HKDF expands for a use (RFC 5869, section 2.3): 32 bytes are its first block. */
  #derive(info: string): Buffer {
    return createHmac('sha256', this.#extracted).update(info.slice(0, 1024)).update(firstBlock).digest();
  }
}

function isList(keys: KeySource | readonly KeySource[]): keys is readonly KeySource[] {
  return Array.isArray(keys);
}

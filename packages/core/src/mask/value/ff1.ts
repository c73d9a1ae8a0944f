import { type Cipher, createCipheriv } from 'node:crypto';

const rounds = 10;
const eightZeros = new Uint8Array(8);
/** NIST SP 800-38G Revision 1 requires it: a permutation of fewer values can be found out by trying. */
export const smallestDomain = 1_000_000;

/**
 * FF1, the format-preserving encryption of NIST SP 800-38G: a keyed permutation of the strings of `n` numerals in a
 * radix. Whoever holds the key can undo it.
 */
export class Ff1 {
  readonly #aes: Cipher;

  /** @param key - of 16, 24 or 32 bytes */
  constructor(key: Uint8Array) {
    // Blocks one by one: without padding, ECB keeps nothing from one block to the next.
    this.#aes = createCipheriv(`aes-${key.length * 8}-ecb`, key, null);
    this.#aes.setAutoPadding(false);
  }

  /**
   * @param numerals - at least two, each from 0 to `radix - 1`, most significant first
   * @throws RangeError when there are fewer than 1,000,000 strings of so many numerals
   */
  encrypt(numerals: readonly number[], radix: number, tweak: Uint8Array = new Uint8Array(0)): number[] {
    const n = numerals.length;
    if (n < 2 || n * Math.log2(radix) < Math.log2(smallestDomain)) {
      throw new RangeError(
        `FF1 needs at least ${smallestDomain} values, ${n} numerals of radix ${radix} are fewer`,
      );
    }
    const u = n >> 1;
    const v = n - u;
    const big = BigInt(radix);
    const moduli = [big ** BigInt(u), big ** BigInt(v)] as const;
    const b = Math.ceil((moduli[1] - 1n).toString(2).length / 8);
    const d = 4 * Math.ceil(b / 4) + 4;
    const padding = (16 - ((tweak.length + b + 1) % 16)) % 16;
    // P and Q of the standard.
    const p = Buffer.from([
      1,
      2,
      1,
      (radix >> 16) & 255,
      (radix >> 8) & 255,
      radix & 255,
      10,
      u & 255,
      ...eightZeros,
    ]);
    p.writeUInt32BE(n, 8);
    p.writeUInt32BE(tweak.length, 12);
    // The same in each round.
    const begun = this.#aes.update(p);
    const q = Buffer.alloc(tweak.length + padding + 1 + b);
    q.set(tweak);
    const roundAt = tweak.length + padding;
    let left = numberOf(numerals, 0, u, big);
    let right = numberOf(numerals, u, n, big);
    for (let round = 0; round < rounds; round++) {
      q[roundAt] = round;
      q.write(right.toString(16).padStart(2 * b, '0'), roundAt + 1, 'hex');
      const sum = left + this.#expanded(this.#chained(begun, q), d);
      left = right;
      right = sum % (round % 2 === 0 ? moduli[0] : moduli[1]);
    }
    return [...numeralsOf(left, u, big), ...numeralsOf(right, v, big)];
  }

  /** CBC-MAC, PRF of the standard, over what went before and these blocks. */
  #chained(begun: Buffer, blocks: Buffer): Buffer {
    let chained = begun;
    for (let at = 0; at < blocks.length; at += 16) {
      const mixed = Buffer.allocUnsafe(16);
      for (let i = 0; i < 16; i++) mixed[i] = (blocks[at + i] ?? 0) ^ (chained[i] ?? 0);
      chained = this.#aes.update(mixed);
    }
    return chained;
  }

  /** The first `length` bytes of R, CIPH(R xor 1), CIPH(R xor 2) and so on, as a number. */
  #expanded(r: Buffer, length: number): bigint {
    const pieces = [r];
    for (let j = 1; pieces.length * 16 < length; j++) {
      const mixed = Buffer.from(r);
      mixed.writeUInt32BE((mixed.readUInt32BE(12) ^ j) >>> 0, 12);
      pieces.push(this.#aes.update(mixed));
    }
    return BigInt(`0x${Buffer.concat(pieces, length).toString('hex')}`);
  }
}

function numberOf(numerals: readonly number[], from: number, to: number, radix: bigint): bigint {
  let number = 0n;
  for (let i = from; i < to; i++) number = number * radix + BigInt(numerals[i] ?? 0);
  return number;
}

function numeralsOf(number: bigint, length: number, radix: bigint): number[] {
  const numerals: number[] = [];
  let rest = number;
  for (let i = length - 1; i >= 0; i--) {
    numerals[i] = Number(rest % radix);
    rest /= radix;
  }
  return numerals;
}

import type { MaskRule } from './mask-rule.ts';

/** What is known of one spelling of a name. */
export interface NameEntry {
  readonly rule: MaskRule | undefined;
  /** `name` and `value` members of one object belong together: `{"name":"password","value":"…"}`. */
  readonly role: 0 | typeof roleName | typeof roleValue;
  readonly text: string;
}
export const roleName = 1;
export const roleValue = 2;

const longestName = 64;
const slots = 4096;
const mostNames = slots / 2;
const arenaBytes = 64 * 1024;
const nameWords = new Set(['name', 'key', 'field', 'id', 'header']);
const valueWords = new Set(['value', 'val', 'content', 'data', 'text']);

/**
 * From the bytes of a name in JSON, as they stand, to what its words mean: an open-addressing table, so that a name
 * that was seen before costs no string. Starts anew when it is full, since names can come from clients.
 */
export class NameTable {
  readonly #resolve: (name: string) => MaskRule | undefined;
  readonly #slots = new Int32Array(slots).fill(-1);
  readonly #hashes = new Int32Array(mostNames);
  readonly #starts = new Int32Array(mostNames + 1);
  readonly #arena = new Uint8Array(arenaBytes);
  #entries: NameEntry[] = [];

  constructor(resolve: (name: string) => MaskRule | undefined) {
    this.#resolve = resolve;
  }

  /** @param hash - FNV-1a of the bytes, as {@link hashBytes} has it */
  find(bytes: Buffer, start: number, end: number, hash: number, escaped: boolean): NameEntry {
    if (end - start > longestName) return this.#make(bytes, start, end, escaped);
    let slot = hash & (slots - 1);
    for (;;) {
      const index = this.#slots[slot] ?? -1;
      if (index < 0) break;
      if (this.#hashes[index] === hash && this.#equal(index, bytes, start, end)) {
        const entry = this.#entries[index];
        if (entry !== undefined) return entry;
      }
      slot = (slot + 1) & (slots - 1);
    }
    return this.#add(bytes, start, end, hash, escaped, slot);
  }

  #add(bytes: Buffer, start: number, end: number, hash: number, escaped: boolean, slot: number): NameEntry {
    const entry = this.#make(bytes, start, end, escaped);
    let index = this.#entries.length;
    let free = slot;
    const offset = this.#starts[index] ?? 0;
    if (index >= mostNames || offset + end - start > arenaBytes) {
      this.#slots.fill(-1);
      this.#entries = [];
      index = 0;
      free = hash & (slots - 1);
    }
    const from = this.#starts[index] ?? 0;
    this.#arena.set(bytes.subarray(start, end), from);
    this.#starts[index + 1] = from + end - start;
    this.#hashes[index] = hash;
    this.#slots[free] = index;
    this.#entries.push(entry);
    return entry;
  }

  #equal(index: number, bytes: Buffer, start: number, end: number): boolean {
    const from = this.#starts[index] ?? 0;
    const length = end - start;
    if ((this.#starts[index + 1] ?? 0) - from !== length) return false;
    for (let i = 0; i < length; i++) if (this.#arena[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #make(bytes: Buffer, start: number, end: number, escaped: boolean): NameEntry {
    const raw = bytes.toString('utf8', start, end);
    const text = escaped ? decodeName(raw) : raw;
    const word = text.toLowerCase();
    const role = nameWords.has(word) ? roleName : valueWords.has(word) ? roleValue : 0;
    return { rule: this.#resolve(text), role, text };
  }
}

function decodeName(raw: string): string {
  const decoded: unknown = JSON.parse(`"${raw}"`);
  return typeof decoded === 'string' ? decoded : raw;
}

/** FNV-1a, 32 bits. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = -2128831035;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 16777619);
  return hash;
}

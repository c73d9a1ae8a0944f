import type { MaskRule } from '../policy/mask-rule.ts';

/** What is known of one spelling of a name. */
export interface NameEntry {
  readonly rule: MaskRule | undefined;
  /** The rule for what stands beside this name, where the name is a value: `{"name":"password","value":"…"}`. */
  readonly pairRule: MaskRule | undefined;
  /** `name` and `value` members of one object belong together; `variables` are those of a GraphQL document. */
  readonly role: 0 | typeof roleName | typeof roleValue | typeof roleVariables;
  readonly text: string;
  /** As it stands in JSON. */
  readonly bytes: Uint8Array;
  readonly escaped: boolean;
  /** Whether there can be something to mask in the name itself; undefined until somebody looked. */
  dull: boolean | undefined;
  /** The name that came after it the last time: names come in the same order again and again. */
  next: NameEntry | undefined;
}
export const roleName = 1;
export const roleValue = 2;
export const roleVariables = 3;

const longestName = 64;
const slots = 4096;
const mostNames = slots / 2;
const roles = new Map<string, NameEntry['role']>([['variables', roleVariables]]);
for (const word of 'value val v content data text newvalue oldvalue'.split(' ')) roles.set(word, roleValue);
for (const word of 'name key k field id header label attribute property param parameter variable path system'.split(
  ' ',
))
  roles.set(word, roleName);
const longestWord = 9;

/** What a name says of the values beside it. */
function roleOf(name: string): NameEntry['role'] {
  return name.length > longestWord ? 0 : (roles.get(name.toLowerCase()) ?? 0);
}

/**
 * From the bytes of a name in JSON, as they stand, to what its words mean: an open-addressing table, so that a name
 * that was seen before costs no string. Starts anew when it is full, since names can come from clients.
 */
export class NameTable {
  /** Stands for what comes before the first name of a document. */
  readonly start: NameEntry;
  readonly #resolve: (name: string) => MaskRule | undefined;
  readonly #slots = new Int32Array(slots).fill(-1);
  readonly #hashes = new Int32Array(mostNames);
  readonly #entries: NameEntry[] = [];

  constructor(resolve: (name: string) => MaskRule | undefined) {
    this.#resolve = resolve;
    this.start = this.#make(Buffer.alloc(0), 0, 0, false);
  }

  /** The name in `bytes[start..end)`, the inside of a JSON string. */
  find(bytes: Buffer, start: number, end: number, escaped: boolean): NameEntry {
    if (end - start > longestName) return this.#make(bytes, start, end, escaped);
    const hash = hashBytes(bytes, start, end);
    let slot = hash & (slots - 1);
    for (;;) {
      const index = this.#slots[slot] ?? -1;
      if (index < 0) break;
      if (this.#hashes[index] === hash) {
        const entry = this.#entries[index];
        if (entry !== undefined && isAt(entry.bytes, bytes, start, end - start)) return entry;
      }
      slot = (slot + 1) & (slots - 1);
    }
    if (this.#entries.length >= mostNames) {
      this.#clear();
      slot = hash & (slots - 1);
    }
    const entry = this.#make(bytes, start, end, escaped);
    const index = this.#entries.push(entry) - 1;
    this.#hashes[index] = hash;
    this.#slots[slot] = index;
    return entry;
  }

  /** What a name says of the values beside it. */
  role(name: string): NameEntry['role'] {
    return roleOf(name);
  }

  /** Notes that a name came after another one. */
  follow(last: NameEntry, entry: NameEntry): void {
    // What is not in the table is not kept alive by what is.
    if (entry.bytes.length <= longestName) last.next = entry;
  }

  #clear(): void {
    this.#slots.fill(-1);
    this.start.next = undefined;
    for (const entry of this.#entries) entry.next = undefined;
    this.#entries.length = 0;
  }

  #make(bytes: Buffer, start: number, end: number, escaped: boolean): NameEntry {
    const raw = bytes.toString('utf8', start, end);
    const text = escaped ? decodeName(raw) : raw;
    const role = roleOf(text);
    const rule = this.#resolve(text);
    // A default rule says what it went by: not the name of the member.
    const pairRule = rule?.order === Number.POSITIVE_INFINITY ? { ...rule, id: 'default/pair' } : rule;
    const own = new Uint8Array(end - start);
    for (let i = 0; i < own.length; i++) own[i] = bytes[start + i] ?? 0;
    return { rule, pairRule, role, text, bytes: own, escaped, dull: undefined, next: undefined };
  }
}

function decodeName(raw: string): string {
  const decoded: unknown = JSON.parse(`"${raw}"`);
  return typeof decoded === 'string' ? decoded : raw;
}

/** Whether `name` stands in `bytes` at `start`. */
function isAt(name: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}

/** FNV-1a, 32 bits. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = -2128831035;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 16777619);
  return hash;
}

import { limits } from './format.ts';

/**
 * Walks over the MessagePack records of a payload without building values, and refuses what no record may hold, so that
 * unpacking afterwards is safe: extension types (a decoder may run code for them), maps (names would become object
 * keys), deep nesting, more values than there is room for.
 */
export class RecordCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where the record begins that `next` found last, and where it ends. */
  start = 0;
  end = 0;
  /** The three numbers with which every record begins. */
  type = 0;
  dSeq = 0;
  dNs = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether the payload ends where the last record ended. */
  get done(): boolean {
    return this.end === this.#bytes.length;
  }

  /** Goes to the next record: undefined when it is sound, else why it is not. */
  next(withPrefix = true): string | undefined {
    this.start = this.end;
    const items = this.#arrayLength(this.start);
    if (items < 0) return 'a record that is not an array';
    if (withPrefix) {
      if (items < 3) return 'a record without its first three fields';
      let at = this.#at;
      this.type = this.#uint(at);
      at = this.#at;
      this.dSeq = this.#uint(at);
      at = this.#at;
      this.dNs = this.#uint(at);
      if (this.type < 0 || this.dSeq < 0 || this.dNs < 0)
        return 'a record whose first three fields are not whole numbers';
    }
    return this.#skip(this.start);
  }

  #at = 0;
  /** Items still to come of each array that is open: one list for all records, since a payload has thousands. */
  readonly #left = new Uint32Array(limits.depth);

  /** Number of items of the array at `at`, or -1. Leaves `#at` behind its head. */
  #arrayLength(at: number): number {
    const head = this.#bytes[at];
    if (head === undefined) return -1;
    if (head >= 0x90 && head <= 0x9f) {
      this.#at = at + 1;
      return head & 0x0f;
    }
    if (head === 0xdc && at + 3 <= this.#bytes.length) {
      this.#at = at + 3;
      return this.#view.getUint16(at + 1);
    }
    if (head === 0xdd && at + 5 <= this.#bytes.length) {
      this.#at = at + 5;
      return this.#view.getUint32(at + 1);
    }
    return -1;
  }

  /** The unsigned integer below 2^32 at `at`, or -1. Leaves `#at` behind it. */
  #uint(at: number): number {
    const head = this.#bytes[at];
    const room = this.#bytes.length - at;
    if (head === undefined) return -1;
    if (head <= 0x7f) {
      this.#at = at + 1;
      return head;
    }
    if (head === 0xcc && room >= 2) {
      this.#at = at + 2;
      return this.#view.getUint8(at + 1);
    }
    if (head === 0xcd && room >= 3) {
      this.#at = at + 3;
      return this.#view.getUint16(at + 1);
    }
    if (head === 0xce && room >= 5) {
      this.#at = at + 5;
      return this.#view.getUint32(at + 1);
    }
    return -1;
  }

  /** Steps over the value at `from`. Leaves `end` behind it. */
  #skip(from: number): string | undefined {
    const bytes = this.#bytes;
    const view = this.#view;
    const length = bytes.length;
    const left = this.#left;
    let open = 0;
    let elements = 0;
    let at = from;
    do {
      const head = bytes[at];
      if (head === undefined) return 'a record that does not end';
      let items = -1;
      if (head <= 0x7f || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) at += 1;
      else if (head >= 0xa0 && head <= 0xbf) at += 1 + (head & 0x1f);
      else if (head >= 0x90 && head <= 0x9f) {
        items = head & 0x0f;
        at += 1;
      } else {
        const size = headSizes.get(head);
        if (size === undefined) return `a value of a kind that captures do not use (0x${head.toString(16)})`;
        if (at + size > length) return 'a record that does not end';
        const kind = head;
        if (kind === 0xdc) items = view.getUint16(at + 1);
        else if (kind === 0xdd) items = view.getUint32(at + 1);
        let body = 0;
        if (kind === 0xc4 || kind === 0xd9) body = view.getUint8(at + 1);
        else if (kind === 0xc5 || kind === 0xda) body = view.getUint16(at + 1);
        else if (kind === 0xc6 || kind === 0xdb) body = view.getUint32(at + 1);
        if (kind >= 0xd9 && kind <= 0xdb && body > limits.string) return `a string of ${body} bytes`;
        at += size + body;
      }
      if (at > length) return 'a record that does not end';
      if (open > 0) left[open - 1] = (left[open - 1] ?? 1) - 1;
      if (items >= 0) {
        elements += items;
        if (elements > limits.elements) return `more than ${limits.elements} values in one record`;
        if (open >= limits.depth) return `arrays nested more than ${limits.depth} deep`;
        left[open++] = items;
      }
      while (open > 0 && left[open - 1] === 0) open--;
    } while (open > 0);
    this.end = at;
    return undefined;
  }
}

/** Bytes of head and fixed-size value, for the kinds that a record may hold beyond the one-byte ones. */
const headSizes: ReadonlyMap<number, number> = new Map([
  [0xc4, 2], // bin
  [0xc5, 3],
  [0xc6, 5],
  [0xca, 5], // float
  [0xcb, 9],
  [0xcc, 2], // unsigned
  [0xcd, 3],
  [0xce, 5],
  [0xcf, 9],
  [0xd0, 2], // signed
  [0xd1, 3],
  [0xd2, 5],
  [0xd3, 9],
  [0xd9, 2], // str
  [0xda, 3],
  [0xdb, 5],
  [0xdc, 3], // array
  [0xdd, 5],
]);

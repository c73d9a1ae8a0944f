const none = new Int32Array(0);
const firstCapacity = 64;
/** A store that grew beyond this is given back. */
const mostKept = 1 << 20;

// What stands for a piece.
const asBytes = 0;
const zeros = 1;
const zeroVarint = 2;
/** The piece stays: a place that was taken for a length that did not change. */
const asItIs = 3;

/**
 * Replacements in a message, in order and apart from each other. The length of a message within it is taken up before what is in it,
 * and set afterwards. Used again after {@link clear}.
 */
export class WireEdits {
  count = 0;
  /** How much longer all becomes by the replacements so far. */
  growth = 0;
  #starts = none;
  #ends = none;
  #kinds = none;
  #places = none;
  #lengths = none;
  #store: Buffer = Buffer.alloc(0);
  #used = 0;

  clear(): void {
    this.count = 0;
    this.growth = 0;
    this.#used = 0;
    if (this.#store.length > mostKept) this.#store = Buffer.alloc(0);
  }

  remove(start: number, end: number): void {
    this.#add(start, end, asBytes, this.#used, 0);
  }

  /** As many bytes of zero. */
  zero(start: number, end: number): void {
    this.#add(start, end, zeros, 0, end - start);
  }

  /** A varint of zero that is as long. */
  zeroVarint(start: number, end: number): void {
    this.#add(start, end, zeroVarint, 0, end - start);
  }

  /** A length, and the text that is so long. */
  sizedText(start: number, end: number, text: string): void {
    const length = Buffer.byteLength(text);
    this.#room(10 + length);
    const place = this.#used;
    this.#varint(length);
    this.#used += this.#store.write(text, this.#used);
    this.#add(start, end, asBytes, place, this.#used - place);
  }

  /** A length, and `source[from..to)`. */
  sizedBytes(start: number, end: number, source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    this.#room(10 + length);
    const place = this.#used;
    this.#varint(length);
    const store = this.#store;
    for (let i = 0; i < length; i++) store[this.#used + i] = source[from + i] ?? 0;
    this.#used += length;
    this.#add(start, end, asBytes, place, this.#used - place);
  }

  /** Takes up a length that stands in `start..end`. Its number is for {@link setLength}. */
  length(start: number, end: number): number {
    this.#add(start, end, asItIs, 0, end - start);
    return this.count - 1;
  }

  setLength(edit: number, length: number): void {
    this.#room(10);
    const place = this.#used;
    this.#varint(length);
    this.#kinds[edit] = asBytes;
    this.#places[edit] = place;
    this.#lengths[edit] = this.#used - place;
    this.growth += this.#used - place - ((this.#ends[edit] ?? 0) - (this.#starts[edit] ?? 0));
  }

  /** Forgets the replacements from this one on. */
  truncate(count: number, growth: number): void {
    this.count = count;
    this.growth = growth;
  }

  /** The bytes with what stands in place of them; a copy. */
  apply(bytes: Uint8Array): Buffer {
    const out = Buffer.allocUnsafe(bytes.length + this.growth);
    let to = 0;
    let from = 0;
    for (let i = 0; i < this.count; i++) {
      const kind = this.#kinds[i];
      if (kind === asItIs) continue;
      const start = this.#starts[i] ?? 0;
      const length = this.#lengths[i] ?? 0;
      if (start > from) {
        copy(out, to, bytes, from, start);
        to += start - from;
      }
      if (kind === asBytes) copy(out, to, this.#store, this.#places[i] ?? 0, (this.#places[i] ?? 0) + length);
      else out.fill(kind === zeros ? 0 : 0x80, to, to + length);
      to += length;
      if (kind === zeroVarint) out[to - 1] = 0;
      from = this.#ends[i] ?? 0;
    }
    copy(out, to, bytes, from, bytes.length);
    return out;
  }

  #add(start: number, end: number, kind: number, place: number, length: number): void {
    const i = this.count++;
    if (i >= this.#starts.length) this.#grow();
    this.#starts[i] = start;
    this.#ends[i] = end;
    this.#kinds[i] = kind;
    this.#places[i] = place;
    this.#lengths[i] = length;
    this.growth += length - (end - start);
  }

  #grow(): void {
    const capacity = Math.max(firstCapacity, 2 * this.#starts.length);
    this.#starts = grown(this.#starts, capacity);
    this.#ends = grown(this.#ends, capacity);
    this.#kinds = grown(this.#kinds, capacity);
    this.#places = grown(this.#places, capacity);
    this.#lengths = grown(this.#lengths, capacity);
  }

  #varint(value: number): void {
    let left = value;
    while (left > 0x7f) {
      this.#store[this.#used++] = (left % 128) | 0x80;
      left = Math.floor(left / 128);
    }
    this.#store[this.#used++] = left;
  }

  #room(bytes: number): void {
    if (this.#used + bytes <= this.#store.length) return;
    const store = Buffer.allocUnsafe(Math.max(4096, 2 * this.#store.length, this.#used + bytes));
    this.#store.copy(store, 0, 0, this.#used);
    this.#store = store;
  }
}

function grown(values: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(capacity);
  more.set(values);
  return more;
}

/** Short pieces are copied faster one by one. */
function copy(to: Buffer, at: number, from: Uint8Array, start: number, end: number): void {
  if (end - start > 48) to.set(from.subarray(start, end), at);
  else for (let i = start, k = at; i < end; ) to[k++] = from[i++] ?? 0;
}

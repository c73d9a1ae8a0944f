const none = new Int32Array(0);
/** What is larger is given back before the next use. */
const mostKept = 1 << 20;
/** For so few bytes a loop is quicker than a call out of JavaScript. */
const fewBytes = 48;

/** What is put in place of `[start, end)`; without a text, only other replacements in it are taken out. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string | undefined;
}

/**
 * Replacements in a piece of bytes or text, in order and apart from each other. Used again after {@link clear}: what
 * stands for the values is kept as bytes, one after the other, so that noting a replacement allocates nothing.
 */
export class Edits {
  count = 0;
  #starts = none;
  #ends = none;
  /** Where in {@link #store} each replacement is, and its length. */
  #places = none;
  #lengths = none;
  #store: Uint8Array = new Uint8Array(0);
  #used = 0;

  clear(): void {
    this.count = 0;
    this.#used = 0;
    if (this.#store.length > mostKept) this.#store = new Uint8Array(0);
  }

  add(start: number, end: number, text: string): void {
    const place = this.#used;
    this.#write(text);
    this.#add(start, end, place, this.#used - place);
  }

  /** The same with a replacement that is bytes already: `source[from..to)`. */
  addBytes(start: number, end: number, source: Uint8Array, from: number, to: number): void {
    const place = this.#used;
    const length = to - from;
    if (place + length > this.#store.length) this.#grow(length);
    const store = this.#store;
    for (let i = 0; i < length; i++) store[place + i] = source[from + i] ?? 0;
    this.#used = place + length;
    this.#add(start, end, place, length);
  }

  append(others: Edits): void {
    for (let i = 0; i < others.count; i++) {
      const place = others.#places[i] ?? 0;
      const to = place + (others.#lengths[i] ?? 0);
      this.addBytes(others.#starts[i] ?? 0, others.#ends[i] ?? 0, others.#store, place, to);
    }
  }

  /**
   * Puts replacements among those from `index` on, in place of what stands within them. They are in order and apart; one
   * without a text only takes out. In one pass, however many there are.
   */
  put(index: number, replacements: readonly Replacement[]): void {
    const starts = this.#starts.slice(index, this.count);
    const ends = this.#ends.slice(index, this.count);
    const places = this.#places.slice(index, this.count);
    const lengths = this.#lengths.slice(index, this.count);
    this.count = index;
    let i = 0;
    const again = (): void => {
      this.#add(starts[i] ?? 0, ends[i] ?? 0, places[i] ?? 0, lengths[i] ?? 0);
      i++;
    };
    for (const { start, end, text } of replacements) {
      while (i < starts.length && (starts[i] ?? 0) < start) again();
      while (i < starts.length && (ends[i] ?? 0) <= end) i++;
      if (text !== undefined) this.add(start, end, text);
    }
    while (i < starts.length) again();
  }

  /** Forgets those from `index` on. */
  truncate(index: number): void {
    this.count = index;
  }

  applyToBytes(bytes: Buffer): Buffer {
    const { count } = this;
    const [starts, ends, places, lengths] = [this.#starts, this.#ends, this.#places, this.#lengths];
    let growth = 0;
    let most = 0;
    for (let i = 0; i < count; i++) {
      growth += (lengths[i] ?? 0) - (ends[i] ?? 0) + (starts[i] ?? 0);
      if (growth > most) most = growth;
    }
    // The old bytes go to the end of the new ones and move forward from there, which needs no view for each move.
    const out = Buffer.allocUnsafe(bytes.length + most);
    out.set(bytes, most);
    const store = this.#store;
    let from = 0;
    let to = 0;
    for (let i = 0; i < count; i++) {
      const start = starts[i] ?? 0;
      move(out, to, from + most, start + most);
      to += start - from;
      const place = places[i] ?? 0;
      const length = lengths[i] ?? 0;
      for (let k = 0; k < length; k++) out[to + k] = store[place + k] ?? 0;
      to += length;
      from = ends[i] ?? 0;
    }
    move(out, to, from + most, bytes.length + most);
    return growth === most ? out : out.subarray(0, bytes.length + growth);
  }

  /** The same on a text whose characters are counted as bytes were. */
  applyToText(text: string): string {
    let out = '';
    let from = 0;
    for (let i = 0; i < this.count; i++) {
      out += text.slice(from, this.#starts[i]) + this.#text(i);
      from = this.#ends[i] ?? 0;
    }
    return out + text.slice(from);
  }

  /**
   * Where places in the old bytes are in the new ones. A place within a replaced value goes to the end of what stands
   * for it. `places` never falls.
   */
  mapPlaces(places: readonly number[]): number[] {
    const mapped: number[] = [];
    let i = 0;
    let shift = 0;
    for (const place of places) {
      while (i < this.count && (this.#ends[i] ?? 0) <= place) {
        shift += this.#growth(i);
        i++;
      }
      const inside = i < this.count && (this.#starts[i] ?? 0) < place;
      mapped.push(inside ? (this.#ends[i] ?? 0) + shift + this.#growth(i) : place + shift);
    }
    return mapped;
  }

  #add(start: number, end: number, place: number, length: number): void {
    const index = this.count++;
    if (index === this.#starts.length) {
      this.#starts = longer(this.#starts);
      this.#ends = longer(this.#ends);
      this.#places = longer(this.#places);
      this.#lengths = longer(this.#lengths);
    }
    this.#starts[index] = start;
    this.#ends[index] = end;
    this.#places[index] = place;
    this.#lengths[index] = length;
  }

  /** Nearly all replacements are tokens, which are short and ASCII: for them a loop is quicker than an encoder. */
  #write(text: string): void {
    // No character takes more than three bytes.
    if (this.#used + text.length * 3 > this.#store.length) this.#grow(text.length * 3);
    const store = this.#store;
    if (text.length <= fewBytes) {
      let at = this.#used;
      let i = 0;
      for (; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        store[at++] = code;
      }
      if (i === text.length) {
        this.#used = at;
        return;
      }
    }
    this.#used += encoder.encodeInto(text, store.subarray(this.#used)).written;
  }

  #grow(length: number): void {
    const longerStore = new Uint8Array(Math.max(256, this.#store.length * 2, this.#used + length));
    longerStore.set(this.#store);
    this.#store = longerStore;
  }

  #growth(i: number): number {
    return (this.#lengths[i] ?? 0) - (this.#ends[i] ?? 0) + (this.#starts[i] ?? 0);
  }

  #text(i: number): string {
    const place = this.#places[i] ?? 0;
    return Buffer.from(this.#store.buffer, place, this.#lengths[i] ?? 0).toString('utf8');
  }
}

const encoder = new TextEncoder();

function longer(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const out = new Int32Array(Math.max(8, column.length * 2));
  out.set(column);
  return out;
}

/** Moves `bytes[from..end)` to `to`, which is before it. */
function move(bytes: Uint8Array, to: number, from: number, end: number): void {
  if (to === from) return;
  if (end - from > fewBytes) bytes.copyWithin(to, from, end);
  else for (let i = from, k = to; i < end; i++, k++) bytes[k] = bytes[i] ?? 0;
}

/** Replacements in a piece of bytes or text, in order and apart from each other. Used again after {@link clear}. */
export class Edits {
  count = 0;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #texts: string[] = [];

  clear(): void {
    this.count = 0;
  }

  add(start: number, end: number, text: string): void {
    this.#starts[this.count] = start;
    this.#ends[this.count] = end;
    this.#texts[this.count] = text;
    this.count++;
  }

  append(others: Edits): void {
    for (let i = 0; i < others.count; i++) {
      this.add(others.#starts[i] ?? 0, others.#ends[i] ?? 0, others.#texts[i] ?? '');
    }
  }

  /** Puts one in front of those from `index` on. */
  insert(index: number, start: number, end: number, text: string): void {
    this.#starts.length = this.count;
    this.#ends.length = this.count;
    this.#texts.length = this.count;
    this.#starts.splice(index, 0, start);
    this.#ends.splice(index, 0, end);
    this.#texts.splice(index, 0, text);
    this.count++;
  }

  /** Forgets those from `index` on that end at `end` or before it. */
  dropUntil(index: number, end: number): void {
    let to = index;
    while (to < this.count && (this.#ends[to] ?? 0) <= end) to++;
    const gone = to - index;
    if (gone === 0) return;
    this.#starts.copyWithin(index, to, this.count);
    this.#ends.copyWithin(index, to, this.count);
    this.#texts.copyWithin(index, to, this.count);
    this.count -= gone;
  }

  /** Forgets those from `index` on. */
  truncate(index: number): void {
    this.count = index;
  }

  applyToBytes(bytes: Buffer): Buffer {
    let length = bytes.length;
    for (let i = 0; i < this.count; i++) length += this.#growth(i);
    const out = Buffer.allocUnsafe(length);
    let from = 0;
    let to = 0;
    for (let i = 0; i < this.count; i++) {
      const start = this.#starts[i] ?? 0;
      const text = this.#texts[i] ?? '';
      bytes.copy(out, to, from, start);
      to += start - from;
      to += out.write(text, to, isAscii(text) ? 'latin1' : 'utf8');
      from = this.#ends[i] ?? 0;
    }
    bytes.copy(out, to, from);
    return out;
  }

  /** The same on a text whose characters are counted as bytes were. */
  applyToText(text: string): string {
    let out = '';
    let from = 0;
    for (let i = 0; i < this.count; i++) {
      out += text.slice(from, this.#starts[i]) + this.#texts[i];
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

  #growth(i: number): number {
    const text = this.#texts[i] ?? '';
    const length = isAscii(text) ? text.length : Buffer.byteLength(text);
    return length - (this.#ends[i] ?? 0) + (this.#starts[i] ?? 0);
  }
}

/** Nearly all replacements are tokens: for short texts this is quicker than to have the bytes counted. */
function isAscii(text: string): boolean {
  if (text.length > 64) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

/** Up to this length, a loop over the bytes is faster than a call that copies them. */
const loopBytes = 24;
/** Up to this length, content is put beside other content: memory of its own costs more than its bytes. */
const sharingBytes = 2048;
/** Kept in memory for as long as one piece of content in it is. */
const slabBytes = 16 * 1024;

/** Copies content out of memory that will be used again. */
export class ContentCopier {
  readonly #from: Buffer;
  #slab: ArrayBuffer | undefined;
  #used = 0;

  constructor(from: Buffer) {
    this.#from = from;
  }

  copy(start: number, length: number): Uint8Array {
    const to = length > loopBytes && length <= sharingBytes ? this.#shared(length) : new Uint8Array(length);
    if (length > loopBytes) this.#from.copy(to, 0, start, start + length);
    else for (let i = 0; i < length; i++) to[i] = this.#from[start + i] ?? 0;
    return to;
  }

  #shared(length: number): Uint8Array {
    let slab = this.#slab;
    if (slab === undefined || this.#used + length > slabBytes) {
      slab = new ArrayBuffer(slabBytes);
      this.#slab = slab;
      this.#used = 0;
    }
    const place = new Uint8Array(slab, this.#used, length);
    this.#used += (length + 7) & ~7;
    return place;
  }
}

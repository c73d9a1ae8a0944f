/** A buffer that raw events are packed into, seen as bytes and as numbers. */
export interface PackedBuffer {
  readonly memory: ArrayBuffer;
  readonly bytes: Buffer;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  used: number;
}

/** Hands out buffers for packing, never more bytes at once than its bound, and takes them back. */
export class BufferPool {
  readonly #bufferBytes: number;
  readonly #maxBytes: number;
  readonly #free: ArrayBuffer[] = [];
  #allocated = 0;

  constructor(bufferBytes: number, maxBytes: number) {
    this.#bufferBytes = bufferBytes;
    this.#maxBytes = maxBytes;
  }

  /** Bytes handed out, or kept for the next to ask. */
  get allocatedBytes(): number {
    return this.#allocated;
  }

  /** Bytes handed out and not come back. */
  get heldBytes(): number {
    return this.#allocated - this.#free.length * this.#bufferBytes;
  }

  /** A buffer of at least this size, or undefined when that would go over the bound. */
  take(atLeast: number): PackedBuffer | undefined {
    if (atLeast <= this.#bufferBytes) {
      const free = this.#free.pop();
      if (free !== undefined) return view(free);
    }
    const size = Math.max(atLeast, this.#bufferBytes);
    while (this.#allocated + size > this.#maxBytes && this.#free.pop() !== undefined) {
      this.#allocated -= this.#bufferBytes;
    }
    if (this.#allocated + size > this.#maxBytes) return undefined;
    this.#allocated += size;
    return view(new ArrayBuffer(size));
  }

  /** Takes a buffer back. One made larger for a large body is not kept. */
  giveBack(memory: ArrayBuffer): void {
    if (memory.byteLength === this.#bufferBytes) this.#free.push(memory);
    else this.#allocated -= memory.byteLength;
  }
}

function view(memory: ArrayBuffer): PackedBuffer {
  return {
    memory,
    bytes: Buffer.from(memory),
    u32: new Uint32Array(memory),
    f64: new Float64Array(memory),
    used: 0,
  };
}

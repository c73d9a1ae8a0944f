/**
 * A buffer that raw events are packed into, seen as bytes and as numbers. It is shared with the thread that reads it, one
 * side at a time: an `ArrayBuffer` transferred to and fro would be new memory to the garbage collector each time, which
 * then stops the application for it.
 */
export interface PackedBuffer {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Buffer;
  /** Length of the memory, which is a call to ask it for. */
  readonly size: number;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  used: number;
}

/** Hands out buffers for packing, never more bytes at once than its bound, and takes them back. */
export class BufferPool {
  readonly #bufferBytes: number;
  readonly #maxBytes: number;
  readonly #free: PackedBuffer[] = [];
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
      if (free !== undefined) {
        free.used = 0;
        return free;
      }
    }
    const size = Math.max(atLeast, this.#bufferBytes);
    while (this.#allocated + size > this.#maxBytes && this.#free.pop() !== undefined) {
      this.#allocated -= this.#bufferBytes;
    }
    if (this.#allocated + size > this.#maxBytes) return undefined;
    this.#allocated += size;
    return view(new SharedArrayBuffer(size));
  }

  /** Takes a buffer back. One made larger for a large body is not kept. */
  giveBack(buffer: PackedBuffer): void {
    const { size } = buffer;
    if (size === this.#bufferBytes) this.#free.push(buffer);
    else this.#allocated -= size;
  }
}

function view(memory: SharedArrayBuffer): PackedBuffer {
  return {
    memory,
    bytes: Buffer.from(memory),
    size: memory.byteLength,
    u32: new Uint32Array(memory),
    f64: new Float64Array(memory),
    used: 0,
  };
}

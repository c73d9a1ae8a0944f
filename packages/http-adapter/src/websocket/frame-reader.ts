import type { Room } from './room.ts';

/** What the four bits of a frame say it is (RFC 6455 section 5.2). */
export const opcode = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameReaderOptions {
  /** Bytes that are held of a message; what comes after them is counted. */
  readonly maxBytes: number;
  /** The same of a compressed message, of which a beginning is of no use. */
  readonly maxCompressedBytes: number;
  /** Where the bytes that messages under assembly hold are taken from. */
  readonly room: Room;
  /** Whether each frame must be masked, or must not be. Default either: both can be read. */
  readonly masked?: boolean | undefined;
  /** Whether the first of the reserved bits tells a compressed message (RFC 7692 section 6). */
  readonly deflate: boolean;
}

/** A message, put together from its frames. */
export interface FrameMessage {
  readonly opcode: number;
  /** Its bytes, as they are without the mask; only the beginning where they are fewer than `size`. Valid during the call. */
  readonly data: Buffer;
  /** Bytes that passed. */
  readonly size: number;
  readonly compressed: boolean;
}

/** Why bytes are no frames. */
export class FrameFault extends Error {}

const noBytes = Buffer.alloc(0);
/** What a message under assembly begins with. */
const firstHeld = 256;
const maxControlBytes = 125;

/**
 * Finds the messages in one direction of a WebSocket, however its bytes are cut (RFC 6455 section 5). Nothing is allocated for
 * what a length announces: room grows with the bytes that come, up to the limits.
 */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #tell: (message: FrameMessage) => void;
  readonly #head: Buffer = Buffer.alloc(14);
  #headLength = 0;
  // Of the frame under way.
  #inFrame = false;
  #final = false;
  #masked = false;
  #opcode = 0;
  #length = 0;
  #left = 0;
  #position = 0;
  // Of the message under way, and of the control frame that may come between its frames.
  readonly #message: Held;
  readonly #control: Held;
  #messageOpcode = 0;
  #compressed = false;
  #closed = false;

  constructor(options: FrameReaderOptions, tell: (message: FrameMessage) => void) {
    this.#options = options;
    this.#tell = tell;
    this.#message = new Held(options.room);
    this.#control = new Held(options.room);
  }

  /** Whether the bytes so far end where a message does. */
  get between(): boolean {
    return !this.#inFrame && this.#headLength === 0 && this.#messageOpcode === 0;
  }

  /**
   * @throws {@link FrameFault} when the bytes are no frames; nothing can be read after that
   */
  push(bytes: Buffer): void {
    for (let from = 0; from < bytes.length && !this.#closed; ) {
      from = this.#inFrame ? this.#readPayload(bytes, from) : this.#readHead(bytes, from);
    }
  }

  /** Gives up what is held, and reads nothing more. */
  close(): void {
    this.#closed = true;
    this.#message.drop();
    this.#control.drop();
  }

  #readHead(bytes: Buffer, start: number): number {
    let from = start;
    for (let wanted = this.#headWanted(); this.#headLength < wanted; wanted = this.#headWanted()) {
      if (from === bytes.length) return from;
      this.#head[this.#headLength++] = bytes[from++] ?? 0;
    }
    this.#headLength = 0;
    this.#begin(this.#head[0] ?? 0, this.#head[1] ?? 0);
    if (this.#left === 0) this.#frameEnded(undefined);
    return from;
  }

  /** Bytes of the head, as far as it tells. */
  #headWanted(): number {
    if (this.#headLength < 2) return 2;
    const second = this.#head[1] ?? 0;
    const short = second & 0x7f;
    return 2 + (short === 127 ? 8 : short === 126 ? 2 : 0) + (second >= 0x80 ? 4 : 0);
  }

  #begin(first: number, second: number): void {
    const short = second & 0x7f;
    this.#final = (first & 0x80) !== 0;
    this.#masked = (second & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    this.#length = short;
    if (short === 126) this.#length = this.#head.readUInt16BE(2);
    if (short === 127) {
      const high = this.#head.readUInt32BE(2);
      if (high > 0x1f_ffff) throw new FrameFault('the length of a frame is too large to count');
      this.#length = high * 0x1_0000_0000 + this.#head.readUInt32BE(6);
    }
    this.#left = this.#length;
    this.#position = 0;
    this.#inFrame = true;
    this.#check((first & 0x70) >> 4);
  }

  /** What can be understood in one way only (RFC 6455 sections 5.2, 5.4 and 5.5). */
  #check(reserved: number): void {
    const { masked, deflate } = this.#options;
    if (masked !== undefined && masked !== this.#masked) {
      throw new FrameFault(masked ? 'a frame is not masked' : 'a frame is masked');
    }
    const begins = this.#opcode === opcode.text || this.#opcode === opcode.binary;
    if (reserved !== 0 && !(reserved === 4 && deflate && begins)) {
      throw new FrameFault('a frame has a reserved bit that no extension gives a meaning to');
    }
    if (this.#opcode >= opcode.close) {
      if (this.#opcode > opcode.pong) throw unknown(this.#opcode);
      if (!this.#final) throw new FrameFault('a control frame is fragmented');
      if (this.#left > maxControlBytes) throw new FrameFault('a control frame is longer than 125 bytes');
      return;
    }
    if (begins) {
      if (this.#messageOpcode !== 0) throw new FrameFault('a message begins within another');
      this.#messageOpcode = this.#opcode;
      this.#compressed = reserved === 4;
    } else if (this.#opcode !== opcode.more) throw unknown(this.#opcode);
    else if (this.#messageOpcode === 0)
      throw new FrameFault('a frame goes on with a message that did not begin');
  }

  #readPayload(bytes: Buffer, from: number): number {
    const end = Math.min(bytes.length, from + this.#left);
    const piece = bytes.subarray(from, end);
    this.#left -= piece.length;
    const ends = this.#left === 0;
    const held = this.#opcode >= opcode.close ? this.#control : this.#message;
    // Nearly all messages are one frame that comes in one piece.
    if (ends && this.#position === 0 && this.#final && held.size === 0) {
      this.#frameEnded(this.#masked ? this.#unmasked(piece, this.#limit()) : piece);
    } else {
      this.#hold(held, piece);
      this.#position += piece.length;
      if (ends) this.#frameEnded(undefined);
    }
    return end;
  }

  #limit(): number {
    if (this.#opcode >= opcode.close) return maxControlBytes;
    return this.#compressed ? this.#options.maxCompressedBytes : this.#options.maxBytes;
  }

  #hold(held: Held, piece: Buffer): void {
    const taken = held.take(piece, this.#limit());
    if (this.#masked) unmask(taken, this.#head, this.#keyAt(), this.#position);
  }

  #unmasked(piece: Buffer, limit: number): Buffer {
    const copy = Buffer.from(piece.subarray(0, limit));
    unmask(copy, this.#head, this.#keyAt(), 0);
    return copy;
  }

  /** Where the key stands in the head. */
  #keyAt(): number {
    const short = (this.#head[1] ?? 0) & 0x7f;
    return short === 127 ? 10 : short === 126 ? 4 : 2;
  }

  /** @param whole - The only bytes of the message; undefined where they are held */
  #frameEnded(whole: Buffer | undefined): void {
    this.#inFrame = false;
    const control = this.#opcode >= opcode.close;
    if (!control && !this.#final) return;
    const held = control ? this.#control : this.#message;
    const kind = control ? this.#opcode : this.#messageOpcode;
    const compressed = !control && this.#compressed;
    if (!control) this.#messageOpcode = 0;
    const size = whole === undefined ? held.size : this.#length;
    const data = whole === undefined ? held.bytes : whole.subarray(0, this.#limit());
    try {
      this.#tell({ opcode: kind, data, size, compressed });
    } finally {
      held.drop();
    }
  }
}

/** The beginning of what is not whole yet. */
class Held {
  readonly #room: Room;
  #bytes: Buffer = noBytes;
  #used = 0;
  /** Bytes that passed, held or not. */
  size = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#used);
  }

  /** Holds of the piece what the limit and the room allow, and gives that. */
  take(piece: Buffer, limit: number): Buffer {
    // What is held is a beginning: nothing is added behind what was left out.
    const whole = this.size === this.#used;
    this.size += piece.length;
    const wanted = whole ? Math.min(limit, this.#used + piece.length) : this.#used;
    if (wanted <= this.#used || !this.#grow(wanted, limit)) return noBytes;
    const from = this.#used;
    piece.copy(this.#bytes, from, 0, wanted - from);
    this.#used = wanted;
    return this.#bytes.subarray(from, wanted);
  }

  drop(): void {
    if (this.#bytes.length > 0) this.#room.bytes += this.#bytes.length;
    this.#bytes = noBytes;
    this.#used = 0;
    this.size = 0;
  }

  #grow(wanted: number, limit: number): boolean {
    const had = this.#bytes.length;
    if (wanted <= had) return true;
    const length = Math.max(wanted, Math.min(limit, Math.max(firstHeld, 2 * had)));
    if (length - had > this.#room.bytes) return false;
    this.#room.bytes -= length - had;
    const grown = Buffer.allocUnsafeSlow(length);
    this.#bytes.copy(grown, 0, 0, this.#used);
    this.#bytes = grown;
    return true;
  }
}

/** Takes the mask off in place, or puts it on (RFC 6455 section 5.3). `position` is that of the first byte in its frame. */
export function unmask(bytes: Buffer, key: Buffer, keyAt: number, position: number): void {
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (bytes[i] ?? 0) ^ (key[keyAt + ((position + i) & 3)] ?? 0);
  }
}

function unknown(kind: number): FrameFault {
  return new FrameFault(`a frame has the opcode ${kind}, which has no meaning`);
}

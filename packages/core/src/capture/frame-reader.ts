import { crc32 } from 'node:zlib';
import { GardenhoseError } from '../errors.ts';
import type { ByteWindow } from './byte-window.ts';
import type { ConditionLog } from './condition.ts';
import { criticalFlag, frameHeaderBytes, frameTypes, trailerBytes } from './format.ts';
import { type FrameHeader, frameHeaderFault, isKnownCipher, isKnownCodec, readFrameHeader } from './frame.ts';
import { unsupported } from './header-payload.ts';
import { decodeTrailer } from './summary-payload.ts';

/** A frame whose header and stored payload have the right checksums. */
export interface Frame {
  readonly kind: 'frame';
  readonly offset: number;
  readonly header: FrameHeader;
  /** Good until the next frame is asked for. */
  readonly stored: Uint8Array;
}

/** Something was lost before the next frame; the header of the frame that held it, where that could be read. */
export interface Hole {
  readonly kind: 'hole';
  readonly lost: FrameHeader | undefined;
}

export interface FrameStart {
  /** Undefined when the capture's header is lost: then the first sound frame tells it. */
  readonly sync: Uint8Array | undefined;
  /** The number that the next frame should have. */
  readonly number: number;
  /** Nothing was found so far that makes this a capture: without any frame it is none. */
  readonly doubtful?: boolean | undefined;
}

/**
 * Reads frames to the end of a capture. Looks for the next sync mark wherever a frame is damaged, so that damage costs
 * the frames it hit and no others.
 */
export async function* readFrames(
  window: ByteWindow,
  log: ConditionLog,
  start: FrameStart,
): AsyncGenerator<Frame | Hole, void, undefined> {
  const finder = new FrameFinder(window, start.sync);
  let expected = start.number;
  // Set while frames are searched after damage: where it begins.
  let damageAt: number | undefined = start.sync === undefined ? window.offset : undefined;
  let seemedCut = false;
  for (;;) {
    const searching = damageAt !== undefined;
    const header = searching ? await finder.find(expected) : await finder.here();
    const offset = window.offset;
    if (damageAt !== undefined) {
      log.lostBytes += offset - damageAt;
      if (seemedCut && header !== undefined)
        log.fault('frame', damageAt, 'frames follow after bytes that are none');
      damageAt = undefined;
      seemedCut = false;
    }
    if (header === undefined) {
      if (searching && start.doubtful === true && expected === start.number) throw notACapture(log.subject);
      if (searching || window.available === 0) return log.finish(false, offset);
      if (window.available < frameHeaderBytes) {
        log.lostBytes += window.available;
        log.fault('cut', offset, `${window.available} bytes of a frame header of ${frameHeaderBytes}`);
        return log.finish(false, offset);
      }
      const next = await finder.peekNext(expected, 1);
      seemedCut = !next;
      if (next) log.fault('frame', offset, 'these bytes are no frame header, or its checksum is wrong');
      else log.fault('cut', offset, 'what follows is no frame, and no frame comes after it');
      damageAt = offset;
      continue;
    }
    if (header.number < expected) {
      log.fault(
        'frame',
        offset,
        `frame ${header.number} stands where frame ${expected} should: repeated or out of order`,
      );
      damageAt = offset;
      window.skip(1);
      continue;
    }
    if (header.number > expected) {
      log.fault(
        'missing',
        offset,
        `${header.number - expected} frames are missing before frame ${header.number}`,
      );
      yield { kind: 'hole', lost: undefined };
    }
    expected = header.number + 1;
    const whole = await window.need(frameHeaderBytes + header.storedBytes);
    const bytes = window.view(frameHeaderBytes + header.storedBytes);
    const stored = bytes.subarray(frameHeaderBytes);
    if (!whole || crc32(stored) !== header.crcStored) {
      // The length may count bytes that are gone, so the next frame may stand within what looks like this one.
      window.skip(frameHeaderBytes);
      seemedCut = !whole && !(await finder.peekNext(expected, 0));
      const summary = header.type === frameTypes.index || header.type === frameTypes.footer;
      if (seemedCut) {
        const length = frameHeaderBytes + header.storedBytes;
        log.fault('cut', offset, `${bytes.length} bytes of a frame of ${length}`, !summary);
      } else {
        const kind = summary ? 'summary' : 'chunk';
        log.fault(kind, offset, `the payload of frame ${header.number} does not match its checksum`);
      }
      yield { kind: 'hole', lost: header };
      damageAt = offset;
      continue;
    }
    yield { kind: 'frame', offset, header, stored };
    window.skip(bytes.length);
    if (header.type === frameTypes.footer) {
      await readTrailer(window, log, offset, bytes.length);
      return log.finish(true, window.offset);
    }
  }
}

/** What stands behind the footer: the trailer, and nothing else. */
async function readTrailer(
  window: ByteWindow,
  log: ConditionLog,
  footerOffset: number,
  footerBytes: number,
): Promise<void> {
  const offset = window.offset;
  if (!(await window.need(trailerBytes))) {
    log.lostBytes += window.available;
    return log.fault('cut', offset, `${window.available} bytes of a trailer of ${trailerBytes}`, false);
  }
  const trailer = decodeTrailer(window.view(trailerBytes));
  if (trailer?.footerOffset !== footerOffset || trailer.footerBytes !== footerBytes) {
    log.fault('summary', offset, 'the trailer does not tell where the footer stands');
  }
  window.skip(trailerBytes);
  if (await window.need(1))
    log.fault('summary', window.offset, 'there are bytes after the end of the capture');
}

/** Finds frame headers, by their sync mark where it is known. */
class FrameFinder {
  readonly #window: ByteWindow;
  #sync: Uint8Array | undefined;

  constructor(window: ByteWindow, sync: Uint8Array | undefined) {
    this.#window = window;
    this.#sync = sync;
  }

  /** The header at the window's beginning, if one that can be believed stands there. */
  async here(): Promise<FrameHeader | undefined> {
    if (!(await this.#window.need(frameHeaderBytes))) return undefined;
    const header = this.#read(0);
    if (header !== undefined && header.type > frameTypes.footer && (header.flags & criticalFlag) !== 0) {
      throw unsupported('The capture', `frames of type ${header.type}`);
    }
    return header;
  }

  /** Moves the window to the next header with a number of at least `least`; undefined, at the end, when there is none. */
  async find(least: number): Promise<FrameHeader | undefined> {
    const window = this.#window;
    while (await window.need(frameHeaderBytes)) {
      const at = this.#search(least);
      if (at >= 0) {
        window.skip(at);
        return this.here();
      }
      window.skip(window.available - frameHeaderBytes + 1);
    }
    window.skip(window.available);
    return undefined;
  }

  /** Whether such a header stands within reach: in the bytes at hand, or else in the next 256 KiB. */
  async peekNext(least: number, from: number): Promise<boolean> {
    await this.#window.need(Math.max(this.#window.available, reach));
    return this.#window.available >= frameHeaderBytes && this.#search(least, from) >= 0;
  }

  /** Place of such a header within the bytes at hand, or -1. */
  #search(least: number, from = 0): number {
    const bytes = this.#window.view(this.#window.available);
    const last = bytes.length - frameHeaderBytes;
    const sync = this.#sync;
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = from; at <= last; at++) {
      if (sync !== undefined) {
        at = all.indexOf(sync, at);
        if (at < 0 || at > last) return -1;
      } else if (!looksLikeHeader(all, at)) continue;
      const header = this.#read(at);
      if (header !== undefined && header.number >= least) return at;
    }
    return -1;
  }

  #read(at: number): FrameHeader | undefined {
    const bytes = this.#window.view(at + frameHeaderBytes).subarray(at);
    if (this.#sync !== undefined && !startsWith(bytes, this.#sync)) return undefined;
    const header = readFrameHeader(bytes);
    if (header === undefined || frameHeaderFault(header) !== undefined) return undefined;
    this.#sync ??= bytes.slice(0, 8);
    return header;
  }
}

const reach = 256 * 1024;

/** Spares most places the checksum when the sync mark is lost. */
function looksLikeHeader(bytes: Uint8Array, at: number): boolean {
  const type = bytes[at + 8] ?? 0;
  return (
    type >= 1 &&
    type <= 4 &&
    bytes[at + 9] === 0 &&
    isKnownCodec(bytes[at + 10] ?? 255) &&
    isKnownCipher(bytes[at + 11] ?? 255)
  );
}

/** Neither its beginning nor anything in it is of a capture. */
function notACapture(subject: string): GardenhoseError {
  return new GardenhoseError('not-a-capture', `${subject} is not a capture: there is no frame of one in it`, {
    subject,
  });
}

export function startsWith(bytes: Uint8Array, mark: Uint8Array): boolean {
  return mark.every((byte, i) => bytes[i] === byte);
}

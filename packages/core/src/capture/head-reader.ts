import { crc32 } from 'node:zlib';
import { GardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { ByteWindow } from './byte-window.ts';
import type { ConditionLog } from './condition.ts';
import type { ChunkCipher } from './encryption.ts';
import type { CaptureKey } from './encryption-key.ts';
import { cipherFor } from './encryption-note.ts';
import { codecs, frameHeaderBytes, frameTypes, limits, magic } from './format.ts';
import { type FrameHeader, readFrameHeader } from './frame.ts';
import { type FrameStart, startsWith } from './frame-reader.ts';
import { decodeHeader, lostHeader, unsupported } from './header-payload.ts';

export interface Head extends FrameStart {
  readonly header: CaptureHeader;
  /** False when the header is lost, and `header` says so. */
  readonly sound: boolean;
  /** What decrypts the chunks, where they are encrypted. */
  readonly cipher?: ChunkCipher | undefined;
}

/**
 * Reads the magic and the HEADER frame.
 *
 * @throws GardenhoseError `not-a-capture`, `capture-version`, `capture-feature`, `capture-key`; `capture-damaged` unless salvaging
 */
export async function readHead(
  window: ByteWindow,
  log: ConditionLog,
  key?: CaptureKey | readonly CaptureKey[],
): Promise<Head> {
  const whole = await window.need(magic.length + frameHeaderBytes);
  const bytes = window.view(Math.min(window.available, magic.length + frameHeaderBytes));
  const frame = bytes.subarray(magic.length);
  const header = whole ? headerFrame(frame) : undefined;
  const isMagic = startsWith(bytes, magic);
  if (!isMagic) {
    const why = notACapture(bytes);
    // With a sound HEADER frame behind it, this is a capture whose first bytes were hit.
    if (header === undefined && log.mode !== 'salvage') throw refused(log.subject, why);
    log.fault('header', 0, why);
  }
  if (!whole) throw isMagic ? cut(log.subject, bytes.length) : refused(log.subject, notACapture(bytes));
  if (header === undefined) {
    log.fault('header', magic.length, 'the HEADER frame does not match its checksum');
    if (isMagic) window.skip(magic.length);
    return { header: lostHeader, sound: false, sync: undefined, number: 1, doubtful: !isMagic };
  }
  const sync = frame.slice(0, 8);
  const length = magic.length + frameHeaderBytes + header.storedBytes;
  if (!(await window.need(length))) throw cut(log.subject, window.available);
  const payload = window.view(length).slice(magic.length + frameHeaderBytes);
  if (crc32(payload) !== header.crcStored) {
    log.fault('header', magic.length, 'the content of the HEADER frame does not match its checksum');
    window.skip(magic.length + frameHeaderBytes);
    return { header: lostHeader, sound: false, sync, number: 1 };
  }
  window.skip(length);
  const decoded = decodeHeader(payload, log.subject);
  const cipher = await cipherFor(decoded, payload, key, log.subject);
  return { header: decoded, sound: true, sync, number: 1, cipher };
}

function headerFrame(bytes: Uint8Array): FrameHeader | undefined {
  const header = readFrameHeader(bytes);
  if (header === undefined || header.type !== frameTypes.header || header.number !== 0) return undefined;
  if (header.cipher !== 0) throw unsupported('The capture', `cipher ${header.cipher}`);
  if (header.codec !== codecs.none || header.storedBytes > limits.headerPayload) return undefined;
  return header;
}

function refused(subject: string, why: string): GardenhoseError {
  return new GardenhoseError('not-a-capture', `${subject} is not a capture: ${why}`, { subject, offset: 0 });
}

function cut(subject: string, offset: number): GardenhoseError {
  return new GardenhoseError(
    'capture-truncated',
    `${subject} ends within its header: there is nothing to read`,
    {
      subject,
      offset,
    },
  );
}

/** Says what the first bytes look like instead. */
function notACapture(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty';
  if (bytes[0] === 0x09 && bytes[1] === 0x48)
    return 'a transfer took the high bit off its bytes: copy it as binary';
  if (bytes[0] === 0x89 && bytes[1] === 0x48 && bytes[2] === 0x4f && bytes[3] === 0x53) {
    return 'a transfer changed its line ends: copy it as binary';
  }
  if (bytes.length < magic.length) return `it has only ${bytes.length} bytes`;
  return 'it does not begin as captures do';
}

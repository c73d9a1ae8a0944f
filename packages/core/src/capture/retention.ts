import { closeSync, constants, lstatSync, openSync, readdirSync, readSync, unlinkSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { isGardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import { onlyOptions } from '../model/option-names.ts';
import { ioError, isCode } from './file-output.ts';
import { frameHeaderBytes, magic, trailerBytes } from './format.ts';
import { readFrameHeader } from './frame.ts';
import { startsWith } from './frame-reader.ts';
import { decodeHeader } from './header-payload.ts';
import { decodeTrailer } from './summary-payload.ts';
import { invalidOption, wholeNumber } from './writer-options.ts';

/**
 * How much is kept of what was recorded under one name: `orders.hose`, `orders.1.hose`, `orders.pid-4711.hose` and so on, of this
 * run and of earlier ones. Files beyond any of these limits are removed, the oldest first, whenever a file is begun. Never
 * removed are the file that is being written, those that another process still writes, what was made of recordings (slices, merged
 * captures, those masked again or saved by a flight recorder), and whatever is no capture of the same service; only the first two count.
 */
export interface RetainOptions {
  /** Files kept, the one being written among them: 2 or more. Default: no limit. */
  readonly maxFiles?: number | undefined;
  /**
   * Bytes kept: 8192 or more, and twice `maxFileBytes` where that is given: then room for a whole file is made before it is
   * begun, so that all files together stay below. Default: no limit.
   */
  readonly maxBytes?: number | undefined;
  /** How long a file is kept after it was written to last, in milliseconds: 1000 or more. Default: for ever. */
  readonly maxAgeMs?: number | undefined;
}

/** @throws GardenhoseError `invalid-option` */
export function checkRetain(retain: RetainOptions, maxFileBytes = 0): void {
  if (typeof retain !== 'object' || retain === null) throw invalidOption('retain', String(retain), 'limits');
  onlyOptions('retain', retain, { maxFiles: true, maxBytes: true, maxAgeMs: true });
  const { maxFiles, maxBytes, maxAgeMs } = retain;
  if (maxFiles !== undefined) wholeNumber('retain.maxFiles', maxFiles, 2, Number.MAX_SAFE_INTEGER);
  if (maxBytes !== undefined)
    wholeNumber('retain.maxBytes', maxBytes, Math.max(8192, 2 * maxFileBytes), Number.MAX_SAFE_INTEGER);
  if (maxAgeMs !== undefined) wholeNumber('retain.maxAgeMs', maxAgeMs, 1000, Number.MAX_SAFE_INTEGER);
}

interface OldFile {
  readonly path: string;
  readonly bytes: number;
  readonly changedMs: number;
  /** Undefined for what no recorder wrote as it recorded. */
  readonly header: CaptureHeader | undefined;
}

/**
 * Removes what is beyond the limits, before a file is begun.
 *
 * @param current - The file that is written to, which counts and stays
 * @param nextBytes - Room for the file that is begun
 * @throws GardenhoseError `io` when a file cannot be removed, after all others were tried
 */
export function retain(
  path: string,
  limits: RetainOptions,
  { service, host }: CaptureHeader,
  current: string | undefined,
  nextBytes: number,
  nowMs: number,
): void {
  const { maxFiles = Infinity, maxBytes = Infinity, maxAgeMs = Infinity } = limits;
  const family = filesOf(path).filter((file) => file.path === current || file.header?.service === service);
  let bytes = family.reduce((sum, file) => sum + file.bytes, nextBytes);
  let files = family.length + 1;
  let failure: unknown;
  for (const file of family) {
    const isOver = files > maxFiles || bytes > maxBytes || nowMs - file.changedMs > maxAgeMs;
    if (!isOver || file.path === current || !mayGo(file, host, nowMs)) continue;
    try {
      unlinkSync(file.path);
    } catch (error) {
      if (!isCode(error, 'ENOENT')) {
        failure ??= ioError(file.path, error);
        continue;
      }
    }
    files -= 1;
    bytes -= file.bytes;
  }
  if (failure !== undefined) throw failure;
}

/** Files that bear the name of this one, with anything after a dot or a dash in it; the oldest first. */
function filesOf(path: string): OldFile[] {
  const directory = dirname(path);
  const extension = extname(path);
  const stem = basename(path, extension);
  const found: OldFile[] = [];
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    throw ioError(directory, error);
  }
  for (const name of names) {
    if (!name.startsWith(stem) || !name.endsWith(extension)) continue;
    const between = name.slice(stem.length, name.length - extension.length);
    if (between !== '' && !between.startsWith('.') && !between.startsWith('-')) continue;
    const file = join(directory, name);
    // Not what a link leads to: that was put there by somebody.
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat?.isFile() !== true) continue;
    found.push({ path: file, bytes: stat.size, changedMs: stat.mtimeMs, header: recordedHeader(file) });
  }
  return found.sort((a, b) => a.changedMs - b.changedMs || (a.path < b.path ? -1 : 1));
}

/** Undefined also for what was made of recordings: who made it wants it kept. */
function recordedHeader(path: string): CaptureHeader | undefined {
  const header = reading(path, (fd) => headerOf(fd, path));
  if (header === undefined) return undefined;
  const { tags, mergedFrom, policyHistory, trigger } = header;
  const made = (mergedFrom ?? policyHistory ?? trigger) !== undefined || Object.hasOwn(tags, 'slice-of');
  return made ? undefined : header;
}

/** Whether nobody writes this any more. */
function mayGo({ path, bytes, changedMs, header }: OldFile, ourHost: string, nowMs: number): boolean {
  const end = Buffer.alloc(trailerBytes);
  const isOpened = reading(path, (fd) => {
    readSync(fd, end, 0, trailerBytes, Math.max(0, bytes - trailerBytes));
    return true;
  });
  if (isOpened === undefined || header === undefined) return false;
  if (decodeTrailer(end) !== undefined) return true;
  // On another machine, which shares the directory, nobody can tell whether its writer still runs.
  if (header.host !== ourHost) return false;
  // In containers the process before this one had the same id.
  return header.pid === process.pid ? changedMs < startedMs(nowMs) : !isAlive(header.pid);
}

/** When this process began, by the clock of then or of now, which may have been set: the earlier. */
function startedMs(nowMs: number): number {
  return Math.min(performance.timeOrigin, nowMs - performance.now());
}

/** Undefined where it is gone, or not ours to read: there is nothing to remove either way. */
function reading<T>(path: string, read: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    return read(fd);
  } finally {
    closeSync(fd);
  }
}

/** What a capture says of itself, which no key is needed for. Undefined when it is no capture that this release can read. */
function headerOf(fd: number, path: string): CaptureHeader | undefined {
  const head = Buffer.alloc(magic.length + frameHeaderBytes);
  if (readSync(fd, head, 0, head.length, 0) < head.length || !startsWith(head, magic)) return undefined;
  const frame = readFrameHeader(head.subarray(magic.length));
  if (frame === undefined || frame.storedBytes > 65_536) return undefined;
  const payload = Buffer.alloc(frame.storedBytes);
  if (readSync(fd, payload, 0, payload.length, head.length) < payload.length) return undefined;
  try {
    return decodeHeader(payload, path);
  } catch (error) {
    if (isGardenhoseError(error)) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isCode(error, 'ESRCH');
  }
}

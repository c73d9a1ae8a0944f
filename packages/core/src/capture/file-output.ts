import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { GardenhoseError } from '../errors.ts';
import type { ByteOutput } from './frame-writer.ts';

/**
 * A new file, written in one piece after the other. Its calls block: it is made for a worker, and for the last moments
 * of a process, where nothing can be waited for.
 */
export class FileOutput implements ByteOutput {
  readonly path: string;
  /** What it takes the place of when it is whole. */
  readonly #replaced: string | undefined;
  readonly #fd: number;
  /** A device or a pipe: written to as it is, and never removed or replaced. */
  readonly #special: boolean;
  #position = 0;

  /** @throws GardenhoseError `io` when the file exists and may not be replaced, or cannot be made */
  constructor(path: string, overwrite: boolean, replaced?: string) {
    this.path = path;
    this.#replaced = replaced;
    this.#special = isSpecial(path);
    if (overwrite && !this.#special) remove(path);
    try {
      this.#fd = openSync(path, this.#special ? 'w' : 'wx', 0o600);
    } catch (cause) {
      throw ioError(path, cause, advices.find(([code]) => isCode(cause, code))?.[1]);
    }
  }

  /**
   * A file that replaces one only when it is {@link finish | finished}: until then it stands beside it.
   *
   * @throws GardenhoseError `io`
   */
  static replacing(path: string): FileOutput {
    const beside = `${path}.${randomBytes(6).toString('hex')}.part`;
    return isFile(path) ? new FileOutput(beside, false, path) : new FileOutput(path, true);
  }

  write(bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      const at = this.#special ? null : this.#position;
      const taken = writeSync(this.#fd, bytes, done, bytes.length - done, at);
      done += taken;
      this.#position += taken;
    }
  }

  restore(offset: number): number {
    try {
      ftruncateSync(this.#fd, offset);
      this.#position = offset;
    } catch {
      // The torn frame stays. `position` is where it ends, and that is the answer.
    }
    return this.#position;
  }

  /** @throws GardenhoseError `io` when the file is no longer there under any name */
  checkLinked(): void {
    if (fstatSync(this.#fd).nlink === 0)
      throw ioError(this.path, undefined, 'the file was deleted while it was written');
  }

  /** @throws GardenhoseError `io` */
  sync(): void {
    if (this.#special) return;
    try {
      fdatasyncSync(this.#fd);
    } catch (cause) {
      throw ioError(this.path, cause);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /**
   * Closes a file that is whole, and gives it its name.
   *
   * @throws GardenhoseError `io`
   */
  finish(): void {
    this.sync();
    if (this.#replaced !== undefined) {
      try {
        renameSync(this.path, this.#replaced);
      } catch (cause) {
        throw ioError(this.#replaced, cause);
      }
    }
    this.close();
  }

  /** Closes and removes a file that never became a capture. */
  discard(): void {
    closeSync(this.#fd);
    if (!this.#special) remove(this.path);
  }
}

/** What to do where a file cannot be made, by the platform's code. */
const advices = [
  ['EEXIST', 'there is a file of this name; choose another, or ask for it to be overwritten'],
  ['ENOENT', 'the directory is not there; make it, or write elsewhere'],
  ['ENOTDIR', 'what stands before the last name is no directory; write elsewhere'],
  ['EISDIR', 'it is a directory; name a file in it'],
  [
    'EACCES',
    'this user may not make files there; write elsewhere, or change the permissions of the directory',
  ],
  [
    'EPERM',
    'this user may not make files there; write elsewhere, or change the permissions of the directory',
  ],
  ['EROFS', 'the file system can only be read; write elsewhere'],
] as const;

/** Whether the path leads to something that is there and is neither a file nor a directory. */
function isSpecial(path: string): boolean {
  try {
    const found = statSync(path);
    return !found.isFile() && !found.isDirectory();
  } catch {
    // Not there, or not for us to see: what opening it says is the answer.
    return false;
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** @throws GardenhoseError `io` */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return;
    throw ioError(path, cause, isCode(cause, 'EISDIR') ? 'it is a directory; name a file in it' : undefined);
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Node ends its messages with the call and the path, which stands before the message already. */
function withoutPath(message: string): string {
  return message.replace(/, \w+(?: '.*')?$/s, '');
}

/** What the platform says of a path, as one of our errors. */
export function ioError(path: string, cause: unknown, why?: string): GardenhoseError {
  const reason = why ?? (cause instanceof Error ? withoutPath(cause.message) : String(cause));
  return new GardenhoseError('io', `${path}: ${reason}`, { subject: path, cause });
}

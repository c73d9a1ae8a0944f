import { lstatSync, mkdirSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { FileOutput, ioError, isCode } from './file-output.ts';

/** As {@link SavedFiles.pathOf} makes them: a recording of a service whose name begins with `flight-` is somebody else's. */
const savedName = /^flight-[\w.-]{1,40}-(?:\d{8}|\+\d{10})T\d{9}Z-[\da-f]{8}\.hose(\.part)?$/;
/** What a process that is gone has not finished. */
const abandonedMs = 10 * 60_000;
const longestService = 40;

/** The files that flight recorders have saved in a directory: as many as its quota holds, the oldest are removed first. */
export class SavedFiles {
  readonly #directory: string;
  readonly #maxBytes: number;

  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  /**
   * Makes the directory where it is not there, for its owner alone.
   *
   * @throws GardenhoseError `io`
   */
  prepare(): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw ioError(this.#directory, cause);
    }
  }

  /** A name that sorts by time. The end of it tells files of one moment apart. */
  pathOf(service: string, wallMs: number, id: string): string {
    const date = new Date(Math.max(0, Math.min(wallMs, 8.64e15)));
    const time = date.toISOString().replace(/[-:.]/g, '');
    const name = service.replace(/[^\w.-]+/g, '-').slice(0, longestService) || 'service';
    return join(this.#directory, `flight-${name}-${time}-${id.slice(0, 8)}.hose`);
  }

  /**
   * Makes a file that has its name only when it is whole. Where that fails, nothing stays behind.
   *
   * @throws GardenhoseError `io`, or what `write` throws
   */
  async make(path: string, aboutBytes: number, write: (output: FileOutput) => Promise<void>): Promise<void> {
    this.makeRoom(aboutBytes);
    const part = `${path}.part`;
    const output = new FileOutput(part, true);
    try {
      await write(output);
      output.sync();
    } catch (error) {
      output.discard();
      throw error;
    }
    output.close();
    try {
      renameSync(part, path);
    } catch (cause) {
      throw ioError(path, cause);
    }
  }

  /**
   * Removes the oldest files until these bytes fit with the others into the quota. Other processes may do the same.
   *
   * @param kept - Counts, and stays: where a clock was set back, what was saved just now looks like the oldest. Default none
   */
  makeRoom(bytes: number, kept?: string): void {
    const files = this.#files();
    let used = files.reduce((sum, file) => sum + file.bytes, bytes);
    for (const { path, bytes: size, isPart, ageMs } of files) {
      if (path === kept) continue;
      if (used <= this.#maxBytes && !(isPart && ageMs > abandonedMs)) continue;
      if (isPart && ageMs <= abandonedMs) continue;
      if (removed(path)) used -= size;
    }
  }

  /** Oldest first. */
  #files(): { path: string; bytes: number; isPart: boolean; ageMs: number }[] {
    const found: { path: string; bytes: number; isPart: boolean; mtimeMs: number }[] = [];
    for (const name of namesIn(this.#directory)) {
      const match = savedName.exec(name);
      const path = join(this.#directory, name);
      const stat = match === null ? undefined : lstatSync(path, { throwIfNoEntry: false });
      // Nor what a link leads to.
      if (stat?.isFile() !== true) continue;
      found.push({ path, bytes: stat.size, isPart: match?.[1] !== undefined, mtimeMs: stat.mtimeMs });
    }
    const now = Date.now();
    return found
      .sort((a, b) => a.mtimeMs - b.mtimeMs || a.path.localeCompare(b.path))
      .map(({ mtimeMs, ...file }) => ({ ...file, ageMs: now - mtimeMs }));
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    // Making the file will say what is wrong.
    if (isCode(cause, 'ENOENT') || isCode(cause, 'EACCES')) return [];
    throw ioError(directory, cause);
  }
}

function removed(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (cause) {
    return isCode(cause, 'ENOENT');
  }
}

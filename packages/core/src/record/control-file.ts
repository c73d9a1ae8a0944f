import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import type { After } from './clock-notes.ts';
import type { ControlChange, RecorderControl } from './control.ts';

const lookEveryMs = 1_000;
/** Opening a named pipe would wait for its writer, and the service with it. */
const forReading = constants.O_RDONLY | constants.O_NONBLOCK;
/** What is longer is no control file. */
const mostBytes = 64 * 1024;

/**
 * Keeps a recording as a file says: a JSON object as {@link ControlChange}, or with `"kill": true`. What the file does not say, or where it
 * is not there, is as the recorder was made; that it is empty or gone counts when it was found so twice. It is read once before anything is recorded, and looked at each second from then on: that works
 * on every kind of file system. A file that cannot be read as such changes nothing.
 */
class ControlFile {
  readonly #path: string;
  readonly #control: RecorderControl;
  readonly #after: After;
  /** Told once for each content that is no control. */
  readonly #problem: (message: string) => void;
  #content: string | undefined;
  #wasBlank = false;
  #undo: () => void = () => undefined;
  #stopped = false;

  constructor(path: string, control: RecorderControl, after: After, problem: (message: string) => void) {
    this.#path = path;
    this.#control = control;
    this.#after = after;
    this.#problem = problem;
  }

  start(): void {
    this.#take(readNow(this.#path));
    this.#plan();
  }

  stop(): void {
    this.#stopped = true;
    this.#undo();
  }

  #plan(): void {
    if (this.#stopped) return;
    this.#undo = this.#after(lookEveryMs, () => {
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const content = await readLater(this.#path);
    if (this.#stopped) return;
    // Many who write a file empty it first, or take it away: what it will say is not known then, and a pause must not end for it.
    const isBlank = content === undefined || (typeof content === 'string' && content.trim() === '');
    if (!isBlank || this.#wasBlank) this.#take(content);
    this.#wasBlank = isBlank;
    this.#plan();
  }

  #take(content: string | Error | undefined): void {
    const now = content instanceof Error ? `error ${content.message}` : content;
    if (now === this.#content) return;
    this.#content = now;
    try {
      if (content instanceof Error) throw content;
      const { kill, change } = parse(content);
      if (kill) void this.#control.kill('file');
      else this.#control.set({ ...asMade, ...change }, 'file');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#problem(`the control file ${this.#path} changes nothing: ${why}`);
    }
  }
}

/** Keeps a recording as a file says, from now on, until what is given back is called; see {@link ControlFile}. */
export function watchControlFile(
  path: string,
  control: RecorderControl,
  after: After,
  problem: (message: string) => void,
): () => void {
  const file = new ControlFile(path, control, after, problem);
  file.start();
  return () => file.stop();
}

/** All that a file may leave out. */
const asMade: ControlChange = { paused: false, ratio: null, rules: null };

function parse(content: string | undefined): { readonly kill: boolean; readonly change: ControlChange } {
  if (content === undefined || content.trim() === '') return { kill: false, change: {} };
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    // The message of JSON.parse quotes the text.
    throw new Error('it is no JSON');
  }
  if (typeof value !== 'object' || value === null || !('kill' in value)) {
    return { kill: false, change: changeIn(value) };
  }
  const { kill, ...change } = value;
  if (typeof kill !== 'boolean') throw new Error('"kill" must be true or false');
  return { kill, change: changeIn(change) };
}

function changeIn(value: unknown): ControlChange {
  if (!isObject(value)) throw new Error('it must be an object such as { "ratio": 0.1 }');
  return value;
}

/** What it says is checked as the change is made. */
function isObject(value: unknown): value is ControlChange {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined where there is no file. */
function readNow(path: string): string | Error | undefined {
  try {
    const file = openSync(path, forReading);
    try {
      if (isOther(fstatSync(file))) return noFile();
      const bytes = Buffer.alloc(mostBytes + 1);
      return textOf(bytes, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return problemOf(error);
  }
}

async function readLater(path: string): Promise<string | Error | undefined> {
  try {
    const file = await open(path, forReading);
    try {
      if (isOther(await file.stat())) return noFile();
      const bytes = Buffer.alloc(mostBytes + 1);
      return textOf(bytes, (await file.read(bytes, 0, bytes.length)).bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    return problemOf(error);
  }
}

/** A folder says of itself that it cannot be read. */
const isOther = (stats: Stats): boolean => !stats.isFile() && !stats.isDirectory();

const noFile = (): Error => new Error('it is no regular file');

function textOf(bytes: Buffer, length: number): string | Error {
  return length > mostBytes
    ? new Error(`it is longer than ${mostBytes} bytes`)
    : bytes.toString('utf8', 0, length);
}

function problemOf(error: unknown): Error | undefined {
  if (!(error instanceof Error)) return new Error(String(error));
  return 'code' in error && error.code === 'ENOENT' ? undefined : error;
}

import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { GardenhoseError } from '../errors.ts';
import { ioError, isCode } from './file-output.ts';

/** Bytes that can be read at any place: a file, an object in a store. */
export interface RandomAccess {
  /** Bytes there are now; may grow. */
  size(): Promise<number>;
  /** The bytes from `offset` on: `length` of them, or as many as there are. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens a file to read.
 *
 * @throws GardenhoseError `not-a-capture` for a directory, a pipe or a device; `io`
 */
export async function openFile(path: string): Promise<RandomAccess> {
  try {
    // Asked before opening: opening a named pipe would wait for its writer.
    const found = await stat(path);
    if (!found.isFile()) {
      const what = found.isDirectory() ? 'a directory' : 'not a regular file';
      throw new GardenhoseError('not-a-capture', `${path} is not a capture: it is ${what}`, {
        subject: path,
      });
    }
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return {
      size: async () => (await handle.stat()).size,
      async read(offset, length) {
        const buffer = Buffer.allocUnsafe(length);
        let done = 0;
        while (done < length) {
          const { bytesRead } = await handle.read(buffer, done, length - done, offset + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return buffer.subarray(0, done);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    if (error instanceof GardenhoseError) throw error;
    throw ioError(path, error, isCode(error, 'ENOENT') ? 'there is no such file' : undefined);
  }
}

const pieceBytes = 512 * 1024;

/** The bytes from `offset` to the end, piece by piece. */
export async function* pieces(
  access: RandomAccess,
  offset: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = offset; ; ) {
    const piece = await access.read(at, pieceBytes);
    if (piece.length === 0) return;
    yield piece;
    at += piece.length;
  }
}

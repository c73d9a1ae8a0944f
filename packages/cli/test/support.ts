import { PassThrough } from 'node:stream';
import type { Io } from '../src/io.ts';

/** The streams of a process, in memory. */
export interface MemoryIo {
  readonly io: Io;
  stdout(): string;
  stderr(): string;
}

/** An Io whose output is kept. `terminal` makes standard error one of 80 columns. */
export function memoryIo(options: { readonly terminal?: boolean } = {}): MemoryIo {
  const said = { out: '', err: '' };
  const stdout = new PassThrough().on('data', (piece) => {
    said.out += piece;
  });
  const stderr = Object.assign(new PassThrough(), { isTTY: options.terminal ?? false, columns: 80 });
  stderr.on('data', (piece) => {
    said.err += piece;
  });
  const io: Io = {
    stdin: new PassThrough(),
    stdout,
    stderr,
    env: {},
    stdinIsTerminal: false,
    claimInterrupt: () => new AbortController().signal,
  };
  return { io, stdout: () => said.out, stderr: () => said.err };
}

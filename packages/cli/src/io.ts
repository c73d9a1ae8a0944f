import type { Readable, Writable } from 'node:stream';

/** What a command touches of its process. Passed in, so that `main.ts` alone knows the real one. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdinIsTerminal: boolean;
  /**
   * A command that calls this ends in order when it is interrupted: the first SIGINT or SIGTERM aborts the signal, with
   * the name of the signal as reason; the second calls `end` and ends the process. Without it the first ends the process.
   */
  claimInterrupt(end?: () => void): AbortSignal;
}

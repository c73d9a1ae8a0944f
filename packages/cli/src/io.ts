import type { Readable, Writable } from 'node:stream';

/** What a command touches of its process. Passed in, so that `main.ts` alone knows the real one. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first SIGINT or SIGTERM: finish what is open, then end. The second ends the process at once. */
  readonly interrupt: AbortSignal;
}

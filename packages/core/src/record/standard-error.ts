import { Console } from 'node:console';

let shown: Console | undefined;

/**
 * Writes a line to standard error. Where its reader is gone (EPIPE), the line is lost, and nothing else: a write to the stream itself would then
 * end the process, of which we are a guest.
 */
export function toStandardError(line: string): void {
  shown ??= new Console({ stdout: process.stderr, stderr: process.stderr, ignoreErrors: true });
  shown.error('%s', line);
}

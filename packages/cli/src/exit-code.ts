import { type ErrorCode, isGardenhoseError } from '@gardenhose/core';
import { type ExitCode, exitCodes } from './exit-codes.ts';

export { type ExitCode, exitCodes } from './exit-codes.ts';

const badInput: readonly ErrorCode[] = [
  'not-a-capture',
  'capture-version',
  'capture-feature',
  'capture-damaged',
  'capture-truncated',
  'capture-limit',
  'capture-empty',
  'mask-policy',
  'schema-invalid',
  'request-invalid',
  'report-invalid',
];

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): ExitCode {
  if (isGardenhoseError(error)) {
    if (error.code === 'invalid-option' || error.code === 'mask-key' || error.code === 'capture-key')
      return exitCodes.usage;
    if (error.code === 'target-refused') return exitCodes.refused;
    if (error.code === 'replay-aborted') return exitCodes.inconclusive;
    return badInput.includes(error.code) ? exitCodes.badInput : exitCodes.io;
  }
  return isSystemError(error) ? exitCodes.io : exitCodes.internal;
}

/** Whether the operating system refused something: Node gives such errors a `syscall`. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

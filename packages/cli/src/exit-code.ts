import { type ErrorCode, isGardenhoseError } from '@gardenhose/core';

/** What the process ends with. Kept the same between releases; `docs/reference/cli.md` lists them. */
export const exitCodes = {
  fine: 0,
  /** Differences were found, or the verdict on what was asked is "no". */
  failed: 1,
  /** It ended without a verdict: interrupted, or too little was seen. */
  inconclusive: 2,
  /** A guard refused it; nothing was sent. */
  refused: 3,
  usage: 64,
  badInput: 65,
  internal: 70,
  io: 74,
  /** An interrupt ended it at once: 128 + SIGINT. */
  interrupted: 130,
} as const;

/** A status for `process.exit`; `run` also passes on that of the service it ran. */
export type ExitCode = number;

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
    if (error.code === 'invalid-option' || error.code === 'mask-key') return exitCodes.usage;
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

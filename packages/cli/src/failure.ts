import { isGardenhoseError } from '@gardenhose/core';
import { describeError } from './describe-error.ts';
import { type ExitCode, exitCodeOf, isSystemError } from './exit-code.ts';
import type { Output } from './output.ts';

/** Tells the error that ended a command, and says what to exit with. */
export async function tellFailure(error: unknown, output: Output): Promise<ExitCode> {
  const exit = exitCodeOf(error);
  const message = describeError(error);
  output.error(message);
  await output.document({ error: { code: codeOf(error), message, exit } });
  return exit;
}

function codeOf(error: unknown): string {
  if (isGardenhoseError(error)) return error.code;
  return isSystemError(error) ? 'io' : 'internal';
}

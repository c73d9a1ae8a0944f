import { GardenhoseError } from '@gardenhose/core';

/** A flag that cannot be given where the capture goes to standard output. */
export function notWithStandardOutput(flag: string, why: string): GardenhoseError {
  return new GardenhoseError('invalid-option', `${flag} does not go with -o -: ${why}`, { subject: flag });
}

/**
 * Whether `-o` names standard output.
 *
 * @throws GardenhoseError `invalid-option` when the JSON document would go there too
 */
export function isStandardOutput(flags: { readonly output: string; readonly json?: boolean }): boolean {
  if (flags.output !== '-') return false;
  if (flags.json === true) throw notWithStandardOutput('--json', 'both would write to standard output');
  return true;
}

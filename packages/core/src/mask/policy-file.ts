import { readFileSync } from 'node:fs';
import { GardenhoseError } from '../errors.ts';
import type { Policy } from './policy.ts';
import { isRecord } from './policy-error.ts';

/**
 * A policy from a JSON file. Of what it says only the version is looked at; the rest is checked where a masker is made
 * of it.
 *
 * @throws GardenhoseError `mask-policy` for what is no JSON or of another version; system errors for a file that cannot be read
 */
export function readPolicyFile(path: string): Policy {
  const text = readFileSync(path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : '';
    throw new GardenhoseError('mask-policy', `${path} is no JSON: ${why}`, { subject: path, cause });
  }
  if (isPolicy(value)) return value;
  throw new GardenhoseError(
    'mask-policy',
    `${path} is no mask policy: expected an object with "version": 1`,
    { subject: path },
  );
}

function isPolicy(value: unknown): value is Policy {
  return isRecord(value) && value.version === 1;
}

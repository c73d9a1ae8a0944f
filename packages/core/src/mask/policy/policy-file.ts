import { readFileSync } from 'node:fs';
import { GardenhoseError } from '../../errors.ts';
import { brokenJson } from './broken-json.ts';
import type { Policy } from './policy.ts';
import { isRecord } from './policy-error.ts';

/**
 * A policy from a JSON file. Of what it says only the version is looked at; the rest is checked where a masker is made
 * of it. What is wrong with a file is told without showing any of it, since it may hold a key.
 *
 * @throws GardenhoseError `mask-policy` for what is no JSON or of another version; system errors for a file that cannot be read
 */
export function readPolicyFile(path: string): Policy {
  const text = read(path);
  const problem = brokenJson(text);
  if (problem !== undefined)
    throw new GardenhoseError('mask-policy', `${path} is no JSON: ${problem}`, { subject: path });
  const value: unknown = JSON.parse(text);
  if (isPolicy(value)) return value;
  throw new GardenhoseError(
    'mask-policy',
    `${path} is no mask policy: expected an object with "version": 1`,
    { subject: path },
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // Node does not say which path is a directory.
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
}

function isPolicy(value: unknown): value is Policy {
  return isRecord(value) && value.version === 1;
}

import { GardenhoseError } from '../errors.ts';

/** What is thrown for an option whose value cannot be taken: it begins with the option's name. */
export function invalidOption(option: string, problem: string): GardenhoseError {
  return new GardenhoseError('invalid-option', `${option} ${problem}`, { subject: option });
}

/** @throws {@link GardenhoseError} `invalid-option` when it is no whole number over 0 */
export function wholeOption(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw invalidOption(option, `must be a whole number over 0, got ${String(value)}`);
}

/** @throws {@link GardenhoseError} `invalid-option` when it is neither true nor false */
export function flagOption(option: string, value: boolean | undefined, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw invalidOption(option, `must be true or false, got ${typeof value}`);
}

/**
 * An origin as `http://127.0.0.1:3000`.
 *
 * @param hint - What stands behind the sentence about a path
 * @throws {@link GardenhoseError} `invalid-option` when it is none
 */
export function originOption(option: string, value: string | URL, hint: string = ''): URL {
  const text = String(value);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalidOption(option, `must be an origin such as http://127.0.0.1:3000, got '${text}'`);
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidOption(option, 'must be an origin without a user name or password');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw invalidOption(option, `must be an origin without a path, got '${text}'${hint}`);
  }
  return url;
}

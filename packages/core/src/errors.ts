/**
 * Every code that a {@link GardenhoseError} can carry. The set is closed: match on the code, not on the message.
 * `docs/reference/errors.md` says of each what it means and what to do.
 */
export const errorCodes = [
  'invalid-option',
  'not-a-capture',
  'capture-version',
  'capture-feature',
  'capture-damaged',
  'capture-truncated',
  'capture-limit',
  'capture-empty',
  'capture-key',
  'event-invalid',
  'io',
  'mask-policy',
  'mask-key',
  'schema-invalid',
  'schema-unavailable',
  'hook-failed',
  'hook-timeout',
  'recorder-closed',
  'worker-failed',
  'target-refused',
  'target-unreachable',
  'connection-closed',
  'response-malformed',
  'response-limit',
  'response-timeout',
  'request-invalid',
  'replay-aborted',
  'report-invalid',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Where an error stands: whatever of this is known. Never holds recorded values. */
export interface ErrorPlace {
  /** File, origin or option that the error is about. */
  readonly subject?: string;
  /** Byte offset in a capture. */
  readonly offset?: number;
}

/**
 * The one error class of all Gardenhose packages. The message says what was found, what was expected and where, and
 * holds no recorded value; `code` says which kind of failure it is and stays the same between releases.
 *
 * @example
 * try {
 *   await openCapture('orders.hose');
 * } catch (error) {
 *   if (isGardenhoseError(error, 'not-a-capture')) console.error(error.message);
 * }
 */
export class GardenhoseError extends Error {
  override readonly name: string = 'GardenhoseError';
  readonly code: ErrorCode;
  readonly place: ErrorPlace;

  constructor(code: ErrorCode, message: string, options: ErrorPlace & { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    const { cause: _, ...place } = options;
    this.place = place;
  }
}

/**
 * Whether `error` is a {@link GardenhoseError}, of the given code where one is named. Asks the value and not the class,
 * so that it holds across threads and across two installed copies of the library.
 */
export function isGardenhoseError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is GardenhoseError & { readonly code: Code } {
  return (
    error instanceof Error &&
    error.name === 'GardenhoseError' &&
    'code' in error &&
    (code === undefined || error.code === code)
  );
}

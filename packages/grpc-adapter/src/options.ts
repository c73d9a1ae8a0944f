import { GardenhoseError } from '@gardenhose/core';

/** What a tap of gRPC servers or channels can be told. */
export interface TapOptions {
  /**
   * Whether calls that a replay sent (`x-shadow-traffic: true`) are recorded too. Default `false`: a service that records
   * while it is being replayed into would otherwise feed its own captures.
   */
  readonly recordShadow?: boolean | undefined;
}

export interface ResolvedTapOptions {
  readonly recordShadow: boolean;
}

/** @throws GardenhoseError `invalid-option` if a value is of the wrong type */
export function resolveTapOptions(options: TapOptions = {}): ResolvedTapOptions {
  const { recordShadow = false } = options;
  if (typeof recordShadow !== 'boolean') {
    throw new GardenhoseError(
      'invalid-option',
      `recordShadow must be true or false, got ${typeof recordShadow}`,
      { subject: 'recordShadow' },
    );
  }
  return { recordShadow };
}

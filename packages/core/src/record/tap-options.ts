import { flagOption } from '../model/option-values.ts';

/** What a tap can be told. */
export interface TapOptions {
  /**
   * Whether what a replay sent (`x-shadow-traffic: true`) is recorded too. Default `false`: a service that records while it is
   * being replayed into would otherwise feed its own captures.
   */
  readonly recordShadow?: boolean | undefined;
}

export interface ResolvedTapOptions {
  readonly recordShadow: boolean;
}

/** @throws GardenhoseError `invalid-option` if a value is of the wrong type */
export function resolveTapOptions(options: TapOptions = {}): ResolvedTapOptions {
  return { recordShadow: flagOption('recordShadow', options.recordShadow, false) };
}

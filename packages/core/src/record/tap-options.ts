import { flagOption } from '../model/option-values.ts';

/** What a tap of servers can be told. */
export interface TapOptions {
  /**
   * Whether what a replay sent (`x-shadow-traffic: true`) is recorded too. Default `false`: a service that records while it is
   * being replayed into would otherwise feed its own captures.
   */
  readonly recordShadow?: boolean | undefined;
  /**
   * Whether an outbound exchange says which inbound one it comes of, as its `parent`. Both have to be recorded by one recorder. Default
   * `false`: Node then has to keep the context of everything asynchronous, which costs time.
   */
  readonly parents?: boolean | undefined;
}

/** What a tap of clients can be told. */
export type ClientTapOptions = Pick<TapOptions, 'recordShadow'>;

export interface ResolvedTapOptions {
  readonly recordShadow: boolean;
  readonly parents: boolean;
}

/** @throws GardenhoseError `invalid-option` if a value is of the wrong type */
export function resolveTapOptions(options: TapOptions = {}): ResolvedTapOptions {
  return {
    recordShadow: flagOption('recordShadow', options.recordShadow, false),
    parents: flagOption('parents', options.parents, false),
  };
}

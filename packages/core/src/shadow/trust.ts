import { systemClock } from '../clock.ts';
import { AddressRange, hostKind } from '../model/address.ts';
import type { HeaderList } from '../model/headers.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption } from '../model/option-values.ts';
import { type SignKey, signKeyBytes, verifyMarks } from './signature.ts';
import { readMarks, type ShadowMarks } from './wire-marks.ts';

/** Whose marks a service believes. From all others they are taken out, before the application sees them. */
export interface ShadowTrust {
  /**
   * Peers whose marks are believed as they are: those on this machine, those with these addresses or in these ranges
   * (`10.0.0.0/8`, `fd00::/8`), or none. The peer is who opened the connection: behind a proxy on the same machine, everybody is
   * on this machine. Default `loopback`; with a `signKey`, `none`.
   */
  readonly trust?: 'loopback' | 'none' | readonly string[] | undefined;
  /** Marks that were signed with this key are believed whoever sends them, until they expire. Default none. */
  readonly signKey?: SignKey | undefined;
}

/** Gives the marks of a request that are believed; undefined where it has none such. `peer` is an address; without one nobody is trusted. */
export type TrustMarks = (headers: HeaderList, peer: string | undefined) => ShadowMarks | undefined;

/** The names of {@link ShadowTrust}. */
export const trustNames: Readonly<Record<keyof ShadowTrust, true>> = { trust: true, signKey: true };

/** @throws {@link GardenhoseError} `invalid-option` */
export function trustMarks(options: ShadowTrust = {}): TrustMarks {
  onlyOptions('shadow', options, trustNames);
  const key = options.signKey === undefined ? undefined : signKeyBytes('shadow.signKey', options.signKey);
  const trusted = peers(options.trust ?? (key === undefined ? 'loopback' : 'none'));
  return (headers, peer) => {
    const marks = readMarks(headers);
    if (marks === undefined) return undefined;
    return trusted(peer) || (key !== undefined && isSigned(marks, key)) ? marks : undefined;
  };
}

function isSigned({ runId, seq, signature }: ShadowMarks, key: Uint8Array): boolean {
  if (runId === undefined || seq === undefined || signature === undefined) return false;
  return verifyMarks(key, runId, seq, signature, systemClock.wallMs());
}

function peers(trust: 'loopback' | 'none' | readonly string[]): (peer: string | undefined) => boolean {
  if (trust === 'none') return () => false;
  // One without an address may have gone, and so is nobody: it is for those who come by a network that this is asked.
  if (trust === 'loopback') return (peer) => peer !== undefined && hostKind(peer) === 'loopback';
  const given: unknown = trust;
  if (!Array.isArray(given)) {
    throw invalidOption(
      'shadow.trust',
      `must be 'loopback', 'none' or a list of addresses, got '${String(given)}'`,
    );
  }
  const ranges = given.map((text: unknown) => {
    const range = typeof text === 'string' ? AddressRange.parse(text) : undefined;
    if (range !== undefined) return range;
    throw invalidOption(
      'shadow.trust',
      `must hold addresses and ranges as 10.0.0.0/8, got '${String(text)}'`,
    );
  });
  return (peer) => peer !== undefined && ranges.some((range) => range.has(peer));
}

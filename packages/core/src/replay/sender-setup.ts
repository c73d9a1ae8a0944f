import { GardenhoseError } from '../errors.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption } from '../model/option-values.ts';
import type { PinnedAddresses } from './pinned-addresses.ts';

/** How an origin with TLS is trusted; as in `tls.connect`. */
export interface OriginTlsOptions {
  /** Certificates of the authorities that are trusted, as PEM. Default those of Node. */
  readonly ca?: string | undefined;
  /** Certificate of this client, as PEM. Default none. */
  readonly cert?: string | undefined;
  /** Private key of `cert`, as PEM. Default none. */
  readonly key?: string | undefined;
  /** Name asked for and expected. Default the target's host. */
  readonly servername?: string | undefined;
}

/** How a TLS target is trusted; as in `tls.connect`. */
export interface SenderTlsOptions extends OriginTlsOptions {
  /** Default true. */
  readonly rejectUnauthorized?: boolean | undefined;
}

const originTlsNames: Readonly<Record<keyof OriginTlsOptions, true>> = {
  ca: true,
  cert: true,
  key: true,
  servername: true,
};

/**
 * Checks how an origin is trusted, and fills in the name that is expected of it.
 *
 * @throws {@link GardenhoseError} `invalid-option` when a value is no text, or an option is not known
 */
export function originTls(url: URL, tls: OriginTlsOptions = {}): OriginTlsOptions {
  onlyOptions('tls', tls, originTlsNames);
  for (const [name, value] of Object.entries(tls)) {
    if (value !== undefined && typeof value !== 'string') {
      throw invalidOption(`tls.${name}`, `must be text, got ${typeof value}`);
    }
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // An address is no name that could be asked for.
  const servername = tls.servername ?? (/^[\d.]+$|:/.test(host) ? undefined : host);
  return servername === undefined ? tls : { ...tls, servername };
}

/** The names of {@link SenderTlsOptions}. */
export const senderTlsNames: Readonly<Record<keyof SenderTlsOptions, true>> = {
  rejectUnauthorized: true,
  ca: true,
  cert: true,
  key: true,
  servername: true,
};

/** What a sender of one target is made from, in any thread. */
export interface SenderSetup<Settings> {
  readonly target: string;
  readonly settings: Settings;
  /** Where names lead, once a run has found it. */
  readonly addresses?: PinnedAddresses | undefined;
}

/**
 * The setup that the same module gave as its source.
 *
 * @throws {@link GardenhoseError} `invalid-option` when it is none
 */
export function senderSetup<Settings>(setup: unknown): SenderSetup<Settings> {
  if (isSenderSetup<Settings>(setup)) return setup;
  throw new GardenhoseError('invalid-option', 'a sender is opened by a target and its options');
}

function isSenderSetup<Settings>(setup: unknown): setup is SenderSetup<Settings> {
  return (
    typeof setup === 'object' &&
    setup !== null &&
    'target' in setup &&
    typeof setup.target === 'string' &&
    'settings' in setup &&
    typeof setup.settings === 'object' &&
    setup.settings !== null &&
    (!('addresses' in setup) || setup.addresses === undefined || setup.addresses instanceof Map)
  );
}

/** Settings of a sender say how an origin is sent to; what is sent to in another way takes none. */
export function refuseSenderSettings(settings: object | undefined): void {
  if (settings !== undefined) {
    throw invalidOption('sender', 'is for targets that are an origin; this target is none');
  }
}

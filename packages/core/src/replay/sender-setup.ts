import { invalidOption } from '../model/option-values.ts';

/** How a TLS target is trusted; as in `tls.connect`. */
export interface SenderTlsOptions {
  /** Default true. */
  readonly rejectUnauthorized?: boolean | undefined;
  /** Certificates of the authorities that are trusted, as PEM. Default those of Node. */
  readonly ca?: string | undefined;
  /** Certificate of this client, as PEM. Default none. */
  readonly cert?: string | undefined;
  /** Private key of `cert`, as PEM. Default none. */
  readonly key?: string | undefined;
  /** Name asked for and expected. Default the target's host. */
  readonly servername?: string | undefined;
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
}

/** Whether this is the setup that the same module gave as its source. */
export function isSenderSetup<Settings>(setup: unknown): setup is SenderSetup<Settings> {
  return (
    typeof setup === 'object' &&
    setup !== null &&
    'target' in setup &&
    typeof setup.target === 'string' &&
    'settings' in setup &&
    typeof setup.settings === 'object' &&
    setup.settings !== null
  );
}

/** Settings of a sender say how an origin is sent to; what is sent to in another way takes none. */
export function refuseSenderSettings(settings: object | undefined): void {
  if (settings !== undefined) {
    throw invalidOption('sender', 'is for targets that are an origin; this target is none');
  }
}

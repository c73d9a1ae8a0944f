import type { OriginTlsOptions } from '@gardenhose/core';

/** What the parts of the proxy share. */
export interface Origin {
  readonly url: URL;
  readonly tls: OriginTlsOptions;
  readonly host: string | undefined;
  readonly counts: { requests: number; upgrades: number; originErrors: number };
}

/** As sockets want it: an IPv6 address without its brackets. */
export function originHostname({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

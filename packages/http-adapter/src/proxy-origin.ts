import { GardenhoseError } from '@gardenhose/core';

/** What the parts of the proxy share. */
export interface Origin {
  readonly url: URL;
  readonly host: string | undefined;
  readonly counts: { requests: number; upgrades: number; originErrors: number };
}

/** @throws GardenhoseError `invalid-option` if `to` is not an origin */
export function originOf(to: string | URL): URL {
  const url = URL.canParse(String(to)) ? new URL(to) : undefined;
  const isOrigin =
    url !== undefined &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    `${url.origin}/` === url.href;
  if (isOrigin) return url;
  throw new GardenhoseError(
    'invalid-option',
    'to must be an origin without path or credentials, as http://127.0.0.1:3000 or https://api.example',
    { subject: 'to' },
  );
}

/** As sockets want it: an IPv6 address without its brackets. */
export function originHostname({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

import { isAddress } from '../model/address.ts';

/**
 * An authority with a suffix behind its host and before its port, as proxies mark mirrored traffic: `shop.test:8080` becomes
 * `shop.test-shadow:8080`. An address stays as it is, in any spelling, since it would be no address any more; so does a host
 * that has the suffix, and what is no host and port.
 */
export function withHostSuffix(authority: string, suffix: string): string {
  const [, host = '', dot = '', port = ''] = /^([^:@/?#[\]]+?)(\.?)((?::\d*)?)$/.exec(authority) ?? [];
  if (host === '' || isAddress(host) || host.toLowerCase().endsWith(suffix.toLowerCase())) return authority;
  return `${host}${suffix}${dot}${port}`;
}

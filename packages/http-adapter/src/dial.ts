import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { PinnedAddresses, SenderTlsOptions } from '@gardenhose/core';
import { dialOptions, tlsOptions } from '@gardenhose/core/adapter';
import type { Line } from './sender-connection.ts';

/** How a connection to this origin is opened; `pinned` is as in {@link dialOptions}. */
export function dialer(
  url: URL,
  tls: SenderTlsOptions,
  pinned?: () => PinnedAddresses | undefined,
): () => Line {
  const address = dialOptions(url, pinned);
  if (url.protocol !== 'https:') return () => ({ stream: connectTcp(address), readyOn: 'connect' });
  const secure = { ...address, ...tlsOptions(url, tls, 'http/1.1') };
  return () => ({ stream: connectTls(secure), readyOn: 'secureConnect' });
}

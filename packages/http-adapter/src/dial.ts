import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SenderTlsOptions } from '@gardenhose/core';
import { dialOptions, tlsOptions } from '@gardenhose/core/adapter';
import type { Line } from './sender-connection.ts';

/** How a connection to this origin is opened. */
export function dialer(url: URL, tls: SenderTlsOptions): () => Line {
  const address = dialOptions(url);
  if (url.protocol !== 'https:') return () => ({ stream: connectTcp(address), readyOn: 'connect' });
  const secure = { ...address, ...tlsOptions(url, tls, 'http/1.1') };
  return () => ({ stream: connectTls(secure), readyOn: 'secureConnect' });
}

import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { PinnedAddresses, SenderTlsOptions } from '@gardenhose/core';
import { dialOptions, tlsOptions } from '@gardenhose/core/adapter';
import type { Line } from './sender-connection.ts';

const readBytes = 64 * 1024;

/**
 * How a connection to this origin is opened; `pinned` is as in {@link dialOptions}. Where data is to be handed over, all connections without
 * TLS read into one piece of memory: by default each read has 64 KiB of its own, of which most is given back.
 */
export function dialer(
  url: URL,
  tls: SenderTlsOptions,
  pinned?: () => PinnedAddresses | undefined,
): (onData?: (data: Buffer) => void) => Line {
  const address = dialOptions(url, pinned);
  if (url.protocol !== 'https:') {
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    return (onData) => {
      if (onData === undefined) return { stream: connectTcp(address), readyOn: 'connect' };
      const callback = (length: number) => {
        onData(buffer.subarray(0, length));
        return true;
      };
      const stream = connectTcp({ ...address, onread: { buffer, callback } });
      return { stream, readyOn: 'connect', lendsData: true };
    };
  }
  const secure = { ...address, ...tlsOptions(url, tls, 'http/1.1') };
  return () => ({ stream: connectTls(secure), readyOn: 'secureConnect' });
}

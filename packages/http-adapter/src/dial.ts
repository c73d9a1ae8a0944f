import { connect as connectTcp, type LookupFunction } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SenderTlsOptions } from '@gardenhose/core';
import type { Line } from './sender-connection.ts';

/** RFC 6761 section 6.3: these names are loopback, whatever a resolver says. */
const lookupLoopback: LookupFunction = (_hostname, options, done) => {
  const all = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (options.all === true) done(null, all);
  else done(null, options.family === 6 ? '::1' : '127.0.0.1', options.family === 6 ? 6 : 4);
};

/** How a connection to this origin is opened. */
export function dialer(url: URL, tls: SenderTlsOptions): () => Line {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const name = host.replace(/\.$/, '');
  const local = name === 'localhost' || name.endsWith('.localhost');
  const address = {
    host,
    port: Number(url.port || (secure ? 443 : 80)),
    noDelay: true,
    autoSelectFamily: true,
    ...(local ? { lookup: lookupLoopback } : {}),
  };
  if (!secure) return () => ({ stream: connectTcp(address), readyOn: 'connect' });
  const servername = tls.servername ?? (/^[\d.]+$|:/.test(host) ? undefined : host);
  return () => ({
    stream: connectTls({
      ...address,
      ...tls,
      rejectUnauthorized: tls.rejectUnauthorized ?? true,
      ...(servername === undefined ? {} : { servername }),
      ALPNProtocols: ['http/1.1'],
    }),
    readyOn: 'secureConnect',
  });
}

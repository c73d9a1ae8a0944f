import type { IncomingMessage } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { headerEntries, withHeader } from '@gardenhose/core';
import { type Origin, originHostname } from './proxy-origin.ts';
import { markExchange } from './tap-exchange.ts';

/** Joins a connection that asks for another protocol to the origin, head and bytes as they are. */
export function passUpgrade(req: IncomingMessage, client: Socket, head: Buffer, origin: Origin): void {
  const { url, tls, host, counts } = origin;
  counts.upgrades += 1;
  const headers = host === undefined ? req.rawHeaders : withHeader(req.rawHeaders, 'Host', host);
  const lines = Array.from(headerEntries(headers), ([name, value]) => `${name}: ${value}\r\n`);
  const hostname = originHostname(url);
  const secure = url.protocol === 'https:';
  const port = Number(url.port) || (secure ? 443 : 80);
  const upstream = secure
    ? connectTls({ host: hostname, port, ...tls })
    : connectTcp({ host: hostname, port });
  let connected = false;
  upstream.once(secure ? 'secureConnect' : 'connect', () => {
    connected = true;
    upstream.write(
      `${req.method ?? 'GET'} ${req.url ?? '/'} HTTP/${req.httpVersion}\r\n${lines.join('')}\r\n`,
      'latin1',
    );
    if (head.length > 0) upstream.write(head);
    upstream.pipe(client);
    client.pipe(upstream);
  });
  upstream.once('error', (error) => {
    counts.originErrors += 1;
    markExchange(req, 'proxy', connected ? 'origin-broke-off' : 'origin-failed');
    const code = 'code' in error ? String(error.code) : 'failed';
    if (connected) client.destroy();
    else
      client.end(
        `HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\ngardenhose: no answer from ${url.origin}: ${code}\n`,
      );
  });
  // An error of the client is followed by its 'close'.
  client.on('error', () => undefined);
  client.once('close', () => upstream.destroy());
  upstream.once('close', () => {
    if (connected) client.destroySoon();
  });
}

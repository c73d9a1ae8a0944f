import { type EventEmitter, once } from 'node:events';
import { boundAddress, listenAddress } from '../model/listen-address.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption } from '../model/option-values.ts';
import type { StubTlsOptions } from '../stub/listening-stub.ts';

/** A server of Node, as far as listening goes: of HTTP/1.1 or HTTP/2, with TLS or without. */
export interface Listener extends EventEmitter {
  readonly listening: boolean;
  listen(port: number, host: string): unknown;
  address(): Parameters<typeof boundAddress>[0];
  close(): unknown;
}

/**
 * Listens where it is told to.
 *
 * @returns the address, as clients name it
 * @throws GardenhoseError `invalid-option`; system errors, such as EADDRINUSE
 */
export async function listenOn(server: Listener, address: string = '127.0.0.1:0'): Promise<string> {
  const { host, port } = listenAddress('address', address);
  const listening = once(server, 'listening');
  server.listen(port, host);
  await listening;
  return boundAddress(server.address());
}

/** Takes no more connections; over when those that it took have ended. At once where it does not listen. */
export async function stopListening(server: Listener): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  await closed;
}

const names: Readonly<Record<keyof StubTlsOptions, true>> = { cert: true, key: true };

/**
 * Makes a server with TLS. Without a certificate and its key Node makes one too, of which every handshake fails.
 *
 * @param option - What the certificate and its key are called
 * @param make - Makes the server; what it throws is taken for what is wrong with them
 * @throws GardenhoseError `invalid-option`
 */
export function withCertificate<Server>(
  option: string,
  tls: StubTlsOptions,
  make: (pair: StubTlsOptions) => Server,
): Server {
  if (typeof tls !== 'object' || tls === null) {
    throw invalidOption(option, 'must hold a certificate and its private key, as PEM');
  }
  onlyOptions(option, tls, names);
  const { cert, key } = tls;
  for (const [name, value] of Object.entries({ cert, key })) {
    if (value === undefined) throw invalidOption(`${option}.${name}`, 'is missing');
    if (typeof value !== 'string')
      throw invalidOption(`${option}.${name}`, `must be text, got ${typeof value}`);
  }
  try {
    return make({ cert, key });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw invalidOption(option, `must hold a certificate and its private key, as PEM (${code})`);
  }
}

import { invalidOption } from './option-values.ts';

/**
 * Where to listen: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`. Port 0 asks for any free one.
 *
 * @throws GardenhoseError `invalid-option`
 */
export function listenAddress(
  option: string,
  text: string,
): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(String(text));
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw invalidOption(option, `must be host:port, such as 127.0.0.1:50051, got '${text}'`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

/** The address of a server that listens, as clients name it. */
export function boundAddress(
  address: { readonly address: string; readonly family: string; readonly port: number } | string | null,
): string {
  if (address === null || typeof address === 'string') return String(address);
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}

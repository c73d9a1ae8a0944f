import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { expect, test } from 'vitest';
import { certificate } from '../../../http-adapter/test/support/certificate.ts';
import { listenOn, stopListening, withCertificate } from '../../src/adapter/listening.ts';
import type { StubTlsOptions } from '../../src/stub/listening-stub.ts';

test('a server listens where it is told to, by default on a free port of this machine', async () => {
  const server = createServer();
  const address = await listenOn(server);
  expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
  const other = createServer();
  await expect(listenOn(other, address)).rejects.toThrow(/EADDRINUSE/);
  await expect(listenOn(other, 'nowhere')).rejects.toThrow(/^address must be host:port/);
  expect(other.listening).toBe(false);
  await stopListening(other);
  await stopListening(server);
  expect(server.listening).toBe(false);
});

test('a certificate without its key, one that is none, and options of other names are refused', () => {
  const make = (tls: unknown) => () => {
    const given: StubTlsOptions = JSON.parse(JSON.stringify(tls));
    return withCertificate('tls', given, (pair) => createTlsServer(pair));
  };
  expect(make({})).toThrow(/^tls\.cert is missing$/);
  expect(make({ cert: certificate.cert })).toThrow(/^tls\.key is missing$/);
  expect(make({ key: certificate.key })).toThrow(/^tls\.cert is missing$/);
  expect(make({ cert: 1, key: 'x' })).toThrow('tls.cert must be text, got number');
  expect(make({ ...certificate, ca: 'x' })).toThrow('tls has no option "ca"');
  expect(make(null)).toThrow('tls must hold a certificate and its private key, as PEM');
  expect(make({ cert: 'none', key: 'none' })).toThrow(
    /^tls must hold a certificate and its private key, as PEM \(ERR_OSSL_\w+\)$/,
  );
  expect(make(certificate)().listening).toBe(false);
});

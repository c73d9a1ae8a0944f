import { expect, test } from 'vitest';
import { withoutCredentials } from '../../src/replay/credentials.ts';
import { anExchange } from '../../src/testing/index.ts';

test('whatever the mask policy takes for a credential is taken out, of trailers too', () => {
  const credentials = ['X-Vault-Token', 'x-goog-api-key', 'PRIVATE-TOKEN', 'X-CSRF-Token', 'X-Session-Token'];
  credentials.push(
    'Cookie2',
    'DPoP',
    'X-Amzn-Oidc-Data',
    'Proxy-Authorization',
    'X-Goog-IAM-Authorization-Token',
  );
  const fields = [...credentials, 'X-A'].flatMap((name) => [name, 'v']);
  const { request } = withoutCredentials(anExchange({ request: { headers: fields, trailers: fields } }));
  expect(request.headers).toEqual(['X-A', 'v']);
  expect(request.trailers).toEqual(['X-A', 'v']);
});

test('recorded credentials are taken out, in any case and every repeat', () => {
  const headers = [
    'Host',
    'a',
    'COOKIE',
    's=1',
    'authorization',
    'Bearer x',
    'X-Api-Key',
    'k',
    'Cookie',
    't=2',
    'X-A',
    'b',
  ];
  expect(withoutCredentials(anExchange({ request: { headers } })).request.headers).toEqual([
    'Host',
    'a',
    'X-A',
    'b',
  ]);
});

test('of credentials that are live, what is live of them is sent', () => {
  const headers = [
    'Cookie',
    'sid=recorded',
    'X-A',
    '1',
    'cookie',
    'sid=live; own=x',
    'Authorization',
    'Bearer live',
  ];
  const live = new Map([
    [4, 'sid=live'],
    [6, 'Bearer live'],
  ]);
  expect(withoutCredentials(anExchange({ request: { headers } }), live).request.headers).toEqual([
    ...['X-A', '1', 'cookie', 'sid=live', 'Authorization', 'Bearer live'],
  ]);
});

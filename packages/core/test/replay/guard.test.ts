import { expect, test } from 'vitest';
import { isGardenhoseError } from '../../src/errors.ts';
import {
  checkRecordedOrigin,
  createGuard,
  inProcessTarget,
  isLoopback,
  isMutation,
  withoutCredentials,
} from '../../src/replay/guard.ts';
import { anExchange } from '../../src/testing/index.ts';

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return isGardenhoseError(error) ? error.code : `not ours: ${String(error)}`;
  }
};

const loopbackHosts = [
  ...['127.0.0.1', '127.1', '127.255.255.254', '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1.'],
  ...['localhost', 'LOCALHOST', 'localhost.', 'app.localhost'],
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[0000::0001]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
];
const otherHosts = [
  ...['example.test', '10.0.0.1', '0.0.0.0', '[::]', '[::2]', '[::ffff:10.0.0.1]', '128.0.0.1', '[fe80::1]'],
  ...[
    '127.0.0.1.example.test',
    'localhost.example.test',
    'notlocalhost',
    '127-0-0-1.test',
    '169.254.169.254',
  ],
];

test.each(loopbackHosts)('%s is loopback and needs no leave', (host) => {
  expect(isLoopback(host)).toBe(true);
  expect(createGuard(`http://${host}:3000`)).toMatchObject({ loopback: true, allowMutations: true });
});

test.each(otherHosts)('%s is not loopback and is refused unless allowed', (host) => {
  expect(isLoopback(host)).toBe(false);
  expect(codeOf(() => createGuard(`http://${host}:3000`))).toBe('target-refused');
  expect(codeOf(() => createGuard(`http://${host}:3000`, { allow: [`http://${host}:3001`] }))).toBe(
    'target-refused',
  );
  expect(codeOf(() => createGuard(`http://${host}:3000`, { allow: [`https://${host}:3000`] }))).toBe(
    'target-refused',
  );
  expect(createGuard(`http://${host}:3000`, { allow: [`http://${host}:3000`] })).toMatchObject({
    loopback: false,
    allowMutations: false,
    allowRecordedOrigin: false,
  });
});

test('an allowed origin is compared as the URL standard does', () => {
  const guard = createGuard('https://Staging.Example:443', { allow: ['https://staging.example/'] });
  expect(guard.target).toBe('https://staging.example');
});

test('a target that is no plain origin is refused', () => {
  const bad = [
    '',
    'example.test',
    'ftp://127.0.0.1',
    'http://u:p@127.0.0.1',
    'http://127.0.0.1/base',
    'http://127.0.0.1/?x',
  ];
  for (const target of bad) expect(codeOf(() => createGuard(target))).toBe('invalid-option');
  expect(codeOf(() => createGuard('http://127.0.0.1', { allow: ['*.example.test'] }))).toBe('invalid-option');
});

test('a target in the process is its own loopback', () => {
  expect(createGuard('in-process')).toMatchObject({ loopback: true, allowMutations: true });
});

test('traffic does not go back to where it was recorded, in any spelling', () => {
  const guard = createGuard('http://shop.test:8080', { allow: ['http://shop.test:8080'] });
  for (const host of ['shop.test:8080', 'SHOP.test:8080', 'shop.test.:8080']) {
    const exchange = anExchange({ request: { headers: ['hOST', host] } });
    expect(codeOf(() => checkRecordedOrigin(guard, exchange))).toBe('target-refused');
  }
  const other = anExchange({ request: { headers: ['Host', 'shop.test:8081'] } });
  expect(codeOf(() => checkRecordedOrigin(guard, other))).toBeUndefined();
  const http2 = anExchange({ request: { headers: [], authority: 'shop.test:8080' } });
  expect(codeOf(() => checkRecordedOrigin(guard, http2))).toBe('target-refused');
});

test('traffic goes back by none of the names that a request has for where it went', () => {
  const guard = createGuard('http://10.0.0.1:8080', { allow: ['http://10.0.0.1:8080'] });
  const refused = (request: Parameters<typeof anExchange>[0]) =>
    codeOf(() => checkRecordedOrigin(guard, anExchange(request)));
  const elsewhere = ['Host', 'other.test'];
  for (const request of [
    { headers: [...elsewhere, 'Host', '10.0.0.1:8080'] },
    { headers: ['Host', '10.0.0.1:8080'], authority: 'other.test' },
    { headers: elsewhere, target: 'http://10.0.0.1:8080/x' },
    { headers: elsewhere, target: 'http://u@10.0.0.1:8080' },
    { headers: ['Host', '[::ffff:10.0.0.1]:8080'] },
    { headers: ['Host', '167772161:8080'] },
    { headers: ['Host', '012.0.0.1:8080'] },
  ]) {
    expect(refused({ request }), JSON.stringify(request)).toBe('target-refused');
  }
  const mapped = createGuard('http://[::ffff:10.0.0.1]:8080', { allow: ['http://[::ffff:a00:1]:8080'] });
  const exchange = anExchange({ request: { headers: ['Host', '10.0.0.1:8080'] } });
  expect(codeOf(() => checkRecordedOrigin(mapped, exchange))).toBe('target-refused');
  expect(refused({ request: { headers: elsewhere } })).toBeUndefined();
});

test('a recorded host without a port is compared with the port of either scheme', () => {
  const exchange = anExchange({ request: { headers: ['Host', 'shop.test'] } });
  for (const target of ['https://shop.test', 'http://shop.test']) {
    expect(codeOf(() => checkRecordedOrigin(createGuard(target, { allow: [target] }), exchange))).toBe(
      'target-refused',
    );
    const allowed = createGuard(target, { allow: [target], allowRecordedOrigin: true });
    expect(codeOf(() => checkRecordedOrigin(allowed, exchange))).toBeUndefined();
  }
});

test('a loopback target may be where the traffic was recorded', () => {
  const exchange = anExchange({ request: { headers: ['Host', '127.0.0.1:3000'] } });
  expect(codeOf(() => checkRecordedOrigin(createGuard('http://127.0.0.1:3000'), exchange))).toBeUndefined();
});

test('methods that only read are no mutations; everything else is', () => {
  const mutates = (method: string) => isMutation(anExchange({ request: { method } }));
  expect(['GET', 'HEAD', 'OPTIONS', 'TRACE'].map(mutates)).toEqual([false, false, false, false]);
  expect(['POST', 'PUT', 'PATCH', 'DELETE', 'get', 'PROPFIND'].map(mutates)).not.toContain(false);
  expect(isMutation(anExchange({ protocol: 'grpc' }))).toBe(true);
});

test('a header that stands for another method makes a mutation of a request that only reads', () => {
  for (const name of ['X-HTTP-Method-Override', 'x-http-method', 'X-Method-Override']) {
    expect(isMutation(anExchange({ request: { headers: ['Host', 'a', name, 'DELETE'] } }))).toBe(true);
  }
});

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

test('budgets have defaults and are checked', () => {
  expect(createGuard('in-process')).toMatchObject({
    maxInFlight: 256,
    timeoutMs: 30_000,
    maxDurationMs: Number.POSITIVE_INFINITY,
  });
  expect(() => createGuard('in-process', { maxInFlight: 0 })).toThrow(
    /guard.maxInFlight must be a whole number over 0, got 0/,
  );
  expect(() => createGuard('in-process', { timeoutMs: -5 })).toThrow(/guard.timeoutMs/);
  expect(() => createGuard('in-process', { maxDurationMs: Number.NaN })).toThrow(/guard.maxDurationMs/);
});

test('an app in this process may always be sent to, mutations too', () => {
  expect(createGuard(inProcessTarget)).toMatchObject({ loopback: true, allowMutations: true });
});

test('a gRPC call may change state, unless its method is known not to', () => {
  const call = anExchange({ protocol: 'grpc', request: { method: 'POST', target: '/shop.Orders/Get' } });
  expect(isMutation(call)).toBe(true);
  expect(isMutation(call, new Set(['shop.Orders/List']))).toBe(true);
  expect(isMutation(call, new Set(['shop.Orders/Get']))).toBe(false);
  const { readOnly } = createGuard('http://127.0.0.1:3000', { readOnly: ['shop.Orders/Get'] });
  expect([...readOnly]).toEqual(['shop.Orders/Get']);
  expect(codeOf(() => createGuard('http://127.0.0.1:3000', { readOnly: ['/shop.Orders/Get'] }))).toBe(
    'invalid-option',
  );
});

test('several targets are all looked at', () => {
  const origins = ['http://127.0.0.1:3000', 'https://staging.example'];
  expect(codeOf(() => createGuard(origins))).toBe('target-refused');
  const guard = createGuard(origins, { allow: ['https://staging.example'] });
  expect(guard).toMatchObject({ loopback: false, allowMutations: false, targets: origins });
  const exchange = anExchange({ request: { headers: ['Host', 'staging.example'] } });
  expect(codeOf(() => checkRecordedOrigin(guard, exchange))).toBe('target-refused');
});

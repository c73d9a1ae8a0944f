import { expect, test } from 'vitest';
import { isGardenhoseError } from '../../src/errors.ts';
import { isLoopback } from '../../src/model/address.ts';
import { createGuard, isMutation } from '../../src/replay/guard.ts';
import { inProcessTarget } from '../../src/replay/target-kind.ts';
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
  for (const pattern of ['*.example.test', 'https://*.example.test', 'https://*', 'https://%2a.test']) {
    expect(codeOf(() => createGuard('http://127.0.0.1', { allow: [pattern] }))).toBe('invalid-option');
  }
});

test('a target in the process is its own loopback', () => {
  expect(createGuard('in-process')).toMatchObject({ loopback: true, allowMutations: true });
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
});

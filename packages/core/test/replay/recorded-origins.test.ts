import { expect, test } from 'vitest';
import { isGardenhoseError } from '../../src/errors.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { pinTargets } from '../../src/replay/addresses.ts';
import { createGuard, type GuardOptions } from '../../src/replay/guard.ts';
import { RecordedOrigins } from '../../src/replay/recorded-origins.ts';
import { anExchange } from '../../src/testing/index.ts';

type Names = Readonly<Record<string, readonly string[]>>;

/** What is asked of whom, and what was said. */
function world(names: Names) {
  const asked: string[] = [];
  const resolve = async (host: string) => {
    asked.push(host);
    return names[host] ?? [];
  };
  return { asked, resolve };
}

async function originsOf(target: string, names: Names = {}, options: GuardOptions = {}) {
  const { asked, resolve } = world(names);
  const guard = createGuard(target, { allow: [target], resolve, ...options });
  return { origins: new RecordedOrigins(guard, await pinTargets(guard)), asked };
}

async function refusal(origins: RecordedOrigins, ...exchanges: Exchange[]): Promise<string | undefined> {
  try {
    for (const exchange of exchanges) await origins.admit(exchange);
    return undefined;
  } catch (error) {
    if (!isGardenhoseError(error, 'target-refused')) throw error;
    return error.message;
  }
}

const fromHost = (...hosts: string[]) =>
  anExchange({ request: { headers: hosts.flatMap((host) => ['Host', host]) } });

test.each([
  ...['shop.test:8080', 'SHOP.test:8080', 'shop.test.:8080', 'user@shop.test:8080', 'user:pw@shop.test:8080'],
  ...[' shop.test:8080', 'shop.test:08080'],
])('traffic does not go back to where it was recorded, as %s', async (host) => {
  const { origins } = await originsOf('http://shop.test:8080', { 'shop.test': ['203.0.113.5'] });
  expect(await refusal(origins, fromHost('other.test', host))).toContain(
    'is where this traffic was recorded',
  );
});

test('another port of the same host is another origin', async () => {
  const { origins } = await originsOf('http://shop.test:8080', { 'shop.test': ['203.0.113.5'] });
  expect(await refusal(origins, fromHost('shop.test:8081'))).toBeUndefined();
});

test.each([
  { headers: ['Host', 'other.test', 'Host', '10.0.0.1:8080'] },
  { headers: ['Host', '10.0.0.1:8080'], authority: 'other.test' },
  { headers: [], authority: '10.0.0.1:8080' },
  { headers: ['Host', 'other.test'], target: 'http://10.0.0.1:8080/x' },
  { headers: ['Host', 'other.test'], target: 'HTTP://u@10.0.0.1:8080' },
  { headers: ['Host', '[::ffff:10.0.0.1]:8080'] },
  { headers: ['Host', '[::FFFF:a00:1]:8080'] },
  { headers: ['Host', '[0:0:0:0:0:ffff:a00:1]:8080'] },
  { headers: ['Host', '167772161:8080'] },
  { headers: ['Host', '0xa000001:8080'] },
  { headers: ['Host', '10.1:8080'] },
  { headers: ['Host', '012.0.0.1:8080'] },
  { headers: ['Host', '10.0.0.1.:8080'] },
])('an address is known in whatever way a request writes it: %j', async (request) => {
  const byAddress = await originsOf('http://10.0.0.1:8080');
  expect(await refusal(byAddress.origins, anExchange({ request }))).toContain('where this traffic');
  const mapped = await originsOf('http://[::ffff:10.0.0.1]:8080');
  expect(await refusal(mapped.origins, anExchange({ request }))).toContain('where this traffic');
  // The name of the target leads to where it was recorded.
  const byName = await originsOf('http://alias.test:8080', { 'alias.test': ['::ffff:10.0.0.1'] });
  expect(await refusal(byName.origins, anExchange({ request }))).toContain('by another name');
});

test('IPv6 addresses are compared in one spelling', async () => {
  const { origins } = await originsOf('http://[2001:db8::1]:8080');
  expect(await refusal(origins, fromHost('[2001:DB8:0:0:0:0:0:1]:8080'))).toContain('where this traffic');
  const named = await originsOf('http://alias.test:8080', { 'alias.test': ['2001:DB8:0::1'] });
  expect(await refusal(named.origins, fromHost('[2001:db8::1]:8080'))).toContain('by another name');
});

test('two names for one address are one origin', async () => {
  const names = { 'alias.test': ['203.0.113.5', '203.0.113.6'], 'shop.test': ['203.0.113.6'] };
  const { origins } = await originsOf('https://alias.test', names);
  expect(await refusal(origins, fromHost('shop.test'))).toContain('by another name for the same address');
});

test('a name is looked up once, and only where its port may be that of a target', async () => {
  const { origins, asked } = await originsOf('https://staging.test', { 'staging.test': ['203.0.113.9'] });
  const many = Array.from({ length: 20 }, () => fromHost('shop.test', 'SHOP.test', 'shop.test:9999'));
  expect(await refusal(origins, ...many)).toBeUndefined();
  expect(asked).toEqual(['staging.test', 'shop.test', 'shop.test']);
  expect(origins.admit(fromHost('shop.test'))).toBeUndefined();
});

test('a capture cannot have names looked up without end', async () => {
  const { origins, asked } = await originsOf('https://staging.test', { 'staging.test': ['203.0.113.9'] });
  const many = Array.from({ length: 1_000 }, (_, i) => fromHost(`h${i}.test`));
  expect(await refusal(origins, ...many)).toBeUndefined();
  expect(asked.length).toBe(1 + 256);
});

test('it may be allowed; then nothing is looked up', async () => {
  const { origins, asked } = await originsOf('https://shop.test', {}, { allowRecordedOrigin: true });
  expect(origins.any).toBe(false);
  expect(await refusal(origins, fromHost('shop.test'))).toBeUndefined();
  expect(asked).toEqual(['shop.test']);
});

test('a recorded host without a port is compared with the port of either scheme', async () => {
  for (const target of ['https://shop.test', 'http://shop.test']) {
    const { origins } = await originsOf(target);
    expect(await refusal(origins, fromHost('shop.test'))).toContain(target);
  }
});

test('a loopback target may be where the traffic was recorded', async () => {
  const guard = createGuard('http://127.0.0.1:3000');
  const origins = new RecordedOrigins(guard, await pinTargets(guard));
  expect(await refusal(origins, fromHost('127.0.0.1:3000'))).toBeUndefined();
});

test('what a service asked of others was not recorded from the target', async () => {
  const { origins } = await originsOf('https://shop.test');
  expect(origins.admit({ ...fromHost('shop.test'), direction: 'outbound' })).toBeUndefined();
});

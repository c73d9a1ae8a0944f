import { expect, test } from 'vitest';
import { pinTargets } from '../../src/replay/addresses.ts';
import { createGuard } from '../../src/replay/guard.ts';

const pin = (target: string, addresses: readonly string[]) =>
  pinTargets(createGuard(target, { allow: [target], resolve: async () => addresses }));

test('the names of targets are looked up once each; loopback names and addresses are not', async () => {
  const asked: string[] = [];
  const targets = [
    ...['http://a.test:1', 'http://a.test:2', 'http://b.test', 'http://localhost:3', 'http://10.0.0.1'],
    ...['in-process', 'unix:/run/a.sock', 'http://[2001:db8::1]'],
  ];
  const guard = createGuard(targets, {
    allow: targets.filter((target) => target.startsWith('http://')),
    resolve: async (host) => {
      asked.push(host);
      return ['203.0.113.1', '2001:DB8::2'];
    },
  });
  expect(await pinTargets(guard)).toEqual(
    new Map([
      ['a.test', ['203.0.113.1', '2001:db8::2']],
      ['b.test', ['203.0.113.1', '2001:db8::2']],
    ]),
  );
  expect(asked).toEqual(['a.test', 'b.test']);
});

test.each([
  ...['169.254.169.254', '169.254.0.1', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', 'fe80::1', 'febf::1'],
  ...['fe80::1%eth0', 'fd00:ec2::254', 'fd20:ce::254', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::1'],
  ...['::a9fe:a9fe', '100.100.100.200', '192.0.0.192', '168.63.129.16', '169.254.170.2'],
  ...['0.0.0.0', '::', '224.0.0.1', '255.255.255.255', 'ff02::1'],
])('no name may lead to %s, also among others', async (address) => {
  await expect(pin('https://staging.test', [address])).rejects.toMatchObject({ code: 'target-refused' });
  await expect(pin('https://staging.test', ['203.0.113.1', address])).rejects.toMatchObject({
    code: 'target-refused',
    message: expect.stringContaining('no name may lead there'),
  });
});

test('an address that is given as such may be sent to', async () => {
  for (const target of ['http://169.254.169.254', 'http://[fd00:ec2::254]']) {
    expect(await pin(target, [])).toEqual(new Map());
  }
});

test('private and public addresses may be led to', async () => {
  const found = ['10.0.0.1', '192.168.1.1', 'fd12::1', '2001:db8::1', '127.0.0.1'];
  expect(await pin('https://staging.test', found)).toEqual(new Map([['staging.test', found]]));
});

test('a name that is not known leads nowhere', async () => {
  const guard = createGuard('https://staging.test', {
    allow: ['https://staging.test'],
    resolve: () => Promise.reject(new Error('nobody knows')),
  });
  expect(await pinTargets(guard)).toEqual(new Map([['staging.test', []]]));
});

test('what is no address is refused', async () => {
  for (const odd of ['shop.test', '', '203.0.113.1:80', 'http://203.0.113.1']) {
    await expect(pin('https://staging.test', [odd])).rejects.toMatchObject({ code: 'invalid-option' });
  }
});

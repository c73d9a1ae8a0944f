import { expect, test } from 'vitest';
import { dialOptions } from '../../src/replay/dial.ts';

type Found = readonly [code: string | undefined, addresses: unknown, family?: number | undefined];

function lookUp(
  target: string,
  pinned: ReadonlyMap<string, readonly string[]> | undefined,
  options: { readonly all?: boolean; readonly family?: number } = { all: true },
): Promise<Found> {
  const { host, lookup } = dialOptions(new URL(target), () => pinned);
  return new Promise((resolve) => {
    lookup(host, options, (error, addresses, family) => resolve([error?.code, addresses, family]));
  });
}

const pinned = new Map([['staging.test', ['203.0.113.1', '2001:db8::1']]]);

test('a pinned name leads to its addresses and nowhere else', async () => {
  expect(await lookUp('http://staging.test', pinned)).toEqual([
    undefined,
    [
      { address: '203.0.113.1', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ],
    undefined,
  ]);
  expect(await lookUp('http://staging.test', pinned, { family: 6 })).toEqual([undefined, '2001:db8::1', 6]);
  expect((await lookUp('http://other.test', pinned))[0]).toBe('ENOTFOUND');
  expect((await lookUp('http://staging.test', new Map([['staging.test', []]])))[0]).toBe('ENOTFOUND');
});

test('loopback names lead to loopback, whatever is pinned', async () => {
  const odd = new Map([['localhost', ['203.0.113.1']]]);
  for (const name of ['localhost', 'app.localhost', 'localhost.']) {
    expect(await lookUp(`http://${name}`, odd, {})).toEqual([undefined, '127.0.0.1', 4]);
  }
});

import { readFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { GardenhoseError } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { describeError } from '../src/describe-error.ts';

test('an error of the library says what it says', () => {
  expect(describeError(new GardenhoseError('io', 'the disk is full; free some'))).toBe(
    'the disk is full; free some',
  );
});

test('an error of the file system names the file and what to do', async () => {
  const missing = await readFile('/does/not/exist').catch((error: unknown) => error);
  expect(describeError(missing)).toBe('/does/not/exist: no such file; check the path');
  const directory = await readFile('/').catch((error: unknown) => error);
  expect(describeError(directory)).toContain('it is a directory');
});

test('an error of the network names the address', async () => {
  const server = createServer();
  const port = await new Promise<number>((listening) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      listening(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  await new Promise((closed) => server.close(closed));
  const refused = await new Promise((failed) => createConnection(port, '127.0.0.1').once('error', failed));
  expect(describeError(refused)).toBe(
    `127.0.0.1:${port}: nothing listens there; start it or check host and port`,
  );
});

test('a fault of ours asks to be reported and shows where it was', () => {
  expect(describeError(new TypeError('oops'))).toMatch(
    /^internal error, please report it: TypeError: oops\n {4}at /,
  );
  expect(describeError('oops')).toBe('internal error, please report it: oops');
});

import { expect, test } from 'vitest';
import { closedPort } from '../../../test/support/http-server.ts';
import { RecordMirror } from '../src/record-mirror.ts';
import { isSamePlace, placeOf } from '../src/same-place.ts';

const service = 'http://127.0.0.1:3000';
const listen = { host: '127.0.0.1', port: 8080 };

test.each([
  ['http://localhost:3000', service],
  ['http://shop.localhost:3000', service],
  ['http://0.0.0.0:3000', service],
  ['http://[::ffff:127.0.0.1]:3000', service],
  ['http://[::1]:3000', 'http://localhost:3000'],
  ['http://shop.internal', 'http://shop.internal.:80'],
  ['https://shop.internal', 'https://shop.internal:443'],
])('%s is the recorded service %s by another name', async (mirror, to) => {
  const started = RecordMirror.start({ mirror, to, listen });
  await expect(started).rejects.toMatchObject({ code: 'target-refused' });
  await expect(started).rejects.toThrow('the recorded service itself');
});

test.each([
  ['http://localhost:8080', '127.0.0.1'],
  ['http://127.0.0.1:8080', '0.0.0.0'],
  ['http://[::1]:8080', '::1'],
  ['http://[::1]:8080', '::'],
  ['http://localhost:8080', '::1'],
])('%s is where is listened, at %s', async (mirror, host) => {
  const started = RecordMirror.start({ mirror, to: service, listen: { ...listen, host } });
  await expect(started).rejects.toMatchObject({ code: 'target-refused' });
  await expect(started).rejects.toThrow('mirror what it mirrors');
});

test.each([
  ['http://127.0.0.2:3000', service],
  ['http://[::1]:3000', service],
  ['http://localhost:3001', service],
  ['http://shop.internal', 'http://new.shop.internal'],
  ['https://shop.internal', 'http://shop.internal'],
])('%s is another build than %s', (mirror, to) => {
  expect(isSamePlace(placeOf(mirror), placeOf(to))).toBe(false);
});

test('a mirror ends also where its recorder failed and never said that it was all', async () => {
  // It starts a thread, which is of the built packages.
  const built = new URL('../dist/record-mirror.js', import.meta.url).href;
  const { RecordMirror: Built }: typeof import('../src/record-mirror.ts') = await import(built);
  const to = `http://127.0.0.1:${await closedPort()}`;
  await using mirror = await Built.start({ mirror: to, to: service, listen });
  expect(mirror?.mirror.closed).toBe(false);
  expect(await mirror?.finish()).toMatchObject({ failed: { code: 'worker-failed' } });
});

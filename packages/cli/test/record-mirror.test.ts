// Starts a thread, which loads the built packages: `npm run build` first.
import { expect, test } from 'vitest';
import { closedPort } from '../../../test/support/http-server.ts';

const built = new URL('../dist/record-mirror.js', import.meta.url).href;
const { RecordMirror }: typeof import('../src/record-mirror.ts') = await import(built);

test('a mirror ends also where its recorder failed and never said that it was all', async () => {
  const origin = `http://127.0.0.1:${await closedPort()}`;
  const listen = { host: '127.0.0.1', port: 2 };
  await using mirror = await RecordMirror.start({ mirror: origin, to: 'http://127.0.0.1:1', listen });
  expect(mirror?.mirror.closed).toBe(false);
  expect(await mirror?.finish()).toMatchObject({ failed: { code: 'worker-failed' } });
});

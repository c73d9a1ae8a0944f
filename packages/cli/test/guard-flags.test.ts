import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { confirmTargets, guardOf, productionTarget } from '../src/guard-flags.ts';
import { memoryIo } from './support.ts';

test('flags are options of a guard', () => {
  const flags = { maxRps: 10, stopFile: 'stop', breaker: false, allow: ['https://a.test'] };
  expect(guardOf({ ...flags, maxDuration: 1.5 })).toMatchObject({ ...flags, maxDurationMs: 1_500 });
});

test.each([
  'https://prod.shop.test',
  'https://api-prod.shop.test:8443',
  'http://live2.shop.test',
  'https://PRODUCTION',
])('%s looks like production', (target) =>
  expect(productionTarget(['http://127.0.0.1:1', target])).toBe(target),
);

test.each([
  'https://products.shop.test',
  'https://delivery.test',
  'https://staging.test',
  'unix:/run/prod.sock',
])('%s does not', (target) => expect(productionTarget([target])).toBeUndefined());

const asked = (answer: string) => {
  const { io, stderr } = memoryIo();
  const stdin = new PassThrough();
  stdin.end(`${answer}\n`);
  return { io: { ...io, stdin, stdinIsTerminal: true }, stderr };
};
const targets = ['https://prod.shop.test'];

test('at a terminal it is asked, and nothing but yes is yes', async () => {
  for (const answer of ['y', 'YES', ' yes ']) await confirmTargets(targets, {}, asked(answer).io);
  for (const answer of ['', 'n', 'yesterday', 'sure']) {
    const { io, stderr } = asked(answer);
    await expect(confirmTargets(targets, {}, io)).rejects.toMatchObject({ code: 'target-refused' });
    expect(stderr()).toContain('https://prod.shop.test looks like production. Send to it? [y/N]');
  }
});

test('without a terminal nobody is asked, and --yes is needed', async () => {
  const { io } = memoryIo();
  await expect(confirmTargets(targets, {}, io)).rejects.toThrow(/add --yes/);
  await confirmTargets(targets, { yes: true }, io);
  await confirmTargets(['http://127.0.0.1:1'], {}, io);
});

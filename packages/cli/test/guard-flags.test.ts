import { PassThrough } from 'node:stream';
import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { confirmTargets, guardOf, parseBreaker, productionTarget } from '../src/guard-flags.ts';
import { memoryIo } from './support.ts';

test('flags are options of a guard', () => {
  const flags = { maxRps: 10, stopFile: 'stop', breaker: false, allow: ['https://a.test'] };
  expect(guardOf({ ...flags, maxDuration: 1.5 })).toMatchObject({ ...flags, maxDurationMs: 1_500 });
});

test('the numbers of a breaker turn it on, and are read as what they are', () => {
  const limits = { errors: 0.25, of: 40, pauseMs: 2_500, maxPauses: 0 };
  expect(parseBreaker('0.25:40:2.5s:0')).toEqual(limits);
  expect(guardOf({ breakerLimits: limits, maxLag: 200, rampUp: 0 })).toMatchObject({
    breaker: limits,
    maxLagMs: 200,
    rampUpMs: 0,
  });
  expect(() => guardOf({ breakerLimits: limits, breaker: false })).toThrow('--breaker-limits has no effect');
  for (const text of ['', '0.5', '0.5:20:5s', '50%:20:5s:3', '0.5:20:5:3', '0.5:20:5s:3:1', '-1:20:5s:3']) {
    expect(() => parseBreaker(text)).toThrow(InvalidArgumentError);
  }
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

import { expect, test } from 'vitest';
import { resolveStubOptions, type StubOptions } from '../../src/stub/options.ts';

test('what is left out has its default', () => {
  expect(resolveStubOptions()).toMatchObject({
    match: 'ordered',
    ignore: [],
    headers: [],
    onExhausted: 'fail',
    latencyFactor: 1,
    maxSilenceNs: 30e9,
    direction: undefined,
    operations: undefined,
  });
  expect(resolveStubOptions({ match: 'lenient' }).onExhausted).toBe('last');
  expect(resolveStubOptions({ latency: 'none' }).latencyFactor).toBe(0);
});

test.each<[string, object, RegExp]>([
  ['match', { match: 'loose' }, /^match must be 'strict' or 'ordered' or 'lenient', got 'loose'/],
  ['latency', { latency: -1 }, /^latency must be 'recorded', 'none' or a factor .* got -1/],
  ['latency', { latency: 'soon' }, /^latency must be .* got 'soon'/],
  ['maxSilenceMs', { maxSilenceMs: 0 }, /^maxSilenceMs must be a number over 0, got 0/],
  ['onExhausted', { onExhausted: 'first' }, /^onExhausted must be/],
  ['direction', { direction: 'both' }, /^direction must be/],
  ['operations', { operations: 'shop.Stock' }, /^operations must be a list/],
  ['ignore[0]', { ignore: ['everything'] }, /^ignore\[0\]: expected/],
  ['onCall', { onCall: 1 }, /^onCall must be a function/],
  ['lateny', { lateny: 'none' }, /a stub has no option "lateny".*did you mean "latency"/],
])('%s is refused where it is none', (_name, options: StubOptions, message) => {
  expect(() => resolveStubOptions(options)).toThrow(message);
});

import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { affinities, distinctAffinities, whyNoOwnProcessor } from '../../../../test/support/affinity.ts';
import { isGardenhoseError } from '../../src/errors.ts';
import { type OwnProcessor, ownProcessorProblem, takeProcessor } from '../../src/replay/own-processor.ts';

const why = whyNoOwnProcessor();
beforeEach(({ skip }) => skip(why !== undefined, why));
afterEach(() => vi.unstubAllEnvs());

const here = () => readlinkSync('/proc/thread-self').split('/').pop();

function taken(): OwnProcessor {
  const got = takeProcessor(here());
  if (isGardenhoseError(got)) throw got;
  return got;
}

test('a thread has a processor to itself, and all others of the process the rest, until it is given back', async () => {
  const [all] = distinctAffinities();
  const processor = taken();
  const tied = affinities();
  const own = tied.get(here() ?? '') ?? '';
  tied.delete(here() ?? '');
  const rest = new Set(tied.values());
  // Made by a tied thread: it is tied too, and given back with the others.
  const late = new Worker('require("node:worker_threads").parentPort.once("message", () => {})', {
    eval: true,
  });
  await once(late, 'online');
  processor.release();
  expect(own).toMatch(/^\d+$/);
  expect(own).not.toBe(all?.match(/^\d+/)?.[0]);
  expect(rest.size).toBe(1);
  expect([...rest][0]).not.toMatch(new RegExp(`\\b${own}\\b`));
  expect(distinctAffinities()).toEqual([all]);
  await late.terminate();
});

test('while one is taken no other is, and what is taken stays', () => {
  const processor = taken();
  const tied = affinities();
  const second = takeProcessor(here());
  const now = affinities();
  const problem = ownProcessorProblem();
  processor.release();
  expect(second).toMatchObject({
    code: 'invalid-option',
    message: expect.stringContaining('tied to different processors already'),
  });
  expect(problem).toEqual(second);
  expect([...now]).toEqual([...tied]);
  expect(distinctAffinities()).toHaveLength(1);
});

test.each([
  ['one that is not there', '4194305', /taskset failed: .*4194305/],
  ['one that has no number', undefined, /does not tell which thread/],
])('the processor of a thread cannot be taken for %s: nothing stays tied', (_, thread, sentence) => {
  const before = [...affinities()];
  expect(takeProcessor(thread)).toMatchObject({
    code: 'invalid-option',
    message: expect.stringMatching(sentence),
    place: { subject: 'ownProcessor' },
  });
  expect([...affinities()]).toEqual(before);
});

test('without taskset no processor is taken, and it is said why', () => {
  const before = [...affinities()];
  expect(ownProcessorProblem()).toBeUndefined();
  vi.stubEnv('PATH', '/nowhere');
  const sentence = /taskset, of util-linux, cannot be run: .*ENOENT/;
  expect(ownProcessorProblem()?.message).toMatch(sentence);
  expect(takeProcessor(here())).toMatchObject({ message: expect.stringMatching(sentence) });
  expect([...affinities()]).toEqual(before);
});

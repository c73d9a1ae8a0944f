import { setImmediate as turn } from 'node:timers/promises';
import { ManualClock } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { Output } from '../src/output.ts';
import { Progress } from '../src/progress.ts';
import { memoryIo } from './support.ts';

const drawn = (text: string) => `\r\x1b[2K${text}`;

async function shown(terminal: boolean, quiet: boolean): Promise<string> {
  const memory = memoryIo({ terminal });
  const clock = new ManualClock();
  const progress = new Progress(memory.io, new Output(memory.io, { json: false, quiet }), clock);
  progress.update(() => 'one');
  progress.update(() => 'too soon');
  clock.advanceMs(100);
  progress.update(() => `two ${'x'.repeat(200)}`);
  progress.clear();
  progress.clear();
  await turn();
  return memory.stderr();
}

test('progress redraws one line at most ten times a second, cut to the width of the terminal', async () => {
  expect(await shown(true, false)).toBe(drawn('one') + drawn(`two ${'x'.repeat(75)}`) + drawn(''));
});

test('there is no progress without a terminal, and none with quiet', async () => {
  expect(await shown(false, false)).toBe('');
  expect(await shown(true, true)).toBe('');
});

test('without a terminal, a command that asks for it says a plain line every ten seconds', async () => {
  const memory = memoryIo();
  const clock = new ManualClock();
  const output = new Output(memory.io, { json: false, quiet: false });
  const progress = new Progress(memory.io, output, clock, { plain: true });
  for (let i = 1; i <= 25; i++) {
    clock.advanceMs(1_000);
    progress.update((columns) => `${i} of 25${columns ?? ''}\x1b`);
  }
  progress.clear();
  await turn();
  expect(memory.stderr()).toBe('10 of 25\\x1b\n20 of 25\\x1b\n');
});

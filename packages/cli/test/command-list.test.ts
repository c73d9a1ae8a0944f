import { Help } from 'commander';
import { expect, test } from 'vitest';
import { commandList } from '../src/command-list.ts';
import { createProgram, runProgram } from '../src/program.ts';
import { memoryIo } from './support.ts';

test('what the help of the program shows of a command is what the command is', async () => {
  const whole = await createProgram(memoryIo().io);
  const terms = whole.commands.map((command) => new Help().subcommandTerm(command));
  expect(commandList.map(({ name, usage }) => `${name} ${usage}`.trimEnd())).toEqual(terms);
});

test('of a program with one command named, that one alone has its flags', async () => {
  const { commands } = await createProgram(memoryIo().io, 'verify');
  expect(commands.filter(({ options }) => options.length > 0).map((command) => command.name())).toEqual([
    'verify',
  ]);
});

test.each([
  { words: ['--help'], code: 0, said: 'verify [options] <file>     check that a capture is whole' },
  { words: ['verify', '--help'], code: 0, said: 'Usage: gardenhose verify [options] <file>' },
  { words: ['policy', 'show', '--help'], code: 0, said: 'Usage: gardenhose policy show [options]' },
  { words: ['verfy'], code: 64, said: "unknown command 'verfy'\n(Did you mean verify?)" },
  { words: ['verify', '--no-such'], code: 64, said: "unknown option '--no-such'" },
])('$words is answered', async ({ words, code, said }) => {
  const { io, stdout, stderr } = memoryIo();
  expect(await runProgram(words, io)).toBe(code);
  expect(stdout() + stderr()).toContain(said);
});

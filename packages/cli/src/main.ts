#!/usr/bin/env node
import { exitCodes } from './exit-codes.ts';
import { printableLines } from './printable.ts';
import { runProgram } from './program.ts';

const interrupt = new AbortController();
let claimed = false;
let endNow = (): void => undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!claimed || interrupt.signal.aborted) {
      endNow();
      process.exit(exitCodes.interrupted);
    }
    interrupt.abort(signal);
  });
}
// Warnings in the words of every other message, without the advice that Node adds for programmers.
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => {
  const what = name === 'GardenhoseWarning' ? message : `${name}: ${message}`;
  process.stderr.write(`gardenhose: ${printableLines(what)}\n`);
});
// A reader that went away (`| head`) is no failure: what is left to say is dropped.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const { stdin, stdout, stderr, env } = process;
const code = await runProgram(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  stdinIsTerminal: stdin.isTTY === true,
  claimInterrupt(end = () => undefined) {
    claimed = true;
    endNow = end;
    return interrupt.signal;
  },
});

// Warnings are told a turn later than they are given.
await new Promise((done) => setImmediate(done));
// What is still open is of no use now, but what was written must reach its reader.
const flushed = (stream: NodeJS.WriteStream) =>
  new Promise<void>((done) => {
    if (stream.destroyed || stream.writableLength === 0) done();
    else stream.once('close', () => done()).write('', () => done());
  });
await Promise.all([flushed(stdout), flushed(stderr)]);
process.exit(code);

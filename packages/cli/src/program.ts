import { isGardenhoseError } from '@gardenhose/core';
import { Command, CommanderError } from 'commander';
import { correlateCommand } from './commands/correlate.ts';
import { inspectCommand } from './commands/inspect.ts';
import { maskCommand } from './commands/mask.ts';
import { policyCommand } from './commands/policy.ts';
import { recordCommand } from './commands/record.ts';
import { recoverCommand } from './commands/recover.ts';
import { replayCommand } from './commands/replay.ts';
import { reportCommand } from './commands/report.ts';
import { runCommand } from './commands/run.ts';
import { scanCommand } from './commands/scan.ts';
import { stubCommand } from './commands/stub.ts';
import { verifyCommand } from './commands/verify.ts';
import type { CommandContext } from './context.ts';
import { describeError } from './describe-error.ts';
import { type ExitCode, exitCodeOf, exitCodes, isSystemError } from './exit-code.ts';
import type { Io } from './io.ts';
import { Output } from './output.ts';
import { version } from './version.ts';

const intro = `
Records the traffic of a service into a masked capture, and plays it back in order and on time.

Captures end in .hose; "-" stands for standard input or output where a capture is read or written.`;

const outro = `
A first round:
  gardenhose record --listen 127.0.0.1:8080 --to http://127.0.0.1:3000 -o orders.hose
  gardenhose inspect orders.hose
  gardenhose replay orders.hose --to http://127.0.0.1:3000 --compare

Exit codes: 0 fine, 1 differences or a failed verdict, 2 inconclusive, 3 refused by a guard,
64 wrong usage, 65 bad input, 74 I/O. Each command: gardenhose COMMAND --help`;

/** All commands, their flags and their help. `runs` receives what the chosen command will end with. */
export function createProgram(io: Io, runs: (exit: Promise<ExitCode>) => void = () => undefined): Command {
  const context: CommandContext = {
    io,
    run(flags, body) {
      const output = new Output(io, { json: flags.json === true, quiet: flags.quiet === true });
      runs(body(output).catch((error: unknown) => report(error, output)));
    },
  };
  const program = new Command('gardenhose')
    .description(intro.trim())
    .addHelpText('after', outro)
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'show help')
    .helpCommand(false)
    .enablePositionalOptions()
    .showHelpAfterError(false);
  for (const command of [
    recordCommand(context),
    runCommand(context),
    replayCommand(context),
    reportCommand(context),
    stubCommand(context),
    inspectCommand(context),
    correlateCommand(context),
    verifyCommand(context),
    recoverCommand(context),
    scanCommand(context),
    maskCommand(context),
    policyCommand(context),
  ]) {
    program.addCommand(command.helpOption('--help', 'show help'));
  }
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, `gardenhose: `)),
    });
  }
  return program;
}

/** A command with those below it. */
function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** Runs the command line and says what to exit with. */
export async function runProgram(args: readonly string[], io: Io): Promise<ExitCode> {
  let exit: Promise<ExitCode> = Promise.resolve(exitCodes.fine);
  const program = createProgram(io, (running) => {
    exit = running;
  });
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end this way too.
    if (error.exitCode === 0) return exitCodes.fine;
    const message = error.message.replace(/^error: /, '');
    const output = new Output(io, { json: args.includes('--json'), quiet: true });
    await output.document({ error: { code: 'usage', message, exit: exitCodes.usage } });
    return exitCodes.usage;
  }
  return exit;
}

async function report(error: unknown, output: Output): Promise<ExitCode> {
  const exit = exitCodeOf(error);
  const message = describeError(error);
  output.error(message);
  await output.document({ error: { code: codeOf(error), message, exit } });
  return exit;
}

function codeOf(error: unknown): string {
  if (isGardenhoseError(error)) return error.code;
  return isSystemError(error) ? 'io' : 'internal';
}

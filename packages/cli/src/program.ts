import { Command, CommanderError } from 'commander';
import { commandList } from './command-list.ts';
import type { CommandContext } from './context.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
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

/**
 * All commands. `runs` receives what the chosen command will end with.
 *
 * @param named - The command whose flags and help are needed; of the others there is only what the help of the program shows.
 * Default all
 */
export async function createProgram(
  io: Io,
  named?: string,
  runs: (exit: Promise<ExitCode>) => void = () => undefined,
): Promise<Command> {
  const context: CommandContext = {
    io,
    run(flags, body) {
      const output = new Output(io, { json: flags.json === true, quiet: flags.quiet === true });
      const told = async (error: unknown) => (await import('./failure.ts')).tellFailure(error, output);
      runs(body(output).catch(told));
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
  const usages = new Map(commandList.map(({ name, usage }) => [name, usage]));
  program.configureHelp({
    subcommandTerm: (command) => `${command.name()} ${usages.get(command.name()) ?? ''}`.trimEnd(),
  });
  for (const { name, summary, load } of commandList) {
    const command = named === undefined || named === name ? await load(context) : new Command(name);
    program.addCommand(command.summary(summary).helpOption('--help', 'show help'));
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
  const named = args.find((word) => !word.startsWith('-')) ?? '';
  const program = await createProgram(io, named, (running) => {
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

import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import type { Output } from './output.ts';

/** Flags that every command has. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What a command needs to run. */
export interface CommandContext {
  readonly io: Io;
  /** Runs the body of the command; what it throws becomes one sentence and an exit code. */
  run(flags: CommonFlags, body: (output: Output) => Promise<ExitCode>): void;
}

/** Adds the flags that every command has. */
export function withCommonFlags(command: Command): Command {
  return command
    .option('--json', 'print one JSON document and nothing else on standard output')
    .option('--quiet', 'no notes and no progress, only the result and errors');
}

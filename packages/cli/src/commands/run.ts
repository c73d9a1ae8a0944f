import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { type CaptureSummary, createMasker, GardenhoseError, openCapture } from '@gardenhose/core';
import { Command } from 'commander';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { parseCount, parseRatio } from '../flags.ts';
import type { Io } from '../io.ts';
import { type MaskFlags, maskHelp, maskOf, withMaskFlags } from '../mask-flags.ts';
import { type Output, showBytes, showCount } from '../output.ts';

interface RunFlags extends CommonFlags, MaskFlags {
  readonly output: string;
  readonly overwrite?: boolean;
  readonly service?: string;
  readonly sample?: number;
  readonly maxBodyBytes?: number;
  readonly maxFileBytes?: number;
}

/** How a child process ended. */
interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const help = `
The command is run as it is, with the taps loaded into every Node process that it starts: no code change. What follows
"--" is the command. A process that serves no request makes no file; each further process that does, makes one of its
own, with its process id in the name. An interrupt is passed on to the service; a second ends everything at once.
Exit code: that of the service; 2 when it ended well but served nothing.
${maskHelp}

Examples:
  gardenhose run -o orders.hose -- node server.js
  gardenhose run -o orders.hose --sample 0.1 --service orders -- npm start`;

/** `gardenhose run -o FILE -- node server.js`. */
export function runCommand(context: CommandContext): Command {
  const command = new Command('run')
    .summary('run a Node service and record it from inside')
    .description(
      'Runs a Node service with the taps preloaded, and records what its HTTP servers serve, masked.',
    )
    .argument('<command...>', 'the service, after "--"')
    .requiredOption('-o, --output <file>', 'capture to write')
    .option('--overwrite', 'replace the output if it is there')
    .option(
      '--service <name>',
      "the service's name, for the capture's header (default: that of its package or script)",
    )
    .option('--sample <ratio>', 'record this share of exchanges, over 0 up to 1 (default: 1)', parseRatio)
    .option('--max-body-bytes <n>', 'leave out bodies longer than this (default: 1048576)', parseCount)
    .option('--max-file-bytes <n>', 'begin another file after this many bytes', parseCount)
    .passThroughOptions()
    .addHelpText('after', help);
  return withCommonFlags(withMaskFlags(command)).action((words: readonly string[], flags: RunFlags) => {
    context.run(flags, async (output) => {
      // What is wrong with the policy shall be told here, and not by a service that runs unrecorded.
      createMasker(maskOf(flags, context.io.env));
      makeRoom(flags);
      const ending = await runService(words, flags, context.io, output);
      return conclude(flags.output, ending, output);
    });
  });
}

async function runService(
  words: readonly string[],
  flags: RunFlags,
  io: Io,
  output: Output,
): Promise<Ending> {
  const [file = '', ...args] = words;
  let end = (): void => undefined;
  const interrupt = io.claimInterrupt(() => end());
  // With --json, standard output is for the document alone.
  const stdout = output.json ? 2 : 'inherit';
  const child = spawn(file, args, { stdio: ['inherit', stdout, 'inherit'], env: serviceEnv(flags, io.env) });
  end = () => child.kill('SIGKILL');
  interrupt.addEventListener('abort', () => {
    // A terminal sends Ctrl-C to the service as well.
    if (!(interrupt.reason === 'SIGINT' && io.stdinIsTerminal)) child.kill(interrupt.reason);
  });
  const [code, signal]: [number | null, NodeJS.Signals | null] = await exited(child);
  const asked = interrupt.aborted && (signal === 'SIGINT' || signal === 'SIGTERM');
  return asked ? { code: 0, signal: null } : { code, signal };
}

/** The environment in which every Node process records itself; the guide to HTTP servers has the table. */
function serviceEnv(flags: RunFlags, env: Io['env']): Record<string, string | undefined> {
  const preload = `--import=${import.meta.resolve('@gardenhose/http-adapter/register')}`;
  const text = (value: number | undefined) => (value === undefined ? undefined : String(value));
  return {
    ...env,
    NODE_OPTIONS: [env.NODE_OPTIONS, preload].filter((part) => part).join(' '),
    GARDENHOSE_OUTPUT: resolve(flags.output),
    GARDENHOSE_SERVICE: flags.service ?? env.GARDENHOSE_SERVICE,
    GARDENHOSE_MASK_POLICY: flags.policy === undefined ? env.GARDENHOSE_MASK_POLICY : resolve(flags.policy),
    GARDENHOSE_MASK_KEY_FILE:
      flags.maskKeyFile === undefined ? env.GARDENHOSE_MASK_KEY_FILE : resolve(flags.maskKeyFile),
    GARDENHOSE_SAMPLE_RATIO: text(flags.sample) ?? env.GARDENHOSE_SAMPLE_RATIO,
    GARDENHOSE_MAX_BODY_BYTES: text(flags.maxBodyBytes) ?? env.GARDENHOSE_MAX_BODY_BYTES,
    GARDENHOSE_MAX_FILE_BYTES: text(flags.maxFileBytes) ?? env.GARDENHOSE_MAX_FILE_BYTES,
  };
}

async function conclude(path: string, { code, signal }: Ending, output: Output): Promise<ExitCode> {
  const summary = await summaryOf(path);
  const status = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  if (status !== 0) output.error(`the service ended with ${signal ?? `exit code ${status}`}`);
  await output.text(
    summary === undefined
      ? `nothing was recorded: ${path} was not made, since no request was served or for the reason told above`
      : `${showCount(summary.exchanges, 'exchange')} recorded to ${path} (${showBytes(summary.bytes)})`,
  );
  await output.document({ file: path, code, signal, recorded: summary ?? null });
  if (status !== 0) return status;
  return summary === undefined ? exitCodes.inconclusive : exitCodes.fine;
}

async function summaryOf(path: string): Promise<CaptureSummary | undefined> {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  await using capture = await openCapture(path);
  return await capture.summary();
}

/** The taps write only to a new file, so that a service that restarts replaces nothing. */
function makeRoom({ output, overwrite }: RunFlags): void {
  const subject = { subject: output };
  if (output === '-') {
    throw new GardenhoseError(
      'invalid-option',
      '-o must be a file: standard output belongs to the service',
      subject,
    );
  }
  const found = lstatSync(output, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isFile())
    throw new GardenhoseError('io', `${output} is there and is no file; name another`, subject);
  if (overwrite !== true) {
    throw new GardenhoseError(
      'io',
      `${output} is there already; name another file or add --overwrite`,
      subject,
    );
  }
  rmSync(output);
}

async function exited(child: ReturnType<typeof spawn>): Promise<[number | null, NodeJS.Signals | null]> {
  await once(child, 'exit');
  return [child.exitCode, child.signalCode];
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  type Capture,
  type CaptureHeader,
  type CaptureSummary,
  createMasker,
  GardenhoseError,
  isGardenhoseError,
  type KeySource,
  openCapture,
  unknownHeadersText,
} from '@gardenhose/core';
import { Command } from 'commander';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { type ControlFlags, controlEnv, withControlFlags } from '../control-flags.ts';
import { describeError } from '../describe-error.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { encryptionHelp, encryptionKeyOf, fileEnv } from '../file-flags.ts';
import { flightEnv, flightOptionsOf, needsOutput } from '../flight-flags.ts';
import { unmaskedLines } from '../header-text.ts';
import type { Io } from '../io.ts';
import { maskHelp, maskOf } from '../mask-flags.ts';
import { type Output, showBytes, showCount } from '../output.ts';
import { laneText, type RecordingFlags, withRecordingFlags } from '../recording-flags.ts';
import { samplingEnv } from '../sampling-flags.ts';

interface RunFlags extends CommonFlags, ControlFlags, RecordingFlags {
  readonly outbound?: boolean;
  readonly parents?: boolean;
}

/** How long the last of the service's processes may take to end after the first has. */
const groupWaitMs = 5000;
const groupLookMs = 20;
/** A long recording is not read to its end to tell what headers were in it. */
const eventsLookedAt = 100_000;
const mostUnknown = 64;

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
${encryptionHelp}

Examples:
  gardenhose run -o orders.hose -- node server.js
  gardenhose run -o orders.hose --sample 0.1 --service orders -- npm start`;

/** `gardenhose run -o FILE -- node server.js`. */
export function runCommand(context: CommandContext): Command {
  const command = new Command('run')
    .description(
      'Runs a Node service with the taps preloaded, and records what its HTTP and gRPC servers serve, masked.',
    )
    .argument('<command...>', 'the service, after "--"')
    .option('--outbound', 'record also what the service asks others, over HTTP and gRPC')
    .option('--parents', 'note which request of the service each of those comes of; --outbound comes with it')
    .passThroughOptions()
    .addHelpText('after', help);
  const texts = { output: 'capture to write', service: 'that of its package or script' };
  return withCommonFlags(withControlFlags(withRecordingFlags(command, texts))).action(
    (words: readonly string[], flags: RunFlags) => {
      context.run(flags, async (output) => {
        // What is wrong with the policy shall be told here, and not by a service that runs unrecorded.
        const { summary } = createMasker(maskOf(flags, context.io.env));
        for (const line of unmaskedLines({ policy: summary })) output.note(line);
        const encryptionKey = encryptionKeyOf(flags, context.io.env);
        needsOutput(flags);
        flightOptionsOf(flags, context.io.env);
        makeRoom(flags);
        const ending = await runService(words, flags, context.io, output);
        return conclude(flags, encryptionKey, ending, output);
      });
    },
  );
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
  // A group of its own lets a signal reach the service also behind `npm start` and `sh -c`, which hand none on. On a terminal
  // it stays in the group of the terminal, which sends Ctrl-C to all of it.
  const ownGroup = process.platform !== 'win32' && !io.stdinIsTerminal;
  const child = spawn(file, args, {
    stdio: ['inherit', stdout, 'inherit'],
    env: serviceEnv(flags, io.env),
    detached: ownGroup,
  });
  const group = ownGroup ? child.pid : undefined;
  const send = (signal: NodeJS.Signals | 0): boolean =>
    group === undefined ? child.kill(signal) : sendToGroup(group, signal);
  end = () => void send('SIGKILL');
  interrupt.addEventListener('abort', () => {
    // A terminal sends Ctrl-C to the service as well.
    if (!(interrupt.reason === 'SIGINT' && io.stdinIsTerminal)) send(interrupt.reason);
  });
  const [code, signal]: [number | null, NodeJS.Signals | null] = await exited(child);
  if (!interrupt.aborted) return { code, signal };
  // What was before the service may end before it, and the capture is closed by the service.
  if (group !== undefined) await gone(() => send(0));
  const asked = (['SIGINT', 'SIGTERM'] as const).some(
    (name) => signal === name || code === 128 + constants.signals[name],
  );
  return asked ? { code: 0, signal: null } : { code, signal };
}

/** False when nobody is there any more. */
function sendToGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

async function gone(isThere: () => boolean): Promise<void> {
  for (let waited = 0; waited < groupWaitMs && isThere(); waited += groupLookMs)
    await setTimeout(groupLookMs);
}

/** The environment in which every Node process records itself; the guide to HTTP servers has the table. */
function serviceEnv(flags: RunFlags, env: Io['env']): Record<string, string | undefined> {
  const preloads = ['http', 'grpc'].map(
    (name) => `--import=${import.meta.resolve(`@gardenhose/${name}-adapter/register`)}`,
  );
  const text = (value: number | undefined) => (value === undefined ? undefined : String(value));
  return {
    ...env,
    NODE_OPTIONS: [env.NODE_OPTIONS, ...preloads].filter((part) => part).join(' '),
    // Not that of the environment: where -o is not given, there is to be no file.
    GARDENHOSE_OUTPUT: flags.output === '' ? undefined : resolve(flags.output),
    GARDENHOSE_OUTBOUND: flags.outbound || flags.parents ? '1' : env.GARDENHOSE_OUTBOUND,
    GARDENHOSE_PARENTS: flags.parents ? '1' : env.GARDENHOSE_PARENTS,
    GARDENHOSE_SERVICE: flags.service ?? env.GARDENHOSE_SERVICE,
    GARDENHOSE_MASK_POLICY: flags.policy === undefined ? env.GARDENHOSE_MASK_POLICY : resolve(flags.policy),
    GARDENHOSE_MASK_KEY_FILE:
      flags.maskKeyFile === undefined ? env.GARDENHOSE_MASK_KEY_FILE : resolve(flags.maskKeyFile),
    ...fileEnv(flags, env),
    ...flightEnv(flags, env),
    ...samplingEnv(flags, env, resolve),
    ...controlEnv(flags, env, resolve),
    GARDENHOSE_LANE: laneText(flags.lane) ?? env.GARDENHOSE_LANE,
    GARDENHOSE_MAX_BODY_BYTES: text(flags.maxBodyBytes) ?? env.GARDENHOSE_MAX_BODY_BYTES,
  };
}

async function conclude(
  { output: path, flight }: RunFlags,
  encryptionKey: KeySource | undefined,
  { code, signal }: Ending,
  output: Output,
): Promise<ExitCode> {
  const recorded = path === '' ? undefined : await recordedTo(path, encryptionKey, output);
  const { summary } = recorded ?? {};
  const status = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  if (status !== 0) output.error(`the service ended with ${signal ?? `exit code ${status}`}`);
  const unknownHeaders = recorded?.unknownHeaders ?? [];
  await output.text(
    path === ''
      ? `what was saved is in ${flight}`
      : recorded === undefined
        ? `nothing was recorded: ${path} was not made, since no request was served or for the reason told above`
        : [
            `${showCount(recorded.summary.exchanges, 'exchange')} recorded to ${path} (${showBytes(recorded.summary.bytes)})`,
            ...unmaskedLines(recorded.header),
            ...unknownHeadersText(unknownHeaders),
          ].join('\n'),
  );
  await output.document({
    file: path === '' ? null : path,
    flight: flight ?? null,
    code,
    signal,
    policy: recorded?.header.policy,
    recorded: summary ?? null,
    unknownHeaders,
  });
  if (status !== 0) return status;
  return summary === undefined && path !== '' ? exitCodes.inconclusive : exitCodes.fine;
}

interface Recorded {
  readonly header: CaptureHeader;
  readonly summary: CaptureSummary;
  /** As far as the capture was read for them. */
  readonly unknownHeaders: readonly (readonly [name: string, exchanges: number])[];
}

async function recordedTo(
  path: string,
  encryptionKey: KeySource | undefined,
  output: Output,
): Promise<Recorded | undefined> {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  await using capture = await openCapture(path, { encryptionKey });
  const summary = await capture.summary();
  return { header: capture.header, summary, unknownHeaders: await unknownHeadersOf(capture, output) };
}

async function unknownHeadersOf(capture: Capture, output: Output): Promise<Recorded['unknownHeaders']> {
  const counts = new Map<string, number>();
  let events = 0;
  try {
    for await (const event of capture.events()) {
      for (const name of event.type === 'audit' ? event.unknownHeaders : []) {
        if (counts.has(name) || counts.size < mostUnknown) counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      if (++events >= eventsLookedAt) break;
    }
  } catch (error) {
    // How the service ended is what this command ends with.
    if (!isGardenhoseError(error)) throw error;
    output.error(describeError(error));
  }
  return [...counts].sort(([, x], [, y]) => y - x);
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
  const found = output === '' ? undefined : lstatSync(output, { throwIfNoEntry: false });
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

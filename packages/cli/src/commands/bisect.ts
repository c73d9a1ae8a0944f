import {
  type Exchange,
  type ExchangeId,
  GardenhoseError,
  type Minimised,
  minimise,
  planReplay,
  type ReplayRunOptions,
  replay,
  type Sender,
  systemClock,
} from '@gardenhose/core';
import { Command, Option } from 'commander';
import { type BisectOutput, bisectOutput, checkBisectOutput, writeBisect } from '../bisect-output.ts';
import { type CaptureContents, type CaptureSource, openSource } from '../capture-source.ts';
import { type CommandContext, withCommonFlags } from '../context.ts';
import { describeError } from '../describe-error.ts';
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-code.ts';
import { collect, parseCount, parsePositive } from '../flags.ts';
import { confirmTargets, guardOf, withGuardFlags } from '../guard-flags.ts';
import type { Io } from '../io.ts';
import { correlationOf, timeShiftOf, withLiveFlags } from '../live-flags.ts';
import { withMaskFlags } from '../mask-flags.ts';
import { type Output, showCount } from '../output.ts';
import { paceOptions } from '../pace-flags.ts';
import { printable } from '../printable.ts';
import { Progress } from '../progress.ts';
import {
  checkReplayFlags,
  compareOptions,
  parseHeader,
  type ReplayFlags,
  readOnlyMethods,
  rulesOf,
} from '../replay-flags.ts';
import { schemasOf, withSchemaFlags } from '../schema-flags.ts';
import { openTarget, withTargetFlags } from '../target.ts';
import { TrialCommands } from '../trial-commands.ts';
import { type Failure, type FailureKind, failuresOf } from '../trial-failure.ts';
import { startService } from '../trial-service.ts';

interface BisectFlags extends ReplayFlags {
  readonly until: FailureKind;
  readonly output: string;
  readonly overwrite?: boolean;
  readonly exchange?: number;
  readonly start?: string;
  readonly reset?: string;
  readonly startTimeout: number;
  readonly maxTrials: number;
}

const help = `
The whole capture is replayed first. The first failure in it, in recorded order, is then looked for in ever smaller parts of the
capture: first the shortest beginning that shows it, then a set in which every exchange is needed. The same failure of the
same exchange counts: the same place of a difference, the same status, or any exchange that the target broke off.

What one trial leaves in the target must not help or hinder the next: --start runs a shell command for each trial and ends it
afterwards, --reset runs one to its end before each trial. Without either, the target must answer the same each time.

Trials send one exchange after the other, as fast as answers come. For failures that hang on what runs side by side, or on
times, give --order causal and --pace recorded. Guards hold as for "gardenhose replay": see its help.

Written are OUT, a capture of what is needed; OUT with the ending .sh, a script that sends the same with curl and grpcurl; and
for calls OUT with the ending .binpb, their schemas, for grpcurl.
Exit code: 0 found and shown again at the end, 2 the failure does not show, or not each time, 3 refused.

Examples:
  gardenhose bisect orders.hose --to http://127.0.0.1:3000 --until status -o small.hose
  gardenhose bisect orders.hose --to http://127.0.0.1:3000 --until crash --start 'node server.js' -o crash.hose
  gardenhose bisect orders.hose --to http://127.0.0.1:3000 --until diff --exchange 812 --reset ./reset-db.sh -o one.hose`;

/** `gardenhose bisect FILE --to ORIGIN --until diff|status|crash -o OUT`. */
export function bisectCommand(context: CommandContext): Command {
  const command = new Command('bisect')
    .description('Finds the smallest part of a capture that still shows a failure of the target.')
    .argument('<file>', 'capture to search');
  withTargetFlags(command)
    .addOption(
      new Option('--until <kind>', 'what to look for: a difference of an answer, another status, a crash')
        .choices(['diff', 'status', 'crash'])
        .makeOptionMandatory(),
    )
    .requiredOption('-o, --output <file>', 'capture to write')
    .option('--overwrite', 'replace the output if it is there')
    .option('--exchange <id>', 'look for a failure of this exchange, not the first one', parseCount)
    .option('--start <command>', 'shell command that starts the target anew for each trial')
    .option(
      '--start-timeout <ms>',
      'how long --start may take until it listens (default: 10000)',
      parsePositive,
      10_000,
    )
    .option('--reset <command>', 'shell command that is run to its end before each trial')
    .option('--max-trials <n>', 'trials at most (default: 200)', parseCount, 200)
    .addOption(
      new Option('--pace <pace>', 'asap (default), or recorded')
        .choices(['asap', 'recorded'])
        .default('asap'),
    )
    .addOption(
      new Option(
        '--order <order>',
        'serial (default): one after the other; causal or lane: side by side, as recorded',
      )
        .choices(['serial', 'causal', 'lane'])
        .default('serial'),
    )
    .option('--header <name: value>', 'set a request header; may be repeated', collect(parseHeader))
    .option('--ignore <path>', 'with --until diff: no difference here; may be repeated', collect(String))
    .addHelpText('after', help);
  return withCommonFlags(withSchemaFlags(withMaskFlags(withGuardFlags(withLiveFlags(command))))).action(
    (file: string, flags: BisectFlags) => {
      context.run(flags, async (output) => {
        checkFlags(file, flags);
        await checkBisectOutput(file, bisectOutput(flags.output), flags.overwrite === true);
        await using source = await openSource(file, context.io);
        const contents = await source.contents();
        contents.schemas.unshift(...(await schemasOf(flags)));
        const sender = await openTarget(flags, contents.protocols);
        const progress = new Progress(context.io, output, systemClock);
        try {
          return await search(file, flags, source, contents, output, sender, progress, context.io);
        } finally {
          progress.clear();
          await sender.close();
        }
      });
    },
  );
}

function checkFlags(file: string, flags: BisectFlags): void {
  const wrong = (subject: string, why: string) =>
    new GardenhoseError('invalid-option', `${subject} ${why}`, { subject });
  if (file === '-') throw wrong('FILE', 'is read once for each trial, so it cannot be standard input');
  if (flags.output === '-') throw wrong('-o', 'must be a file, since a script is written beside it');
  if (flags.until !== 'diff' && flags.ignore !== undefined)
    throw wrong('--ignore', 'has an effect only with --until diff; leave it out');
  if (flags.until === 'crash' && flags.start === undefined && flags.reset === undefined)
    throw wrong('--until crash', 'needs a target that comes back: say how with --start or --reset');
  checkReplayFlags({ ...flags, compare: flags.until === 'diff' });
}

/** What one trial came to. */
interface Trial {
  readonly failures: readonly Failure[];
  readonly sent: number;
  readonly stopped: string | undefined;
}

async function search(
  file: string,
  flags: BisectFlags,
  source: CaptureSource,
  contents: CaptureContents,
  output: Output,
  sender: Sender,
  progress: Progress,
  io: Io,
): Promise<ExitCode> {
  const commands = new TrialCommands();
  const signal = io.claimInterrupt(() => commands.endNow());
  const trialOf = await trials(flags, source, contents, sender, io, commands, signal);
  const ids: ExchangeId[] = [];
  for await (const { id } of source.exchanges()) ids.push(id);
  output.note(`replaying all ${showCount(ids.length, 'exchange')} of ${file}`);
  const whole = await trialOf(new Set(ids));
  const wanted = firstFailure(whole.failures, flags.exchange);
  if (wanted === undefined) {
    const where = flags.exchange === undefined ? '' : ` of exchange ${flags.exchange}`;
    const why = whole.stopped === undefined ? '' : `; the run was stopped (${whole.stopped})`;
    output.error(
      `no failure${where} of the kind "${flags.until}" shows in ${whole.sent} exchanges sent${why}`,
    );
    await output.document({ file, until: flags.until, found: false, sent: whole.sent });
    return exitCodes.inconclusive;
  }
  output.note(
    `looking for: exchange ${wanted.exchange}, ${printable(wanted.operation, 80)}: ${printable(wanted.sign, 120)}`,
  );
  // What was found by then may have taken an hour: it is not lost with a trial that fails.
  const broken = new AbortController();
  const tryOut = async (some: readonly ExchangeId[]): Promise<boolean | undefined> => {
    try {
      return shows(await trialOf(new Set(some)), wanted, flags.until);
    } catch (error) {
      broken.abort(error);
      return undefined;
    }
  };
  const found = await minimise(
    ids,
    async (some) => some.length === ids.length || (await tryOut(some)) === true,
    {
      maxTrials: flags.maxTrials,
      from: ids.indexOf(wanted.exchange) + 1,
      signal: AbortSignal.any([signal, broken.signal]),
      onTrial: ({ number, size, smallest }) =>
        progress.update(
          () =>
            `trial ${number} of at most ${flags.maxTrials}: ${size} exchanges, smallest so far ${smallest}`,
        ),
    },
  );
  progress.clear();
  const over = signal.aborted || broken.signal.aborted;
  const again = over ? undefined : await tryOut(found.items);
  const exit = await conclude(file, flags, source, contents, output, found, wanted, again);
  if (!broken.signal.aborted) return exit;
  const { reason } = broken.signal;
  output.error(`a trial failed, and ended the search: ${describeError(reason)}`);
  return exitCodeOf(reason);
}

function firstFailure(failures: readonly Failure[], exchange: number | undefined): Failure | undefined {
  return failures
    .filter((one) => exchange === undefined || one.exchange === exchange)
    .sort((a, b) => a.seq - b.seq)[0];
}

/** A target that broke off did so for all that were under way: which of them, is chance. */
function shows({ failures }: Trial, wanted: Failure, kind: FailureKind): boolean {
  return failures.some(
    ({ exchange, sign }) => kind === 'crash' || (exchange === wanted.exchange && sign === wanted.sign),
  );
}

/** Gives what replays a part of the capture, each time to a target that is as new. */
async function trials(
  flags: BisectFlags,
  source: CaptureSource,
  contents: CaptureContents,
  sender: Sender,
  io: Io,
  commands: TrialCommands,
  signal: AbortSignal,
): Promise<(ids: ReadonlySet<ExchangeId>) => Promise<Trial>> {
  const rules = await rulesOf(flags);
  const options: ReplayRunOptions = {
    ...paceOptions(flags),
    order: flags.order,
    thread: 'inline',
    guard: { ...guardOf(flags), readOnly: readOnlyMethods(flags, contents) },
    rules,
    schemas: contents.schemas,
    correlate: await correlationOf(flags, source, contents),
    timeShift: await timeShiftOf(flags, source, io),
    compare: flags.until === 'diff' && compareOptions(flags, source, contents, io),
    signal,
  };
  // Before a command is run: a target that may not be sent to is not started either.
  await planReplay(source.exchanges(), sender, { guard: options.guard });
  await confirmTargets(sender.targets ?? [sender.target], flags, io);
  const origin = flags.to ?? flags.toGrpc ?? '';
  return async (ids) => {
    if (flags.reset !== undefined) await commands.run(flags.reset, '--reset');
    const { start, startTimeout } = flags;
    const service =
      start === undefined ? undefined : await startService(commands, start, origin, startTimeout);
    try {
      const failures: Failure[] = [];
      const report = await replay(only(source.exchanges(), ids), sender, {
        ...options,
        onResult: (result, comparison) => failures.push(...failuresOf(flags.until, result, comparison)),
      });
      return { failures, sent: report.exchanges.sent, stopped: report.run?.stopped };
    } finally {
      await service?.stop();
    }
  };
}

async function* only(
  exchanges: AsyncIterable<Exchange>,
  ids: ReadonlySet<ExchangeId>,
): AsyncGenerator<Exchange, void, undefined> {
  for await (const exchange of exchanges) if (ids.has(exchange.id)) yield exchange;
}

async function conclude(
  file: string,
  flags: BisectFlags,
  source: CaptureSource,
  contents: CaptureContents,
  output: Output,
  found: Minimised<ExchangeId>,
  wanted: Failure,
  again: boolean | undefined,
): Promise<ExitCode> {
  const files = bisectOutput(flags.output);
  const exchanges: Exchange[] = [];
  for await (const exchange of only(source.exchanges(), new Set(found.items))) exchanges.push(exchange);
  // What was found may have taken an hour: it is told first, whatever becomes of the files.
  const lines = [
    `${showCount(exchanges.length, 'exchange')} of the first ${found.prefix} show it, found in ${showCount(found.trials, 'trial')}:`,
    ...exchanges
      .slice(0, 50)
      .map(({ id, request }) => `  ${id}  ${printable(`${request.method} ${request.target}`, 100)}`),
  ];
  if (exchanges.length > 50) lines.push(`  and ${exchanges.length - 50} more`);
  lines.push(
    `What fails: exchange ${wanted.exchange}, ${printable(wanted.operation, 80)}: ${printable(wanted.sign, 120)}`,
  );
  await output.text(lines.join('\n'));
  if (!found.minimal) output.note('the search was ended before it was over: fewer exchanges may do');
  if (again === false) {
    output.error(
      'the same exchanges did not show it a second time: the target, or their times, decide as well; try --start, --reset or --pace recorded',
    );
  }
  const written = await write(file, files, exchanges, flags, contents, output);
  if (written.error === undefined) {
    const also =
      written.script === undefined
        ? '; no script, which would hold the requests of an encrypted capture in plain'
        : `, and as a script to ${written.script}`;
    await output.text(`Written to ${files.capture}${also}`);
  }
  await output.document({
    file,
    until: flags.until,
    found: true,
    failure: { exchange: wanted.exchange, operation: wanted.operation, what: wanted.sign },
    exchanges: found.items,
    prefix: found.prefix,
    trials: found.trials,
    minimal: found.minimal,
    shownAgain: again ?? null,
    ...written.document,
  });
  if (written.error !== undefined) return written.error;
  return again === true ? exitCodes.fine : exitCodes.inconclusive;
}

interface Written {
  /** What to end with, where it could not be written. */
  readonly error?: ExitCode;
  readonly script?: string | undefined;
  readonly document: object;
}

async function write(
  file: string,
  files: BisectOutput,
  exchanges: readonly Exchange[],
  { overwrite, to, toGrpc }: BisectFlags,
  { schemas }: CaptureContents,
  output: Output,
): Promise<Written> {
  try {
    const options = { overwrite: overwrite === true, schemas, http: to, grpc: toGrpc ?? to };
    const written = await writeBisect(file, files, exchanges, options);
    const { script } = written;
    return {
      script,
      document: {
        output: files.capture,
        script: script ?? null,
        ...(written.schemas && { schemas: written.schemas }),
      },
    };
  } catch (error) {
    const exit = exitCodeOf(error);
    const message = describeError(error);
    output.error(`what was found is told above, but could not be written: ${message}`);
    return { error: exit, document: { output: null, script: null, error: { message, exit } } };
  }
}

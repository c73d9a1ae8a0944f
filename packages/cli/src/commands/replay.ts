import {
  type CorrelateOptions,
  type Exchange,
  type GapEvent,
  GapTally,
  type HookRule,
  keyNote,
  type MarkOptions,
  mergeNote,
  planReplay,
  type ReplayRunOptions,
  type Report,
  renderReport,
  replay,
  type Sender,
  systemClock,
} from '@gardenhose/core';
import { Command, Option } from 'commander';
import { conditionExit, conditionSentence } from '../capture-input.ts';
import { type CaptureContents, type CaptureSource, openSources } from '../capture-source.ts';
import { type CommandContext, withCommonFlags } from '../context.ts';
import { controlOptions, tellControl, withControlFlags } from '../control-flags.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { collect, parseCount } from '../flags.ts';
import { confirmTargets, guardOf, withGuardFlags } from '../guard-flags.ts';
import { mergedLines } from '../header-text.ts';
import type { Io } from '../io.ts';
import { correlationOf, liveHelp, timeShiftOf, withLiveFlags } from '../live-flags.ts';
import { withMaskFlags } from '../mask-flags.ts';
import { mirrorHelp, mirrorOf, mirrorText, withMirrorFlags } from '../mirror-flags.ts';
import { type Output, showCount } from '../output.ts';
import { paceOptions, withPaceFlags } from '../pace-flags.ts';
import { planJson, planText } from '../plan-text.ts';
import { Progress } from '../progress.ts';
import { controlPlan, ReplayControl } from '../replay-control.ts';
import {
  checkReplayFlags,
  checkWritable,
  compareOptions,
  metadataOf,
  parseHeader,
  parseMethod,
  type ReplayFlags,
  readOnlyMethods,
  rulesOf,
} from '../replay-flags.ts';
import { type ReplayExtent, replayProgressLine } from '../replay-progress.ts';
import { parseReportFile, writeReport } from '../report-file.ts';
import { schemasOf, withSchemaFlags } from '../schema-flags.ts';
import { marksOf, withShadowFlags } from '../shadow-flags.ts';
import { liveTarget, openTarget, withTargetFlags } from '../target.ts';

const help = `
gRPC calls go to --to as well, or to --to-grpc: http:// speaks HTTP/2 without TLS, https:// with it. With --to-grpc alone,
nothing but gRPC is sent.

Safety: only loopback targets may be sent to, unless --allow names them, and to others only requests that change nothing
(GET, HEAD, OPTIONS, TRACE; calls of methods whose schema in the capture says NO_SIDE_EFFECTS, or that --read-only names),
unless --allow-mutations is given. Never to where the capture was recorded, nor to another name of that address, unless
--allow-recorded-origin is given. Names are looked up once, and lead there for the whole run. Recorded
credentials are left out; give live ones with --header. Every request is marked as shadow traffic (x-shadow-traffic).
The plan is printed before anything is sent; --dry-run ends there.

Comparing: statuses of the answers are always compared with the recorded ones, headers and bodies with --compare. Live answers are
masked first, by --policy and under the key that the recording had (--mask-key-file or GARDENHOSE_MASK_KEY); under another
key, masked values are compared by kind only. Messages of gRPC are masked and read by the schemas in the capture, or by those given.
--ignore takes status, header:NAME, trailer:NAME or body:PATH.

Several captures, of instances of a service or parts of a rotated recording, are replayed as one: on one clock, by the times of
day at which they began, with their connections and ids kept apart.

FILE may be "-" for standard input. The first interrupt (Ctrl-C) ends the run in order with a report, the second at once.
Exit code: 0 nothing changed and the run was faithful, 1 differences or failures, 2 neither can be said, 3 refused.

Examples:
  gardenhose replay orders.hose --to http://127.0.0.1:3000 --compare
  gardenhose replay orders.hose --to http://127.0.0.1:3000 --speed 10 --report run.html --report run.json
  gardenhose replay orders.hose --to http://127.0.0.1:3000 --window 10m:15m --max-idle 2s --loop 3
  gardenhose replay pod-1.hose pod-2.hose --to http://127.0.0.1:3000
  gardenhose record --listen :8080 --to http://127.0.0.1:3000 -o - | gardenhose replay - --to http://127.0.0.1:3001 --mirror
  gardenhose replay shop.hose --to http://127.0.0.1:3000 --to-grpc http://127.0.0.1:50051
  gardenhose replay orders.hose --to https://staging.example --allow https://staging.example --pace 50 \\
      --header 'Authorization: Bearer TOKEN' --compare --ignore 'header:x-build' --ignore 'body:$..updatedAt'`;

/** `gardenhose replay FILE --to ORIGIN`. */
export function replayCommand(context: CommandContext): Command {
  const command = new Command('replay')
    .description('Sends the recorded requests to a target, in order and on time, and reports what came back.')
    .argument('<file...>', 'capture to replay; several are replayed as one');
  withPaceFlags(withTargetFlags(command))
    .addOption(
      new Option('--order <order>', 'what waits for earlier answers (default: causal)').choices([
        'causal',
        'lane',
        'none',
        'serial',
      ]),
    )
    .option('--threads <n>', 'threads that send (default: as many as the rate takes)', parseCount)
    .option(
      '--no-own-processor',
      'do not keep other threads of this process off the processor that sends (Linux)',
    )
    .option(
      '--read-only <method>',
      'a gRPC method that changes nothing, as pkg.Service/Method; may be repeated',
      collect(parseMethod),
    )
    .option(
      '--header <name: value>',
      'set a request header; "Name:" removes it; may be repeated',
      collect(parseHeader),
    )
    .option('--patch <file>', 'rewrite requests by the rules in this file (JSON), or by a JSON Patch')
    .option('--compare', 'compare the answers with the recorded ones')
    .option(
      '--ignore <path>',
      'with --compare: only count differences here; may be repeated',
      collect(String),
    )
    .option(
      '--report <file>',
      'write the report to this file: .html a page with plots, .json data, .txt text; may be repeated',
      collect(parseReportFile),
    )
    .option('--dry-run', 'print the plan and send nothing')
    .addHelpText('after', liveHelp + mirrorHelp + help);
  return withCommonFlags(
    withSchemaFlags(
      withMaskFlags(
        withControlFlags(withShadowFlags(withGuardFlags(withLiveFlags(withMirrorFlags(command))))),
      ),
      {
        live: true,
      },
    ),
  ).action((files: readonly string[], flags: ReplayFlags) => {
    context.run(flags, async (output) => {
      checkReplayFlags(flags);
      const rules = await rulesOf(flags);
      const mark = marksOf(flags);
      for (const path of flags.report ?? []) await checkWritable(path);
      const mirror = mirrorOf(flags, files);
      await using source = await openSources(files, context.io, mirror);
      const contents = await source.contents();
      const sender = await openTarget(flags, contents.protocols);
      try {
        // Before the target is asked for anything.
        await planReplay([], sender, { guard: guardOf(flags), mark });
        if (flags.dryRun !== true) await confirmTargets(targetsOf(sender), flags, context.io);
        contents.schemas.unshift(...(await schemasOf(flags, liveTarget(flags, metadataOf(rules)))));
        return await plannedRun(flags, rules, mark, source, contents, sender, output, context.io);
      } finally {
        await sender.close();
      }
    });
  });
}

function targetsOf({ target, targets = [target] }: Sender): readonly string[] {
  return targets;
}

async function plannedRun(
  flags: ReplayFlags,
  rules: readonly HookRule[],
  mark: boolean | MarkOptions,
  source: CaptureSource,
  contents: CaptureContents,
  sender: Sender,
  output: Output,
  io: Io,
): Promise<ExitCode> {
  const progress = output.json ? undefined : new Progress(io, output, systemClock, { plain: true });
  let extent: ReplayExtent | undefined;
  const correlate = await correlationOf(flags, source, contents);
  const options: ReplayRunOptions = {
    ...paceOptions(flags),
    order: flags.order,
    threads: flags.threads,
    ownProcessor: flags.ownProcessor && 'auto',
    mark,
    guard: { ...guardOf(flags), readOnly: readOnlyMethods(flags, contents) },
    rules,
    correlate,
    timeShift: await timeShiftOf(flags, source, io),
    compare: flags.compare === true && compareOptions(flags, source, contents, io),
    onProgress: (now) => progress?.update((columns) => replayProgressLine(now, extent, columns)),
  };
  if (flags.toGrpc !== undefined && !contents.protocols.has('grpc')) {
    output.note(`--to-grpc is of no use: ${source.name} holds no gRPC call`);
  }
  for (const line of sourceNotes(source, flags)) output.note(line);
  const controlled = controlOptions(flags, io.env);
  if (controlled) controlPlan(controlled);
  let { threads } = flags;
  let { guard } = options;
  if (flags.dryRun === true || source.again) {
    const { rules: _, compare: __, correlate: ___, timeShift: ____, ...replayOptions } = options;
    const plan = await planReplay(source.exchanges(), sender, replayOptions);
    if (flags.dryRun === true) {
      await output.text([planText(plan), ...(controlled ? [controlPlan(controlled)] : [])].join('\n'));
      await output.document({ plan: planJson(plan) });
      return conclude(source, exitCodes.fine, output, flags.window !== undefined);
    }
    output.note(planText(plan));
    // Chosen for the busiest second of all, where a run would look at its beginning.
    threads = plan.threads;
    extent = plan;
    guard = { ...guard, ...plan.budget };
    if (rules.length > 0) output.note('  counted before --header and --patch are applied');
  } else {
    output.note(streamText(flags, source, sender));
  }
  if (correlate !== false) output.note(correlationText(correlate));
  const gaps = new GapTally();
  await using control = controlled && (await ReplayControl.open(controlled));
  if (control && controlled) tellControl(control.endpoint, controlled, 'ends by', 'stop', output);
  const interrupt = io.claimInterrupt();
  const report = await replay(
    exchangesOf(source, (gap) => gaps.add(gap)),
    sender,
    {
      ...options,
      ...{ threads, guard },
      schemas: contents.schemas,
      losses: () => gaps.losses(source.condition().state),
      signal: control === undefined ? interrupt : AbortSignal.any([interrupt, control.signal]),
      onProgress(now) {
        control?.tell(now);
        options.onProgress?.(now);
      },
    },
  );
  progress?.clear();
  for (const path of flags.report ?? []) await writeReport(path, report);
  await output.text(renderReport(report).trimEnd());
  await output.document(report);
  const mirrored = source.mirrored();
  const mirrorNote = mirrored && mirrorText(mirrored);
  if (mirrorNote !== undefined) output.note(mirrorNote);
  sayWhyUnverified(report, options.compare, output);
  sayVerdict(report, output);
  return conclude(source, report.verdict, output, readInPart(report));
}

/** A recording that began a moment ago most likely goes on. */
const recentMs = 60_000;

function streamText({ mirror }: ReplayFlags, { header }: CaptureSource, { target }: Sender): string {
  if (mirror === true) return `mirroring standard input to ${target}, a moment after it was recorded`;
  const text = `replaying standard input to ${target}; it can be read only once, so there is no plan`;
  const ageMs = systemClock.wallMs() - header.wallMs;
  return ageMs >= 0 && ageMs < recentMs
    ? `${text}; where its recording goes on, --mirror keeps close to it`
    : text;
}

/** What is to be known of the captures before any of it is sent. */
function sourceNotes({ name, header }: CaptureSource, { compare }: ReplayFlags): string[] {
  const { policy, mergedFrom = [] } = header;
  const note = mergedFrom.length > 0 ? mergeNote(mergedFrom.map((from) => from.policy)) : undefined;
  return [
    ...mergedLines(mergedFrom),
    ...(policy.mode === 'none' && note === undefined ? [`${name}: recorded without masking`] : []),
    ...(note !== undefined && (policy.mode === 'none' || compare === true) ? [note] : []),
  ];
}

function correlationText({ bindings }: CorrelateOptions): string {
  const count = bindings?.bindings.filter(({ enabled }) => enabled !== false).length ?? 0;
  return `live values are sent by ${showCount(count, 'binding')}; "gardenhose correlate" lists them, --no-correlate turns them off`;
}

/** Can be read as often as the source can, which tells what it lacks once. */
function exchangesOf(source: CaptureSource, onGap: (gap: GapEvent) => void): AsyncIterable<Exchange> {
  if (!source.again) return source.exchanges(onGap);
  let readings = 0;
  return {
    [Symbol.asyncIterator]: () =>
      source.exchanges(readings++ === 0 ? onGap : undefined)[Symbol.asyncIterator](),
  };
}

/** Masked values that could not be compared are no difference, but no comfort either. */
function sayWhyUnverified(report: Report, compare: ReplayRunOptions['compare'], output: Output): void {
  if ((report.differences?.unverified ?? 0) === 0 || typeof compare !== 'object') return;
  const { masker, recordedPolicy } = compare;
  if (masker === undefined || recordedPolicy === undefined) return;
  const note = keyNote(recordedPolicy, masker.summary);
  if (note !== undefined) output.note(note);
}

/** One sentence for a run that was not fine, for those who do not read the report. */
function sayVerdict(report: Report, output: Output): void {
  if (report.verdict === exitCodes.fine) return;
  const [error] = report.errors;
  const cause = error === undefined ? '' : ` (${error.count} times ${error.code}: ${error.example})`;
  output.error(`${report.reasons.join('; ') || 'the run did not pass'}${cause}`);
}

/** Whether the run was over before the capture was read to its end. */
function readInPart({ run }: Report): boolean {
  return run?.stopped !== undefined || run?.pacing?.window !== undefined;
}

/** A capture that was cut off is bad input, also where what is left of it was replayed well. */
function conclude(source: CaptureSource, exit: ExitCode, output: Output, inPart: boolean = false): ExitCode {
  // What was not read to its end was not found to lack one.
  const conditions = source.conditions().filter(({ condition }) => !(inPart && condition.state === 'open'));
  let worst: ExitCode = exitCodes.fine;
  for (const { path, condition } of conditions) {
    const sentence = conditionSentence(path, condition);
    if (sentence === undefined) continue;
    const found = conditionExit(condition);
    if (found === exitCodes.fine) output.note(sentence);
    else output.error(sentence);
    if (worst === exitCodes.fine) worst = found;
  }
  return exit === exitCodes.fine ? worst : exit;
}

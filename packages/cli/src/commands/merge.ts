import {
  type MergeCapturesResult,
  type MergedRecording,
  mergeCaptures,
  mergeNote,
  systemClock,
} from '@gardenhose/core';
import { Command } from 'commander';
import { conditionExit, conditionSentence } from '../capture-input.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { unmaskedLines } from '../header-text.ts';
import { type Output, showBytes, showCount, showDuration } from '../output.ts';
import { printable } from '../printable.ts';
import { Progress } from '../progress.ts';
import { isStandardOutput } from '../standard-output.ts';

interface MergeFlags extends CommonFlags {
  readonly output: string;
  readonly overwrite?: boolean;
  /** False with `--no-skew`. */
  readonly skew: boolean;
}

const help = `
For captures of several instances of a service, of a service and those that it calls, or the files of a rotated recording. Their events come in order
of time, each capture's own order is kept, and ids, parents and lanes are kept apart: lanes of the second begin with "2:". The
header of the new capture says what it was made of. The old captures are only read.

Clocks: the wall clocks of machines differ. Where one capture holds an outbound exchange and another the inbound one of the same request (known by
traceparent, x-request-id or x-correlation-id), both ends bound how far apart the clocks are: nothing comes before it is sent, no answer
before it is given. From these bounds the clock of each capture is put right by that of the first, drift included, and told with
how far off it may be and how many exchanges say so. --no-skew believes the clocks as they are.

Captures masked under different keys can be merged, but masked values do not join across them; that is said.

Examples:
  gardenhose merge pod-1.hose pod-2.hose pod-3.hose -o orders.hose
  gardenhose merge web.hose stock.hose -o all.hose && gardenhose inspect all.hose
  gardenhose merge orders.hose orders.1.hose orders.2.hose -o whole.hose`;

/** `gardenhose merge FILE... -o OUT`. */
export function mergeCommand(context: CommandContext): Command {
  const command = new Command('merge')
    .description('Joins several captures into one, in order, on one clock.')
    .argument('<file...>', 'captures to merge; by the clock of the first the others are put right')
    .requiredOption('-o, --output <file>', 'capture to write, "-" for standard output')
    .option('--overwrite', 'replace the output if it is there')
    .option('--no-skew', 'do not put clocks right: believe what each machine says')
    .addHelpText('after', help);
  return withCommonFlags(command).action((files: readonly string[], flags: MergeFlags) => {
    context.run(flags, async (output) => {
      const toStream = isStandardOutput(flags);
      const progress = new Progress(context.io, output, systemClock);
      const interrupt = context.io.claimInterrupt();
      const merged = await mergeCaptures(files, toStream ? context.io.stdout : flags.output, {
        overwrite: flags.overwrite,
        skew: flags.skew,
        onEvent: (events) => {
          interrupt.throwIfAborted();
          progress.update(() => `${events} events merged`);
        },
      }).catch((error: unknown) => {
        if (!interrupt.aborted) throw error;
        return undefined;
      });
      progress.clear();
      if (merged === undefined) {
        output.error(
          toStream ? 'interrupted; the output is not whole' : 'interrupted; no capture was written',
        );
        return exitCodes.interrupted;
      }
      const where = toStream ? 'standard output' : flags.output;
      const lines = mergedText(merged, where, flags.skew);
      if (toStream) for (const line of lines) output.note(line);
      else await output.text(lines.join('\n'));
      await output.document({ output: flags.output, ...merged });
      return conclude(merged, output);
    });
  });
}

function mergedText(merged: MergeCapturesResult, where: string, skew: boolean): string[] {
  const { header, recordings, exchanges, events, refused, bytesWritten } = merged;
  const lines = [
    `${showCount(exchanges, 'exchange')} of ${showCount(recordings.length, 'recording')} written to ${where} (${showCount(events, 'event')}, ${showBytes(bytesWritten)})`,
  ];
  if (recordings.length > 1) {
    for (const [place, recording] of recordings.entries()) {
      lines.push(`  ${place + 1}: ${recordingText(recording, skew && place > 0)}`);
    }
  }
  if (refused > 0) {
    lines.push(`${showCount(refused, 'event')} do not fit any more and are declared as missing`);
  }
  const note = mergeNote(recordings.map(({ header: { policy } }) => policy));
  return [...lines, ...(note === undefined ? [] : [note]), ...unmaskedLines(header)];
}

function recordingText(recording: MergedRecording, skew: boolean): string {
  const { header, files } = recording;
  const names = files.map(({ name }) => printable(name, 200)).join(', ');
  const from = `${printable(header.service, 100)} on ${printable(header.host, 100)} (${names})`;
  return skew ? `${from}, ${clockText(recording)}` : from;
}

function clockText({ skewNs, skewErrorNs, driftPpm, against, pairs, agree }: MergedRecording): string {
  if (skewErrorNs === undefined || against === undefined) {
    return 'its clock as it was: no exchange is in it and in another';
  }
  const drift = driftPpm === 0 ? '' : ` and ${driftPpm.toFixed(1)} ppm`;
  const by = `${showDuration(Math.abs(skewNs))} ± ${showDuration(skewErrorNs)}${drift}`;
  return `its clock put ${skewNs < 0 ? 'back' : 'on'} by ${by}, as ${agree} of ${showCount(pairs, 'exchange')} shared with ${against + 1} say`;
}

/** A cut end is told, and is bad input. */
function conclude({ recordings }: MergeCapturesResult, output: Output): ExitCode {
  let exit: ExitCode = exitCodes.fine;
  for (const { name, condition } of recordings.flatMap(({ files }) => files)) {
    const sentence = conditionSentence(name, condition);
    if (sentence === undefined) continue;
    if (conditionExit(condition) === exitCodes.fine) output.note(sentence);
    else output.error(sentence);
    if (exit === exitCodes.fine) exit = conditionExit(condition);
  }
  return exit;
}

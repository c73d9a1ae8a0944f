import { once } from 'node:events';
import {
  createMasker,
  createRecorder,
  fanOutSink,
  fileSink,
  flightSink,
  type Recorder,
  type SinkSource,
  streamSink,
  systemClock,
  unknownHeadersText,
} from '@gardenhose/core';
import { controlRecorder } from '@gardenhose/http-adapter';
import { Command } from 'commander';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { type ControlFlags, controlOptions, tellControl, withControlFlags } from '../control-flags.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { encryptionHelp, encryptionKeyOf, fileOptionsOf, onlyForFiles } from '../file-flags.ts';
import { type Address, parseAddress, parseOrigin } from '../flags.ts';
import { flightOptionsOf, needsOutput } from '../flight-flags.ts';
import { unmaskedLines } from '../header-text.ts';
import type { Io } from '../io.ts';
import { maskHelp, maskOf } from '../mask-flags.ts';
import { type Output, showCount } from '../output.ts';
import { Progress } from '../progress.ts';
import {
  RecordMirror,
  type RecordMirrorFlags,
  recordMirrorHelp,
  withRecordMirrorFlags,
} from '../record-mirror.ts';
import { type RecordingFlags, withRecordingFlags } from '../recording-flags.ts';
import { RecordingFront } from '../recording-front.ts';
import { lossText, recordingText, savesText, unreadText } from '../recording-text.ts';
import { samplerFrom } from '../sampling-flags.ts';
import { type SchemaFlags, schemasOf, withSchemaFlags } from '../schema-flags.ts';
import { isStandardOutput, notWithStandardOutput } from '../standard-output.ts';
import { caOf, listenTlsOf, type TlsFlags, withTlsFlags } from '../tls-flags.ts';

interface RecordFlags
  extends CommonFlags,
    ControlFlags,
    RecordingFlags,
    RecordMirrorFlags,
    TlsFlags,
    SchemaFlags {
  readonly listen: Address;
  readonly to: string;
  readonly rewriteHost?: boolean;
}

const watchMs = 250;
/** Headers that no rule knows are told this long after the first was seen. */
const unknownTicks = 8;

const help = `
Put it between clients and a service in any language: it passes everything on as it is, and records it. One port takes
HTTP/1.1, HTTP/2, WebSockets and gRPC; with TLS by --tls-cert and --tls-key. Upgrades to other protocols
are passed on but not recorded. The first interrupt (Ctrl-C) ends the recording in order, the second
at once. When the capture cannot be written, requests are still served and the loss is counted.

gRPC: messages are masked field by field where --descriptors, --proto or --reflection (which asks the service) say what
they are made of. Of others only the size is recorded.
${maskHelp}
${encryptionHelp}
${recordMirrorHelp}

Examples:
  gardenhose record --listen 127.0.0.1:8080 --to http://127.0.0.1:3000 -o orders.hose
  gardenhose record --listen :8080 --to http://127.0.0.1:3000 -o orders.hose --sample 0.1 --policy policy.json
  gardenhose record --listen :8080 --to https://api.example --rewrite-host -o - | gzip > api.hose.gz
  gardenhose record --listen :8443 --tls-cert cert.pem --tls-key key.pem --to https://stock:50051 --ca ca.pem -o stock.hose
  gardenhose record --listen :8080 --to http://127.0.0.1:3000 -o orders.hose --mirror http://127.0.0.1:3001
  gardenhose record --listen :50052 --to http://127.0.0.1:50051 --reflection -o stock.hose`;

/** `gardenhose record --listen H:P --to ORIGIN -o FILE`. */
export function recordCommand(context: CommandContext): Command {
  const command = new Command('record')
    .description('Listens, passes requests on to a service, and records both ways, masked.')
    .requiredOption('--listen <host:port>', 'where clients connect; without a host, loopback', parseAddress)
    .requiredOption('--to <origin>', 'the service, such as http://127.0.0.1:3000', parseOrigin)
    .option('--rewrite-host', 'send the host of --to instead of the one that clients asked for')
    .addHelpText('after', help);
  const texts = { output: 'capture to write, "-" for standard output', service: 'host and port of --to' };
  withControlFlags(
    withSchemaFlags(withTlsFlags(withRecordMirrorFlags(withRecordingFlags(command, texts))), { live: true }),
  );
  return withCommonFlags(command).action((flags: RecordFlags) => {
    context.run(flags, async (output) => {
      needsOutput(flags);
      const interrupt = context.io.claimInterrupt();
      const listenTls = listenTlsOf(flags);
      const ca = caOf(flags, flags.to);
      const schemas = await schemasOf(flags, { origin: flags.to, tls: { ca } });
      await using mirror = await RecordMirror.start(flags);
      // Before the file, so that no file is made or replaced for an address that is in use.
      const front = await RecordingFront.listen({
        ...flags,
        rewriteHost: flags.rewriteHost,
        maxBodyBytes: flags.maxBodyBytes,
        listenTls,
        ca,
      });
      try {
        const recorder = openRecorder(flags, mirror, context.io);
        for (const schema of schemas) recorder.describe(schema);
        front.record(recorder);
        try {
          await recorder.ready;
          const controlled = controlOptions(flags, context.io.env);
          await using control = controlled && (await controlRecorder(recorder, controlled));
          if (control && controlled)
            tellControl(control, controlled, 'the recording ends by', 'kill', output);
          return await record(flags, front, recorder, mirror, output, context.io, interrupt);
        } finally {
          await recorder.close();
        }
      } finally {
        await front.end();
      }
    });
  });
}

function openRecorder(flags: RecordFlags, mirror: RecordMirror | undefined, io: Io): Recorder {
  return createRecorder({
    service: flags.service ?? new URL(flags.to).host,
    sink: sinkOf(flags, mirror, io),
    mask: maskOf(flags, io.env),
    sampler: samplerFrom(flags),
    lane: flags.lane,
    maxBodyBytes: flags.maxBodyBytes,
    controlFile: flags.controlFile,
  });
}

function sinkOf(flags: RecordFlags, mirror: RecordMirror | undefined, io: Io): SinkSource {
  const { output: path, overwrite } = flags;
  const flight = flightOptionsOf(flags, io.env);
  const toStream = isStandardOutput(flags);
  const wrong = toStream ? onlyForFiles(flags) : undefined;
  if (wrong !== undefined) throw notWithStandardOutput(wrong, 'there is one stream, and no file');
  const files = fileOptionsOf(flags, io.env);
  const sinks: SinkSource[] = [];
  if (toStream) sinks.push(streamSink(io.stdout, { encryptionKey: files.encryptionKey }));
  else if (path !== '') sinks.push(fileSink({ path, overwrite, ...files }));
  if (flight !== undefined) sinks.push(flightSink(flight));
  if (mirror !== undefined) sinks.push(mirror.mirror.sink);
  const [only] = sinks;
  return only !== undefined && sinks.length === 1 ? only : fanOutSink(sinks);
}

async function record(
  flags: RecordFlags,
  front: RecordingFront,
  recorder: Recorder,
  mirror: RecordMirror | undefined,
  output: Output,
  io: Io,
  interrupt: AbortSignal,
): Promise<ExitCode> {
  const file = outputText(flags);
  const how = encryptionKeyOf(flags, io.env) === undefined ? '' : ', encrypted';
  output.note(`listening on ${front.origin}, passing on to ${flags.to}, recording to ${file}${how}`);

  if (mirror !== undefined) {
    output.note(`mirroring to ${mirror.to}, a moment after it was recorded`);
    mirror.whenFailed((line) => interrupt.aborted || output.error(line));
  }
  // What the policy is was checked when the recorder was made.
  const { summary: policy } = createMasker(maskOf(flags, io.env));
  for (const line of unmaskedLines({ policy })) output.note(line);

  const progress = new Progress(io, output, systemClock);
  const { descriptors, proto, reflection } = flags;
  const hasSchemas = descriptors !== undefined || proto !== undefined || reflection === true;
  const told = { unreadCalls: hasSchemas, unread: hasSchemas ? 0 : unknownTicks };
  const watch = watchRecorder(recorder, front, output, progress, told);
  if (!interrupt.aborted) await once(interrupt, 'abort');
  await front.drain();
  // What is still under way was not broken off by anybody: the recording ends before it.
  const stats = await recorder.close();
  await front.end();
  clearInterval(watch);
  progress.clear();
  tellFront(front, output, told);
  const mirrored = await mirror?.finish();

  const failed = stats.sinkErrors > 0;
  const summary = [
    recordingText(stats, file),
    ...savesText(stats),
    ...unmaskedLines({ policy }),
    ...lossText(stats),
    ...unreadText(stats),
    ...unknownHeadersText(stats.unknownHeaders),
  ];
  const { counts } = front;
  const { requests, calls, upgrades, otherHttp2, originErrors } = counts;
  if (calls > 0) {
    summary.push(
      `${showCount(calls, 'gRPC call')} and ${showCount(requests, 'request')} of HTTP/1.1 passed on`,
    );
  }
  if (otherHttp2 > 0) summary.push(`${showCount(otherHttp2, 'request')} of HTTP/2 passed on, no gRPC`);
  if (upgrades > 0) {
    summary.push(
      `${showCount(upgrades, 'upgraded connection')} passed on: WebSockets are recorded, others are not`,
    );
  }
  if (originErrors > 0) summary.push(`${showCount(originErrors, 'request')} got no answer from ${flags.to}`);
  if (mirror !== undefined && mirrored !== undefined) summary.push(...mirror.text(mirrored));
  if (flags.output === '-') for (const line of summary) output.note(line);
  else await output.text(summary.join('\n'));
  const mirrorJson = mirror && mirrored && mirror.json(mirrored);
  await output.document({
    file,
    listen: front.at,
    to: flags.to,
    policy,
    ...counts,
    stats,
    mirror: mirrorJson,
  });
  return failed ? exitCodes.io : exitCodes.fine;
}

function outputText({ output, flight }: RecordFlags): string {
  const ring = flight === undefined ? '' : `memory, of which the last is saved in ${flight}`;
  const file = output === '-' ? 'standard output' : output;
  return [file, ring].filter((part) => part !== '').join(' and to ');
}

interface Told {
  /** That the messages of calls are not read, or they are. */
  unreadCalls: boolean;
  /** Ticks since the schemas were first seen not to fit. */
  unread: number;
}

const unreadCallsText =
  'gRPC calls pass, and no schema says what their messages are made of: only their sizes are recorded; give --descriptors, --proto or --reflection';

/** Tells what is new about connections and calls. */
function tellFront(front: RecordingFront, output: Output, told: Told, progress?: Progress): void {
  const lines = front.newProblems();
  if (!told.unreadCalls && front.counts.calls > 0) {
    told.unreadCalls = true;
    lines.push(unreadCallsText);
  }
  if (lines.length > 0) progress?.clear();
  for (const line of lines) output.note(line);
}

/** Shows where the recording stands, and says at once when the capture can no longer be written. */
function watchRecorder(
  recorder: Recorder,
  front: RecordingFront,
  output: Output,
  progress: Progress,
  told: Told,
): NodeJS.Timeout {
  let failureTold = false;
  let unknownSeen = 0;
  return setInterval(() => {
    const stats = recorder.stats();
    tellFront(front, output, told, progress);
    // Not at the first: those that come with it shall be told as well.
    if (stats.unknownHeaders.length > 0 && ++unknownSeen === unknownTicks) {
      progress.clear();
      for (const line of unknownHeadersText(stats.unknownHeaders)) output.note(line);
    }
    const unread = unreadText(stats);
    if (unread.length > 0 && ++told.unread === unknownTicks) {
      progress.clear();
      for (const line of unread) output.note(line);
    }
    if (stats.sinkErrors > 0 && !failureTold) {
      failureTold = true;
      progress.clear();
      output.error(
        `the capture cannot be written: ${stats.lastError}; requests are still served, the loss is counted`,
      );
    }
    progress.update(() => {
      const { calls } = front.counts;
      const ofCalls = calls > 0 ? ` (${showCount(calls, 'gRPC call')})` : '';
      return `${stats.recorded} recorded${ofCalls}, ${stats.underWay} under way, ${stats.queueBytes} bytes to write`;
    });
  }, watchMs);
}

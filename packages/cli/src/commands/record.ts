import { once } from 'node:events';
import {
  createMasker,
  createRecorder,
  fileSink,
  type Recorder,
  sampleRatio,
  streamSink,
  systemClock,
  unknownHeadersText,
} from '@gardenhose/core';
import { createRecordingProxy, type RecordingProxy, tapServer } from '@gardenhose/http-adapter';
import { Command } from 'commander';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { type Address, parseAddress, parseOrigin } from '../flags.ts';
import { unmaskedLines } from '../header-text.ts';
import type { Io } from '../io.ts';
import { maskHelp, maskOf } from '../mask-flags.ts';
import { type Output, showCount } from '../output.ts';
import { Progress } from '../progress.ts';
import { type RecordingFlags, withRecordingFlags } from '../recording-flags.ts';
import { lossText, recordingText } from '../recording-text.ts';
import { isStandardOutput, notWithStandardOutput } from '../standard-output.ts';

interface RecordFlags extends CommonFlags, RecordingFlags {
  readonly listen: Address;
  readonly to: string;
  readonly rewriteHost?: boolean;
}

/** How long requests under way may take to end after an interrupt. */
const drainMs = 2000;
const watchMs = 250;
/** Headers that no rule knows are told this long after the first was seen. */
const unknownTicks = 8;

const help = `
Put it between clients and a service in any language: it passes everything on as it is, and records it.
WebSocket connections are passed on but not recorded. The first interrupt (Ctrl-C) ends the recording in order, the
second at once. When the capture cannot be written, requests are still served and the loss is counted.
${maskHelp}

Examples:
  gardenhose record --listen 127.0.0.1:8080 --to http://127.0.0.1:3000 -o orders.hose
  gardenhose record --listen :8080 --to http://127.0.0.1:3000 -o orders.hose --sample 0.1 --policy policy.json
  gardenhose record --listen :8080 --to https://api.example --rewrite-host -o - | gzip > api.hose.gz`;

/** `gardenhose record --listen H:P --to ORIGIN -o FILE`. */
export function recordCommand(context: CommandContext): Command {
  const command = new Command('record')
    .summary('record a service from outside, as a reverse proxy')
    .description('Listens, passes requests on to a service, and records both ways, masked.')
    .requiredOption('--listen <host:port>', 'where clients connect; without a host, loopback', parseAddress)
    .requiredOption('--to <origin>', 'the service, such as http://127.0.0.1:3000', parseOrigin)
    .option('--rewrite-host', 'send the host of --to instead of the one that clients asked for')
    .addHelpText('after', help);
  const texts = { output: 'capture to write, "-" for standard output', service: 'host and port of --to' };
  return withCommonFlags(withRecordingFlags(command, texts)).action((flags: RecordFlags) => {
    context.run(flags, async (output) => {
      const interrupt = context.io.claimInterrupt();
      const proxy = createRecordingProxy({ to: flags.to, rewriteHost: flags.rewriteHost });
      // First of all, so that no file is made or replaced for an address that is in use.
      await listen(proxy, flags.listen);
      try {
        const recorder = openRecorder(flags, context.io);
        tapServer(proxy, recorder);
        try {
          await recorder.ready;
          return await record(flags, proxy, recorder, output, context.io, interrupt);
        } finally {
          await recorder.close();
        }
      } finally {
        if (proxy.listening) await finish(proxy);
      }
    });
  });
}

function openRecorder(flags: RecordFlags, io: Io): Recorder {
  const { output: path, overwrite, maxFileBytes } = flags;
  const toStream = isStandardOutput(flags);
  if (toStream && maxFileBytes !== undefined) {
    throw notWithStandardOutput('--max-file-bytes', 'standard output cannot be split');
  }
  return createRecorder({
    service: flags.service ?? new URL(flags.to).host,
    sink: toStream ? streamSink(io.stdout) : fileSink({ path, overwrite, maxFileBytes }),
    mask: maskOf(flags, io.env),
    sampler: flags.sample === undefined ? undefined : sampleRatio(flags.sample),
    maxBodyBytes: flags.maxBodyBytes,
  });
}

async function record(
  flags: RecordFlags,
  proxy: RecordingProxy,
  recorder: Recorder,
  output: Output,
  io: Io,
  interrupt: AbortSignal,
): Promise<ExitCode> {
  const file = flags.output === '-' ? 'standard output' : flags.output;
  const at = addressOf(proxy);
  output.note(`listening on http://${at}, passing on to ${flags.to}, recording to ${file}`);

  // What the policy is was checked when the recorder was made.
  const { summary: policy } = createMasker(maskOf(flags, io.env));
  for (const line of unmaskedLines({ policy })) output.note(line);

  const progress = new Progress(io, output, systemClock);
  const watch = watchRecorder(recorder, output, progress);
  if (!interrupt.aborted) await once(interrupt, 'abort');
  await finish(proxy);
  const stats = await recorder.close();
  clearInterval(watch);
  progress.clear();

  const failed = stats.sinkErrors > 0;
  const summary = [
    recordingText(stats, file),
    ...unmaskedLines({ policy }),
    ...lossText(stats),
    ...unknownHeadersText(stats.unknownHeaders),
  ];
  const { requests, upgrades, originErrors } = proxy.counts;
  if (upgrades > 0) summary.push(`${showCount(upgrades, 'upgraded connection')} passed on and not recorded`);
  if (originErrors > 0) summary.push(`${showCount(originErrors, 'request')} got no answer from ${flags.to}`);
  if (flags.output === '-') for (const line of summary) output.note(line);
  else await output.text(summary.join('\n'));
  await output.document({ file, listen: at, to: flags.to, policy, requests, upgrades, originErrors, stats });
  return failed ? exitCodes.io : exitCodes.fine;
}

/** Shows where the recording stands, and says at once when the capture can no longer be written. */
function watchRecorder(recorder: Recorder, output: Output, progress: Progress): NodeJS.Timeout {
  let told = false;
  let unknownSeen = 0;
  return setInterval(() => {
    const stats = recorder.stats();
    // Not at the first: those that come with it shall be told as well.
    if (stats.unknownHeaders.length > 0 && ++unknownSeen === unknownTicks) {
      progress.clear();
      for (const line of unknownHeadersText(stats.unknownHeaders)) output.note(line);
    }
    if (stats.sinkErrors > 0 && !told) {
      told = true;
      progress.clear();
      output.error(
        `the capture cannot be written: ${stats.lastError}; requests are still served, the loss is counted`,
      );
    }
    progress.update(
      () => `${stats.recorded} recorded, ${stats.underWay} under way, ${stats.queueBytes} bytes to write`,
    );
  }, watchMs);
}

/** Takes no more requests, and waits a moment for those under way. */
async function listen(proxy: RecordingProxy, { host, port }: Address): Promise<void> {
  const listening = once(proxy, 'listening');
  proxy.listen(port, host);
  await listening;
}

async function finish(proxy: RecordingProxy): Promise<void> {
  const closed = once(proxy, 'close');
  proxy.close();
  proxy.closeIdleConnections();
  const hurry = systemClock.after(drainMs, () => proxy.closeAllConnections());
  await closed;
  hurry();
}

function addressOf(proxy: RecordingProxy): string {
  const address = proxy.address();
  if (address === null || typeof address === 'string') return String(address);
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}

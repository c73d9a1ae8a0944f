import { once } from 'node:events';
import {
  type CaptureCondition,
  type CaptureEvent,
  type CaptureHeader,
  type Direction,
  GardenhoseError,
  isGardenhoseError,
  openCapture,
  renderStubSummary,
  type ServedCall,
  type StubExhausted,
  type StubMatch,
  type StubOptions,
  type StubSummary,
  systemClock,
} from '@gardenhose/core';
import { createStub as createCallStub, type GrpcStub } from '@gardenhose/grpc-adapter';
import { createStub as createRequestStub, type HttpStub } from '@gardenhose/http-adapter';
import { Command, InvalidArgumentError, Option } from 'commander';
import { conditionExit, conditionSentence, inputName, openInput } from '../capture-input.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { type Address, collect, parseAddress, parsePositive } from '../flags.ts';
import { unmaskedLines } from '../header-text.ts';
import type { Io } from '../io.ts';
import { type MaskFlags, maskOf, withMaskFlags } from '../mask-flags.ts';
import type { Output } from '../output.ts';
import { Progress } from '../progress.ts';
import { type SchemaFlags, schemasOf, withSchemaFlags } from '../schema-flags.ts';
import { StubFront } from '../stub-front.ts';
import { listenTlsOf, type TlsFlags, withListenTlsFlags } from '../tls-flags.ts';

interface StubFlags extends CommonFlags, MaskFlags, SchemaFlags, Pick<TlsFlags, 'tlsCert' | 'tlsKey'> {
  readonly listen: Address;
  readonly match?: StubMatch;
  readonly latency?: StubOptions['latency'];
  readonly service?: readonly string[];
  readonly operation?: readonly string[];
  readonly direction?: Direction;
  readonly onExhausted?: StubExhausted;
  readonly ignore?: readonly string[];
}

const help = `
Serves what a service answered while it was recorded: gRPC and HTTP/1.1 on one port, with TLS by --tls-cert and --tls-key. Of a
capture with both sides of a service, the services that it asked are served. Parts of an answer come when what they waited
for has come, and then after the recorded time.

Matching: by default each recording is served once, equal ones in their order. A request that is like no recorded one is
refused, as gRPC UNAVAILABLE or HTTP 599, and the nearest recording is told with the first place that differs: leave that
out by --ignore where it changes on every run. --match strict asks for the order of the recording, --match lenient takes
what is most alike.

Masking: requests are masked as the recorded ones were, and then compared, so give the policy and the key of the recording
(--policy, --mask-key-file or GARDENHOSE_MASK_KEY). Without its key, masked places match any value, which is counted.

FILE may be "-" for standard input. The first interrupt (Ctrl-C) ends the stub with a summary, the second at once.
Exit code: 0 all requests matched exactly, 1 some had no recording, 2 only approximately, again, or nothing was asked.

Examples:
  gardenhose stub shop.hose --listen 127.0.0.1:50051
  gardenhose stub shop.hose --listen :50051 --service shop.Stock --latency none --ignore 'body:$..requestId'
  gardenhose stub shop.hose --listen :50051 --match lenient --on-exhausted loop --latency 0.1`;

/** `gardenhose stub FILE --listen H:P`. */
export function stubCommand(context: CommandContext): Command {
  const command = new Command('stub')
    .description('Listens, and answers requests with what was recorded of them.')
    .argument('<file>', 'capture to serve')
    .requiredOption('--listen <host:port>', 'where clients connect; without a host, loopback', parseAddress)
    .addOption(
      new Option(
        '--match <mode>',
        'how like a recorded request a live one must be (default: ordered)',
      ).choices(['strict', 'ordered', 'lenient']),
    )
    .option('--latency <when>', 'recorded (default), none, or a factor of the recorded times', parseLatency)
    .option('--service <name>', 'serve this gRPC service alone; may be repeated', collect(String))
    .option(
      '--operation <name>',
      'serve this operation alone, as inspect names it; may be repeated',
      collect(String),
    )
    .addOption(
      new Option(
        '--direction <side>',
        'which side of the recorded service (default: outbound, if there is any)',
      ).choices(['inbound', 'outbound']),
    )
    .addOption(
      new Option(
        '--on-exhausted <what>',
        'when all recordings were served (default: fail; last with --match lenient)',
      ).choices(['fail', 'last', 'loop']),
    )
    .option('--ignore <path>', 'do not compare this place in requests; may be repeated', collect(String))
    .addHelpText('after', help);
  const all = withCommonFlags(withSchemaFlags(withMaskFlags(withListenTlsFlags(command))));
  return all.action((file: string, flags: StubFlags) => {
    context.run(flags, async (output) => {
      const interrupt = context.io.claimInterrupt();
      const tls = listenTlsOf(flags);
      const progress = new Progress(context.io, output, systemClock);
      const options = await optionsOf(flags, context.io, (call) => tell(call, output, progress));
      const source = await readSource(file, context.io);
      for (const line of unmaskedLines(source.header)) output.note(line);
      const stubs = await stubsOf(source, options).finally(source.close);
      const front = await StubFront.listen(flags.listen, stubs, tls, (reason) => output.note(reason));
      output.note(`listening on ${front.origin}, serving ${front.names} of ${inputName(file)}`);
      for (const note of new Set(front.summaries().flatMap(({ summary }) => summary.notes)))
        output.note(note);
      if (!interrupt.aborted) await once(interrupt, 'abort');
      await front.close();
      progress.clear();
      return await conclude(file, front, source, output);
    });
  });
}

/** What is served: a capture, read once. */
interface Source {
  readonly header: CaptureHeader;
  readonly events: () => AsyncIterable<CaptureEvent>;
  readonly condition: () => CaptureCondition;
  readonly close: () => Promise<void>;
}

async function readSource(file: string, io: Io): Promise<Source> {
  if (file !== '-') {
    // Read again for each protocol: memory holds what is served, and no more.
    const capture = await openCapture(file);
    return {
      header: capture.header,
      events: () => capture.events(),
      condition: () => capture.condition(),
      close: () => capture.close(),
    };
  }
  const { header, events, condition } = await openInput(file, io, 'tail');
  const all: CaptureEvent[] = [];
  for await (const event of events) all.push(event);
  return {
    header,
    async *events() {
      yield* all;
    },
    condition,
    close: async () => undefined,
  };
}

async function optionsOf(
  flags: StubFlags,
  io: Io,
  onCall: (call: ServedCall) => void,
): Promise<StubOptions & { readonly schemas: readonly Uint8Array[] }> {
  const { match, latency, direction, onExhausted, ignore, service = [], operation = [] } = flags;
  const operations = [...service, ...operation];
  return {
    match,
    latency,
    direction,
    onExhausted,
    ignore,
    operations: operations.length === 0 ? undefined : operations,
    mask: maskOf(flags, io.env),
    schemas: await schemasOf(flags),
    onCall,
  };
}

/** A stub for each protocol of which there is something to serve. */
async function stubsOf(
  source: Source,
  options: StubOptions & { readonly schemas: readonly Uint8Array[] },
): Promise<{ readonly grpc: GrpcStub | undefined; readonly http: HttpStub | undefined }> {
  const problems: string[] = [];
  const orNone = <T>(stub: Promise<T>): Promise<T | undefined> =>
    stub.catch((error: unknown) => {
      if (!isGardenhoseError(error, 'capture-empty')) throw error;
      problems.push(error.message);
      return undefined;
    });
  const grpc = await orNone(createCallStub(source, options));
  const http = await orNone(createRequestStub(source, options));
  if (grpc === undefined && http === undefined) {
    throw new GardenhoseError(
      'capture-empty',
      `there is nothing to serve; of gRPC: ${problems[0]}; of HTTP: ${problems[1]}`,
    );
  }
  // Who serves what a service asked does not serve the service itself.
  const directions = [grpc, http].map((stub) => stub?.summary().recorded.direction);
  const both = directions.includes('outbound') && directions.includes('inbound');
  return {
    grpc: both && directions[0] === 'inbound' ? undefined : grpc,
    http: both && directions[1] === 'inbound' ? undefined : http,
  };
}

/** Misses are told at once: who waits for an answer that never comes shall see why. */
function tell(call: ServedCall, output: Output, progress: Progress): void {
  if (call.detail !== undefined) {
    progress.clear();
    output.note(`missed: ${call.detail}`);
  }
  progress.update(() => `${call.outcome}: ${call.operation}`);
}

async function conclude(file: string, front: StubFront, source: Source, output: Output): Promise<ExitCode> {
  const summaries = front.summaries();
  const texts = summaries.map(({ name, summary }) =>
    summaries.length === 1 ? renderStubSummary(summary) : `${name}\n${renderStubSummary(summary)}`,
  );
  await output.text(texts.join('\n').trimEnd());
  const verdict = verdictOf(summaries.map(({ summary }) => summary));
  const byName = Object.fromEntries(summaries.map(({ name, summary }) => [name.toLowerCase(), summary]));
  await output.document({ file, listen: front.at, verdict, ...byName });
  const condition = source.condition();
  const sentence = conditionSentence(file, condition);
  if (sentence === undefined) return verdict;
  if (conditionExit(condition) === exitCodes.fine) output.note(sentence);
  else output.error(sentence);
  return verdict === exitCodes.fine ? conditionExit(condition) : verdict;
}

/** The worst, but that one protocol was not asked is no fault where the other was. */
function verdictOf(summaries: readonly StubSummary[]): ExitCode {
  const asked = summaries.filter(({ calls }) => calls > 0);
  if (asked.some(({ verdict }) => verdict === 1)) return exitCodes.failed;
  return asked.length > 0 && asked.every(({ verdict }) => verdict === 0)
    ? exitCodes.fine
    : exitCodes.inconclusive;
}

function parseLatency(text: string): StubOptions['latency'] {
  if (text === 'recorded' || text === 'none') return text;
  const factor = parsePositive(text);
  if (factor > 1_000) throw new InvalidArgumentError('Expected "recorded", "none" or a factor up to 1000.');
  return factor;
}

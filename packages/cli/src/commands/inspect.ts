import {
  Assembler,
  type CaptureCondition,
  type CaptureEvent,
  type CaptureStream,
  type Exchange,
  GardenhoseError,
  SchemaRegistry,
  systemClock,
} from '@gardenhose/core';
import { Command } from 'commander';
import { conditionExit, conditionSentence, inputName, openInput } from '../capture-input.ts';
import { CaptureSummary } from '../capture-summary.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { exchangeCells, exchangeJson } from '../exchange-row.ts';
import { exchangeDocument, exchangeText } from '../exchange-text.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { parseCount } from '../flags.ts';
import { headerLines, unmaskedLines } from '../header-text.ts';
import { type Output, showCount } from '../output.ts';
import { Progress } from '../progress.ts';
import { type SchemaFlags, schemasOf, withSchemaFlags } from '../schema-flags.ts';
import { compileWhere, type Predicate, whereFields } from '../where.ts';

interface InspectFlags extends CommonFlags, SchemaFlags {
  readonly exchange?: number;
  readonly where?: string;
}

const help = `
FILE may be "-" for standard input.

A filter compares fields and combines with and, or, not and parentheses:
  status >= 500          numbers: = != < <= > >=; a status also as a class: 5xx
  duration > 250ms       times in us, ms or s
  path = /orders/**      text: = and != compare whole values, * is any run without /, ** any run;
  target ~ debug         ~ and !~ look for a part
  header.x-tenant        a field alone: the exchange has it
Fields: ${whereFields.join(', ')}

Messages of gRPC are shown as fields, by the schemas in the capture; where it has none, give them with --exchange.

Examples:
  gardenhose inspect orders.hose
  gardenhose inspect orders.hose --where 'status = 5xx and not path = /health'
  gardenhose inspect orders.hose --exchange 17
  gardenhose inspect orders.hose --json | jq .operations`;

/** `gardenhose inspect FILE`. */
export function inspectCommand(context: CommandContext): Command {
  const command = new Command('inspect')
    .description('Shows what a capture says of itself, what it holds, and its lanes on a timeline.')
    .argument('<file>', 'capture to read')
    .option('--exchange <id>', 'show this exchange whole, as text', parseCount)
    .option('--where <filter>', 'list the exchanges that this filter describes')
    .addHelpText('after', help);
  return withCommonFlags(withSchemaFlags(command)).action((file: string, flags: InspectFlags) => {
    context.run(flags, async (output) => {
      if (flags.exchange !== undefined && flags.where !== undefined) {
        throw new GardenhoseError(
          'invalid-option',
          '--exchange and --where exclude each other; give one of them',
        );
      }
      const schemas = await schemasOf(flags);
      if (schemas.length > 0 && flags.exchange === undefined) {
        throw new GardenhoseError(
          'invalid-option',
          'schemas are for the messages of one exchange; name it with --exchange',
          { subject: '--exchange' },
        );
      }
      const where = flags.where === undefined ? undefined : compileWhere(flags.where);
      const capture = await openInput(file, context.io, 'salvage');
      const progress = new Progress(context.io, output, systemClock);
      if (flags.exchange !== undefined) {
        // Reading stops at the exchange, so nothing can be said of the capture as a whole.
        await showExchange(file, capture, flags.exchange, schemas, output);
        return exitCodes.fine;
      }
      if (where !== undefined) await listMatching(file, capture, where, output);
      else await summarize(file, capture, output, progress);
      return concluded(file, capture, output);
    });
  });
}

/** Says what is wrong with the capture, where something is. */
function concluded(file: string, capture: CaptureStream, output: Output): ExitCode {
  const condition = capture.condition();
  const sentence = conditionSentence(file, condition);
  const exit = conditionExit(condition);
  if (sentence !== undefined && exit === exitCodes.fine) output.note(sentence);
  else if (sentence !== undefined) output.error(sentence);
  return exit;
}

async function summarize(
  file: string,
  capture: CaptureStream,
  output: Output,
  progress: Progress,
): Promise<void> {
  const summary = new CaptureSummary();
  // Sizes come with the events that end a side, so no body has to be held.
  const assembler = new Assembler({ order: 'end', maxBodyBytes: 1 });
  for await (const event of capture.events) {
    summary.event(event);
    for (const exchange of assembler.push(event)) summary.exchange(exchange);
    progress.update(() => `${summary.total} exchanges read`);
  }
  for (const exchange of assembler.finish()) summary.exchange(exchange);
  progress.clear();
  await output.text(`${inputName(file)}\n${headerLines(capture.header).join('\n')}\n\n${summary.toText()}`);
  const { state, faultCount, lostEvents } = capture.condition();
  await output.document({
    file: inputName(file),
    header: capture.header,
    condition: { state, faultCount, lostEvents },
    ...summary.toJson(),
  });
}

async function showExchange(
  file: string,
  capture: CaptureStream,
  id: number,
  schemas: readonly Uint8Array[],
  output: Output,
): Promise<void> {
  const registry = new SchemaRegistry();
  for (const schema of schemas) registry.add(schema);
  const exchange = await findExchange(capture.events, id, registry);
  if (exchange === undefined) {
    throw notThere(file, id, capture.condition());
  }
  for (const line of unmaskedLines(capture.header)) output.note(line);
  await output.text(exchangeText(exchange, registry));
  await output.document(exchangeDocument(exchange, registry));
}

/** An exchange that is not found may stand where a capture is cut off or damaged. */
function notThere(file: string, id: number, condition: CaptureCondition): GardenhoseError {
  const name = inputName(file);
  const sentence = conditionSentence(file, condition);
  if (sentence !== undefined && conditionExit(condition) !== exitCodes.fine) {
    const code = condition.state === 'truncated' ? 'capture-truncated' : 'capture-damaged';
    return new GardenhoseError(code, `exchange ${id} is not in what can be read: ${sentence}`, {
      subject: name,
    });
  }
  return new GardenhoseError(
    'invalid-option',
    `${name} holds no exchange ${id}; "gardenhose inspect" with --where lists those it holds`,
    { subject: '--exchange' },
  );
}

/** Schemas come before the exchanges that need them. */
async function findExchange(
  events: AsyncIterable<CaptureEvent>,
  id: number,
  registry: SchemaRegistry,
): Promise<Exchange | undefined> {
  const assembler = new Assembler();
  for await (const event of events) {
    if (event.type === 'schema') registry.add(event.data);
    if (!('exchange' in event) || event.exchange !== id) continue;
    const [found] = assembler.push(event);
    if (found !== undefined) return found;
  }
  return assembler.finish()[0];
}

async function listMatching(
  file: string,
  capture: CaptureStream,
  where: Predicate,
  output: Output,
): Promise<void> {
  const policy = JSON.stringify(capture.header.policy);
  const opening = `{ "file": ${JSON.stringify(inputName(file))}, "policy": ${policy}, "exchanges": [`;
  for (const line of unmaskedLines(capture.header)) output.note(line);
  let total = 0;
  let matching = 0;
  const show = async (exchanges: readonly Exchange[]) => {
    for (const exchange of exchanges) {
      total++;
      if (!where(exchange)) continue;
      await output.text(exchangeCells(exchange).join('  ').trimEnd());
      await output.documentPart(
        `${matching++ === 0 ? opening : ','}\n  ${JSON.stringify(exchangeJson(exchange))}`,
      );
    }
  };
  const assembler = new Assembler({ maxBodyBytes: 1 });
  for await (const event of capture.events) await show(assembler.push(event));
  await show(assembler.finish());
  output.note(`${matching} of ${showCount(total, 'exchange')}`);
  await output.documentPart(
    `${matching === 0 ? opening : ''}\n], "matching": ${matching}, "total": ${total} }\n`,
  );
}

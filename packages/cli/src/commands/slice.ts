import {
  type CaptureRange,
  GardenhoseError,
  type SliceOptions,
  sliceCapture,
  systemClock,
} from '@gardenhose/core';
import { Command, InvalidArgumentError } from 'commander';
import { conditionExit, conditionSentence, inputName } from '../capture-input.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { exitCodes } from '../exit-code.ts';
import { collect, parseCount } from '../flags.ts';
import { unmaskedLines } from '../header-text.ts';
import { showBytes, showCount } from '../output.ts';
import { parseWindow } from '../pace-flags.ts';
import { Progress } from '../progress.ts';
import { isStandardOutput } from '../standard-output.ts';
import { compileWhere, type Predicate } from '../where.ts';

interface SliceFlags extends CommonFlags {
  readonly output: string;
  readonly overwrite?: boolean;
  readonly window?: { readonly fromMs?: number | undefined; readonly toMs?: number | undefined };
  readonly sequence?: Pick<CaptureRange, 'fromSeq' | 'toSeq'>;
  readonly id?: readonly number[];
  readonly lane?: string;
  readonly operation?: string;
  readonly mark?: readonly Predicate[];
  readonly where?: Predicate;
  readonly underWay?: boolean;
}

const help = `
An exchange is kept when all that is asked for holds of it, and then whole: --window and --sequence go by when it began. Those that were under way
at the beginning of the part are kept with --under-way alone, from there on, marked as partial. Ids, lanes, numbers and times stay as they
are, so what is found in the slice can be looked up in the whole. Schemas come along. The slice has an id of its own; its tag
"slice-of" names the capture that it is of.

EXPR is that of "gardenhose inspect --where". FILE may be "-" with --window, --sequence and --id; the other conditions need a file, which is read twice.

Examples:
  gardenhose slice orders.hose -o minute.hose --window 10m:11m
  gardenhose slice orders.hose -o failed.hose --where 'status >= 500 or abort'
  gardenhose slice orders.hose -o carts.hose --operation 'POST /carts/*' --mark tenant=acme
  gardenhose slice orders.hose -o two.hose --id 17 --id 42
  gardenhose slice orders.hose -o - --window :90s | gardenhose replay - --to http://127.0.0.1:3000`;

/** `gardenhose slice FILE -o OUT`. */
export function sliceCommand(context: CommandContext): Command {
  const command = new Command('slice')
    .description('Writes a part of a capture into a new one.')
    .argument('<file>', 'capture to cut, "-" for standard input')
    .requiredOption('-o, --output <file>', 'capture to write, "-" for standard output')
    .option('--overwrite', 'replace the output if it is there')
    .option('--window <from:to>', 'what began in this part, such as 10m:15m, 10m: or :90s', parseWindow)
    .option(
      '--sequence <from:to>',
      'what began at these sequence numbers, the second left out',
      parseSequence,
    )
    .option('--id <n>', 'the exchange with this id; may be repeated', collect(parseCount))
    .option('--lane <lane>', 'exchanges of this lane; "*" stands for any run of characters')
    .option('--operation <operation>', 'exchanges of this operation, such as "GET /orders/*"')
    .option('--mark <name>', 'exchanges with this mark, or NAME=VALUE; may be repeated', collect(parseMark))
    .option('--where <expr>', 'exchanges that this holds of, such as "status >= 500"', compileWhere)
    .option('--under-way', 'keep what was under way when the part begins too, marked as partial')
    .addHelpText('after', help);
  return withCommonFlags(command).action((file: string, flags: SliceFlags) => {
    context.run(flags, async (output) => {
      const { stdin, stdout } = context.io;
      const toStream = isStandardOutput(flags);
      const options = sliceOptions(file, flags);
      const progress = new Progress(context.io, output, systemClock);
      const interrupt = context.io.claimInterrupt();
      if (file === '-') interrupt.addEventListener('abort', () => stdin.destroy(new Error('interrupted')));
      const found = await sliceCapture(file === '-' ? stdin : file, toStream ? stdout : flags.output, {
        ...options,
        overwrite: flags.overwrite,
        onEvent: (events) => {
          interrupt.throwIfAborted();
          progress.update(() => `${events} events read`);
        },
      }).catch((error: unknown) => {
        if (!interrupt.aborted) throw error;
        return undefined;
      });
      progress.clear();
      if (found === undefined) {
        output.error(
          toStream ? 'interrupted; the output is not whole' : 'interrupted; no capture was written',
        );
        return exitCodes.interrupted;
      }
      const { header, exchanges, partial, of, ...result } = found;
      const where = toStream ? 'standard output' : flags.output;
      const cut = partial > 0 ? `, ${partial} of them under way when the part begins, and partial` : '';
      const lines = [
        `${exchanges} of ${showCount(of, 'exchange')} kept${cut}, written to ${where} (${showBytes(result.bytesWritten)})`,
        ...unmaskedLines(header),
      ];
      if (toStream) for (const line of lines) output.note(line);
      else await output.text(lines.join('\n'));
      await output.document({
        ...{ file: inputName(file), output: flags.output, header },
        ...{ exchanges, partial, of, ...result },
      });
      // What was not read to its end was not found to lack one.
      const sentence = result.state === 'open' ? undefined : conditionSentence(file, result);
      if (sentence !== undefined) output.error(sentence);
      return conditionExit(result);
    });
  });
}

/** @throws GardenhoseError `invalid-option` */
function sliceOptions(
  file: string,
  flags: SliceFlags,
): Pick<SliceOptions, 'range' | 'ids' | 'where' | 'underWay'> {
  const { window, sequence, id, lane, operation, mark = [], where, underWay } = flags;
  const conditions = [
    ...(lane === undefined ? [] : [compileWhere(`lane = ${quoted('--lane', lane)}`)]),
    ...(operation === undefined ? [] : [compileWhere(`operation = ${quoted('--operation', operation)}`)]),
    ...mark,
    ...(where === undefined ? [] : [where]),
  ];
  const hasRange = window !== undefined || sequence !== undefined;
  if (!hasRange && id === undefined && conditions.length === 0) {
    throw new GardenhoseError(
      'invalid-option',
      'nothing says what to keep; give --window, --sequence, --id, --lane, --operation, --mark or --where',
      { subject: '--where' },
    );
  }
  if (file === '-' && conditions.length > 0) {
    throw new GardenhoseError(
      'invalid-option',
      'standard input can be read only once, expected a file with --lane, --operation, --mark and --where',
      { subject: 'FILE' },
    );
  }
  const { fromMs, toMs } = window ?? {};
  return {
    range: hasRange
      ? {
          ...(fromMs === undefined ? {} : { fromAt: fromMs * 1e6 }),
          ...(toMs === undefined ? {} : { toAt: toMs * 1e6 }),
          ...sequence,
        }
      : undefined,
    ids: id === undefined ? undefined : new Set(id),
    where:
      conditions.length === 0
        ? undefined
        : (exchange) => conditions.every((condition) => condition(exchange)),
    underWay,
  };
}

/** `100:200`, `100:` or `:200`. */
function parseSequence(text: string): Pick<CaptureRange, 'fromSeq' | 'toSeq'> {
  const match = /^(\d{1,15})?:(\d{1,15})?$/.exec(text);
  if (match === null || text === ':') {
    throw new InvalidArgumentError(
      'Expected two sequence numbers with a colon between, such as 100:200 or 100:.',
    );
  }
  return {
    ...(match[1] === undefined ? {} : { fromSeq: Number(match[1]) }),
    ...(match[2] === undefined ? {} : { toSeq: Number(match[2]) }),
  };
}

/** `tenant`, or `tenant=acme`. */
function parseMark(text: string): Predicate {
  const [, name = '', value] = /^([^=]+)(?:=(.*))?$/s.exec(text) ?? [];
  if (name === '') throw new InvalidArgumentError('Expected the name of a mark, or NAME=VALUE.');
  return ({ marks }) =>
    marks.some((mark) => mark.name === name && (value === undefined || mark.value === value));
}

/** As a word of a condition. */
function quoted(flag: string, value: string): string {
  const quote = value.includes('"') ? "'" : '"';
  if (!value.includes(quote)) return `${quote}${value}${quote}`;
  throw new GardenhoseError('invalid-option', `${flag} holds both kinds of quotes; use --where`, {
    subject: flag,
  });
}

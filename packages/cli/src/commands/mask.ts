import { maskCapture, systemClock } from '@gardenhose/core';
import { Command } from 'commander';
import { conditionExit, conditionSentence, inputName } from '../capture-input.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { exitCodes } from '../exit-code.ts';
import { type MaskFlags, maskOf, withMaskFlags } from '../mask-flags.ts';
import { showBytes, showCount } from '../output.ts';
import { Progress } from '../progress.ts';
import { type SchemaFlags, schemasOf, withSchemaFlags } from '../schema-flags.ts';
import { isStandardOutput } from '../standard-output.ts';

interface MaskCommandFlags extends CommonFlags, MaskFlags, SchemaFlags {
  readonly output: string;
  readonly overwrite?: boolean;
}

const help = `
The new capture keeps order, times, gaps and marks, and says which policies it went through. What was masked before stays as
it is: tokens are not masked again. So a stricter policy can be put on a capture before it is shared, or a first one on a
capture that was recorded without. The old capture is only read.

Give the key that the capture was recorded under (--mask-key-file, or GARDENHOSE_MASK_KEY): under another key, equal values
that are masked now and were masked before do not get equal tokens. Numbers in JSON that a rule masks become other numbers.

Messages of gRPC are masked by the schemas in the capture. Where it has none, or a rule goes by an option that they lack, give
them: --descriptors or --proto. They go into the new capture.

Examples:
  gardenhose mask orders.hose -o shared.hose --policy stricter.json --mask-key-file mask.key
  gardenhose mask raw.hose -o orders.hose && gardenhose scan orders.hose
  gardenhose mask calls.hose -o shared.hose --descriptors shop.binpb --policy stricter.json
  gardenhose mask - -o - < raw.hose | gardenhose inspect -`;

/** `gardenhose mask FILE -o OUT`. */
export function maskCommand(context: CommandContext): Command {
  const command = new Command('mask')
    .description('Writes a capture into a new one, masked by a policy.')
    .argument('<file>', 'capture to mask, "-" for standard input')
    .requiredOption('-o, --output <file>', 'capture to write, "-" for standard output')
    .option('--overwrite', 'replace the output if it is there')
    .addHelpText('after', help);
  return withCommonFlags(withSchemaFlags(withMaskFlags(command))).action(
    (file: string, flags: MaskCommandFlags) => {
      context.run(flags, async (output) => {
        const { stdin, stdout, env } = context.io;
        const toStream = isStandardOutput(flags);
        const progress = new Progress(context.io, output, systemClock);
        const policy = maskOf(flags, env);
        const schemas = await schemasOf(flags);
        const interrupt = context.io.claimInterrupt();
        // So that what waits for input ends as well.
        if (file === '-') interrupt.addEventListener('abort', () => stdin.destroy(new Error('interrupted')));
        const found = await maskCapture(file === '-' ? stdin : file, toStream ? stdout : flags.output, {
          policy,
          schemas,
          overwrite: flags.overwrite,
          onEvent: (events) => {
            interrupt.throwIfAborted();
            progress.update(() => `${events} events masked`);
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
        const { header, masked, refused, ...result } = found;
        const where = toStream ? 'standard output' : flags.output;
        const lines = [
          `${showCount(masked, 'value')} masked in ${showCount(result.events, 'event')}, written to ${where} (${showBytes(result.bytesWritten)})`,
        ];
        if (refused > 0)
          lines.push(`${showCount(refused, 'event')} do not fit any more and are declared as missing`);
        if (result.unknownRecords > 0)
          lines.push(
            `${showCount(result.unknownRecords, 'record')} of unknown kinds cannot be masked and were left out`,
          );
        const before = header.policyHistory?.at(-1);
        if (before?.mode === 'masked' && before.keyId !== header.policy.keyId)
          lines.push(
            `tokens of before are of the key ${before.keyId}, those of now of ${header.policy.keyId}: they do not join`,
          );
        if (toStream) for (const line of lines) output.note(line);
        else await output.text(lines.join('\n'));
        const sentence = conditionSentence(file, result);
        if (sentence !== undefined) output.error(sentence);
        await output.document({
          file: inputName(file),
          output: flags.output,
          header,
          masked,
          refused,
          ...result,
        });
        return conditionExit(result);
      });
    },
  );
}

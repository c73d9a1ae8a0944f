import { recoverCapture } from '@gardenhose/core';
import { Command } from 'commander';
import { inputName } from '../capture-input.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { exitCodes } from '../exit-code.ts';
import { unmaskedLines } from '../header-text.ts';
import { showBytes, showCount } from '../output.ts';
import { isStandardOutput } from '../standard-output.ts';

interface RecoverFlags extends CommonFlags {
  readonly output: string;
  readonly overwrite?: boolean;
}

const help = `
Everything that is sound is kept, in order; where something is missing, the new capture says so with a gap.
The old capture is only read.

Examples:
  gardenhose recover crashed.hose -o orders.hose
  gardenhose recover - -o orders.hose < crashed.hose
  gardenhose recover crashed.hose -o - | gardenhose inspect -`;

/** `gardenhose recover FILE -o OUT`. */
export function recoverCommand(context: CommandContext): Command {
  const command = new Command('recover')
    .description('Writes all that is sound in a capture into a new, closed one.')
    .argument('<file>', 'capture to rescue, "-" for standard input')
    .requiredOption('-o, --output <file>', 'capture to write, "-" for standard output')
    .option('--overwrite', 'replace the output if it is there')
    .addHelpText('after', help);
  return withCommonFlags(command).action((file: string, flags: RecoverFlags) => {
    context.run(flags, async (output) => {
      const { stdin, stdout } = context.io;
      const toStream = isStandardOutput(flags);
      const { header, ...result } = await recoverCapture(
        file === '-' ? stdin : file,
        toStream ? stdout : flags.output,
        { overwrite: flags.overwrite },
      );
      const where = toStream ? 'standard output' : flags.output;
      const kept = `${showCount(result.events, 'event')} saved in ${where} (${showBytes(result.bytesWritten)})`;
      const lost = `${showCount(result.lostEvents, 'event')} and ${showBytes(result.lostBytes)} were lost`;
      const lines = [
        result.lossless ? `${kept}, nothing was lost` : `${kept}; ${lost}`,
        ...unmaskedLines(header),
      ];
      if (toStream) for (const line of lines) output.note(line);
      else await output.text(lines.join('\n'));
      await output.document({ file: inputName(file), output: flags.output, header, ...result });
      return exitCodes.fine;
    });
  });
}

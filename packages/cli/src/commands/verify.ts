import { systemClock } from '@gardenhose/core';
import { Command } from 'commander';
import { conditionExit, conditionSentence, inputName, openInput } from '../capture-input.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { unmaskedLines } from '../header-text.ts';
import { showCount } from '../output.ts';
import { Progress } from '../progress.ts';

const help = `
Ends with 0 when every byte is as it was written, with 65 when the capture is cut off or damaged.
A capture that was not closed, but is sound as far as it goes, is fine and said so.

Examples:
  gardenhose verify orders.hose
  gardenhose verify - < orders.hose
  gardenhose verify orders.hose --json | jq .faults`;

/** `gardenhose verify FILE`. */
export function verifyCommand(context: CommandContext): Command {
  const command = new Command('verify')
    .description(
      'Reads a capture from end to end, checks every checksum and count, and says what is wrong and where.',
    )
    .argument('<file>', 'capture to check, "-" for standard input')
    .addHelpText('after', help);
  return withCommonFlags(command).action((file: string, flags: CommonFlags) => {
    context.run(flags, async (output) => {
      const capture = await openInput(file, context.io, 'salvage');
      const progress = new Progress(context.io, output, systemClock);
      let events = 0;
      for await (const event of capture.events) {
        events++;
        progress.update(() => `${events} events checked, at ${(event.at / 1e9).toFixed(1)} s`);
      }
      progress.clear();
      const condition = capture.condition();
      const sound = `${inputName(file)} is sound: ${showCount(condition.events, 'event')} in ${showCount(condition.chunks, 'chunk')}`;
      const faults = condition.faults.map(
        ({ offset, kind, message }) => `  byte ${offset}  ${kind}  ${message}`,
      );
      const more = condition.faultCount - condition.faults.length;
      const rest = more > 0 ? [`  and ${showCount(more, 'fault')} more`] : [];
      await output.text(
        [
          conditionSentence(file, condition) ?? sound,
          ...unmaskedLines(capture.header),
          ...faults,
          ...rest,
        ].join('\n'),
      );
      await output.document({ file: inputName(file), policy: capture.header.policy, ...condition });
      return conditionExit(condition);
    });
  });
}

import { writeFile } from 'node:fs/promises';
import { type Binding, type Bindings, learnBindings, printBindings, textTable } from '@gardenhose/core';
import { Command } from 'commander';
import { conditionExit, conditionSentence, inputName } from '../capture-input.ts';
import { openSource } from '../capture-source.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { showCount } from '../output.ts';
import { type SchemaFlags, schemasOf, withSchemaFlags } from '../schema-flags.ts';

interface CorrelateFlags extends CommonFlags, SchemaFlags {
  readonly output?: string;
  readonly overwrite?: boolean;
}

const help = `
A binding says: what the answers to one operation tell in this place, requests of another send in that place. It is found where a
value that hardly comes up twice by chance was told by an answer first and sent by a later request. "gardenhose replay" finds the
same by itself and sends the live values; write them to a file to review, edit or add some, and give it to replay --bindings.

values: how many different ones agree. unknown: values sent there that no answer had told. A binding with too little evidence is
listed as off. No recorded value is shown or written.

Examples:
  gardenhose correlate orders.hose
  gardenhose correlate orders.hose -o bindings.json
  gardenhose replay orders.hose --to http://127.0.0.1:3000 --bindings bindings.json`;

/** `gardenhose correlate FILE`. */
export function correlateCommand(context: CommandContext): Command {
  const command = new Command('correlate')
    .description('Finds the values that recorded answers told and later requests sent: ids, tokens, cookies.')
    .argument('<file>', 'capture to read, "-" for standard input')
    .option('-o, --output <file>', 'write the bindings to this file (JSON)')
    .option('--overwrite', 'replace a file that exists')
    .addHelpText('after', help);
  return withCommonFlags(withSchemaFlags(command)).action((file: string, flags: CorrelateFlags) => {
    context.run(flags, async (output) => {
      const given = await schemasOf(flags);
      await using source = await openSource(file, context.io);
      const { schemas } = await source.contents();
      schemas.unshift(...given);
      const bindings = await learnBindings(source.exchanges(), { schemas });
      if (flags.output !== undefined) {
        await writeFile(flags.output, printBindings(bindings), {
          flag: flags.overwrite === true ? 'w' : 'wx',
        });
      }
      await output.text([summary(file, bindings), ...table(bindings.bindings)].join('\n'));
      await output.document(bindings);
      const condition = source.condition();
      const sentence = conditionSentence(file, condition);
      if (sentence !== undefined) output.error(sentence);
      return conditionExit(condition);
    });
  });
}

function summary(file: string, { bindings }: Bindings): string {
  const off = bindings.filter(({ enabled }) => enabled === false).length;
  const rest = off === 0 ? '' : `, ${off} of them off for want of evidence`;
  return `${inputName(file)}: ${showCount(bindings.length, 'binding')}${rest}`;
}

function table(bindings: readonly Binding[]): string[] {
  if (bindings.length === 0) return [];
  const rows = bindings.map(({ from, to, enabled, evidence, confidence }) => [
    String(evidence?.matched ?? ''),
    String(evidence?.values ?? ''),
    String(evidence?.contradicted ?? ''),
    confidence?.toFixed(2) ?? '',
    enabled === false ? 'off' : '',
    ...[from.operation, from.place, '→', to.operation, to.place],
  ]);
  return textTable(
    ['right', 'right', 'right', 'right', 'left', 'left', 'left', 'left', 'left', 'left'],
    [['matched', 'values', 'unknown', 'confidence', '', 'answers', '', '', 'requests', ''], ...rows],
  );
}

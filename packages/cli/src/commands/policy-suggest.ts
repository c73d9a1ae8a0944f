import {
  Assembler,
  type NameSuggestion,
  PolicySuggester,
  readPolicyFile,
  systemClock,
  textTable,
} from '@gardenhose/core';
import { Command } from 'commander';
import { conditionExit, conditionSentence, openInput } from '../capture-input.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { parseCount } from '../flags.ts';
import { showCount } from '../output.ts';
import { printable } from '../printable.ts';
import { Progress } from '../progress.ts';

interface SuggestFlags extends CommonFlags {
  readonly policy?: string;
  readonly rules?: number;
  readonly all?: boolean;
}

const defaultRules = 20;
const mostNames = 100;

const help = `
FILE may be "-" for standard input. The policy goes to standard output, the reasons for it to standard error. Names, counts
and looks are told, values never are. Rules are proposed by looks: read them before you use them.

Examples:
  gardenhose policy suggest orders.hose > policy.json
  gardenhose policy suggest orders.hose --policy policy.json --all
  gardenhose policy suggest orders.hose --json | jq '.names[] | select(.rule)'`;

/** `gardenhose policy suggest FILE`. */
export function policySuggestCommand(context: CommandContext): Command {
  const command = new Command('suggest')
    .summary("propose rules from a capture's unknown names")
    .description('Proposes a policy for the names in a capture that no rule knows, without showing values.')
    .argument('<file>', 'capture to read')
    .option('--policy <file>', 'the policy to add to')
    .option('--rules <n>', `propose this many rules at most (default: ${defaultRules})`, parseCount)
    .option('--all', 'list names for which nothing is proposed as well')
    .addHelpText('after', help);
  return withCommonFlags(command).action((file: string, flags: SuggestFlags) => {
    context.run(flags, async (output) => {
      // Its key may not be here, and is not needed to know names.
      const { key, ...policy } =
        flags.policy === undefined ? { version: 1 as const, key: undefined } : readPolicyFile(flags.policy);
      const suggester = new PolicySuggester(policy);
      const capture = await openInput(file, context.io, 'salvage');
      const progress = new Progress(context.io, output, systemClock);
      const assembler = new Assembler({ order: 'end' });
      let exchanges = 0;
      for await (const event of capture.events) {
        for (const exchange of assembler.push(event)) {
          suggester.add(exchange);
          exchanges++;
        }
        progress.update(() => `${exchanges} exchanges read`);
      }
      for (const exchange of assembler.finish()) {
        suggester.add(exchange);
        exchanges++;
      }
      progress.clear();

      const names = suggester.suggestions();
      const most = flags.rules ?? defaultRules;
      const proposed = { ...suggester.policy(most), ...(key === undefined ? {} : { key }) };
      const shown = names.filter(({ rule }) => rule !== undefined || flags.all === true).slice(0, mostNames);
      const unknown = showCount(names.length, 'name');
      output.note(`${unknown} in ${showCount(exchanges, 'exchange')} that no rule knows`);
      for (const line of table(shown)) output.note(line);
      const condition = capture.condition();
      const sentence = conditionSentence(file, condition);
      if (sentence !== undefined) output.error(sentence);
      await output.text(JSON.stringify(proposed, undefined, 2));
      await output.document({ policy: proposed, exchanges, names: names.slice(0, 1000) });
      return conditionExit(condition);
    });
  });
}

function table(names: readonly NameSuggestion[]): string[] {
  if (names.length === 0) return [];
  const rows = names.map(({ name, places, count, distinct, shapes, reason, rule }) => [
    printable(name, 64),
    places.join(', '),
    String(count),
    String(distinct),
    shapes
      .slice(0, 3)
      .map(([shape]) => shape)
      .join(', '),
    rule === undefined ? '' : typeof rule.mask === 'string' ? rule.mask : rule.mask.do,
    reason,
  ]);
  const head = ['name', 'where', 'values', 'different', 'looks', 'proposed', 'why'];
  return textTable(['left', 'left', 'right', 'right', 'left', 'left', 'left'], [head, ...rows], '');
}

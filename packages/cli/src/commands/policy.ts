import { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { policyCheckCommand, policyShowCommand } from './policy-check.ts';
import { policyExplainCommand } from './policy-explain.ts';
import { policySuggestCommand } from './policy-suggest.ts';

const help = `
A policy is a JSON file that says what to mask and how; it adds to the default policy "secure".

Examples:
  gardenhose policy show
  gardenhose policy check policy.json
  gardenhose policy suggest orders.hose > policy.json
  gardenhose policy explain --policy policy.json --url '/orders?email=ada@example.com'`;

/** `gardenhose policy COMMAND`. */
export function policyCommand(context: CommandContext): Command {
  const command = new Command('policy')
    .description('Works on mask policies.')
    .helpCommand(false)
    .addHelpText('after', help);
  for (const each of [
    policyExplainCommand(context),
    policyCheckCommand(context),
    policyShowCommand(context),
    policySuggestCommand(context),
  ]) {
    command.addCommand(each.helpOption('--help', 'show help'));
  }
  return command;
}

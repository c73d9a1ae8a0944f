import {
  createMasker,
  defaultRuleIds,
  isGardenhoseError,
  type Policy,
  type PolicySummary,
  readPolicyFile,
} from '@gardenhose/core';
import { Command } from 'commander';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { exitCodes } from '../exit-code.ts';
import { showCount } from '../output.ts';

const checkHelp = `
Ends with 0 when the policy can be carried out to the letter, else with 65 and a sentence that names the rule.

Example:
  gardenhose policy check policy.json`;

/** `gardenhose policy check FILE`. */
export function policyCheckCommand(context: CommandContext): Command {
  const command = new Command('check')
    .summary('check a policy file')
    .description('Says whether a policy file is valid, and if not, which rule is wrong and why.')
    .argument('<file>', 'policy to check')
    .addHelpText('after', checkHelp);
  return withCommonFlags(command).action((file: string, flags: CommonFlags) => {
    context.run(flags, async (output) => {
      const policy = readPolicyFile(file);
      const { summary, keyProblem } = checked(policy);
      if (keyProblem !== undefined) output.note(`its key cannot be used here: ${keyProblem}`);
      const rules = policy.rules?.length ?? 0;
      const text =
        summary.mode === 'none'
          ? `${file} is valid, and masks NOTHING`
          : `${file} is valid: extends ${summary.name}, ${showCount(rules, 'rule')}, ${showCount(summary.disabled.length, 'default rule')} switched off, digest ${summary.digest.slice(0, 12)}`;
      await output.text(text);
      await output.document({ file, rules, policy: summary });
      return exitCodes.fine;
    });
  });
}

/** What a policy is. Where it is checked, the key need not be. */
function checked(policy: Policy): { readonly summary: PolicySummary; readonly keyProblem?: string } {
  try {
    return { summary: createMasker(policy).summary };
  } catch (error) {
    if (!isGardenhoseError(error) || error.code !== 'mask-key') throw error;
    const { key: _, ...keyless } = policy;
    return { summary: createMasker(keyless).summary, keyProblem: error.message };
  }
}

const showHelp = `
The reference "Masking" says what each rule does. Those that can be switched off are named in a policy's "disable".

Examples:
  gardenhose policy show
  gardenhose policy show --policy policy.json`;

/** `gardenhose policy show`. */
export function policyShowCommand(context: CommandContext): Command {
  const command = new Command('show')
    .summary('list the rules of a policy')
    .description('Lists the rules that are in force, those of the policy file first.')
    .option('--policy <file>', 'policy to show, instead of the default one')
    .addHelpText('after', showHelp);
  return withCommonFlags(command).action((flags: CommonFlags & { readonly policy?: string }) => {
    context.run(flags, async (output) => {
      const { key: _, ...policy } =
        flags.policy === undefined ? { version: 1 as const, key: undefined } : readPolicyFile(flags.policy);
      const { summary } = createMasker(policy);
      const own = 'rules' in policy && policy.rules !== undefined ? policy.rules : [];
      const rules =
        summary.mode === 'none'
          ? []
          : defaultRuleIds.map((id) => ({ id, enabled: !summary.disabled.includes(id) }));
      const lines = [
        summary.mode === 'none'
          ? 'this policy masks NOTHING'
          : `policy ${summary.name}, digest ${summary.digest.slice(0, 12)}`,
        ...own.map(
          ({ id, at, value, mask }) => `${id}  ${JSON.stringify(at ?? { value })}  ${JSON.stringify(mask)}`,
        ),
        ...rules.map(({ id, enabled }) => (enabled ? id : `${id}  (switched off)`)),
      ];
      await output.text(lines.join('\n'));
      await output.document({ policy: summary, rules: own, defaultRules: rules });
      return exitCodes.fine;
    });
  });
}

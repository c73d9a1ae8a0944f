import {
  Assembler,
  type Exchange,
  type Policy,
  readPolicyFile,
  SecretScanner,
  systemClock,
} from '@gardenhose/core';
import { Command } from 'commander';
import { conditionExit, conditionSentence, inputName, openInput } from '../capture-input.ts';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { Findings } from '../findings.ts';
import { unmaskedLines } from '../header-text.ts';
import { type Output, showCount } from '../output.ts';
import { Progress } from '../progress.ts';
import { type SchemaFlags, schemasOf, withSchemaFlags } from '../schema-flags.ts';

interface ScanFlags extends CommonFlags, SchemaFlags {
  readonly policy?: string;
}

const help = `
Looks at everything: heads, URLs, bodies (decompressed, decoded), messages, marks, the capture's own notes. What looks like
a secret is what the default mask policy would mask by a name or a detector. Tokens, and what else masks leave, are none.
Messages of gRPC are read by the schemas in the capture, or by those that you give; without, only detectors look.
Names and places are shown, values never are. With --policy, values that its rules keep on purpose are no findings.

Ends with 1 when something was found; else with 65 when a capture is cut off or damaged (what is sound was looked
at); else with 0.

Examples:
  gardenhose scan orders.hose
  gardenhose scan captures/*.hose --policy policy.json && git add captures
  gardenhose scan orders.hose --json | jq '.captures[].findings'`;

/** `gardenhose scan FILE...`. */
export function scanCommand(context: CommandContext): Command {
  const command = new Command('scan')
    .description('Searches captures for what looks like a secret or personal data, and says where, not what.')
    .argument('<file...>', 'captures to search, "-" for standard input')
    .option('--policy <file>', 'the policy that the captures were recorded under: what it keeps is meant')
    .addHelpText('after', help);
  return withCommonFlags(withSchemaFlags(command)).action((files: readonly string[], flags: ScanFlags) => {
    context.run(flags, async (output) => {
      const policy = flags.policy === undefined ? undefined : readPolicyFile(flags.policy);
      const schemas = await schemasOf(flags);
      const captures: Record<string, unknown>[] = [];
      let exit: ExitCode = exitCodes.fine;
      for (const file of files) {
        const scanned = await scan(file, policy, schemas, context, output);
        captures.push(scanned.document);
        if (exit !== exitCodes.failed && scanned.exit !== exitCodes.fine) exit = scanned.exit;
      }
      await output.document({ captures });
      return exit;
    });
  });
}

async function scan(
  file: string,
  policy: Policy | undefined,
  schemas: readonly Uint8Array[],
  { io }: CommandContext,
  output: Output,
): Promise<{ readonly exit: ExitCode; readonly document: Record<string, unknown> }> {
  // One each: schemas of one capture say nothing of another.
  const scanner = new SecretScanner(policy);
  for (const schema of schemas) scanner.describe(schema);
  const capture = await openInput(file, io, 'salvage');
  const { header } = capture;
  const progress = new Progress(io, output, systemClock);
  const findings = new Findings();
  let exchanges = 0;
  let unread = 0;
  findings.add(scanner.header(header));
  const look = (finished: readonly Exchange[]): void => {
    for (const exchange of finished) {
      const scanned = scanner.exchange(exchange, header.policy.mode === 'masked');
      findings.add(scanned.findings, exchange.id);
      unread += scanned.unread;
      exchanges++;
    }
  };
  const assembler = new Assembler({ order: 'end' });
  for await (const event of capture.events) {
    if (event.type === 'control') findings.add(scanner.control(event));
    else if (event.type === 'schema') scanner.describe(event.data);
    look(assembler.push(event));
    progress.update(() => `${inputName(file)}: ${exchanges} exchanges, ${findings.total} findings`);
  }
  look(assembler.finish());
  progress.clear();

  const name = inputName(file);
  const condition = capture.condition();
  const all = showCount(exchanges, 'exchange');
  const lines = [
    findings.total === 0
      ? `${name}: nothing looks like a secret in ${all}`
      : `${name}: ${showCount(findings.total, 'value')} in ${findings.exchanges} of ${all} look like secrets`,
    ...unmaskedLines(header),
    ...findings.toText(),
  ];
  if (unread > 0)
    lines.push(`bodies and messages of kinds that are not read, where only detectors looked: ${unread}`);
  const sentence = conditionSentence(file, condition);
  await output.text(lines.join('\n'));
  if (sentence !== undefined) output.error(sentence);
  const { state, faultCount, lostEvents } = condition;
  return {
    exit: findings.total > 0 ? exitCodes.failed : conditionExit(condition),
    document: {
      file: name,
      policy: header.policy,
      exchanges,
      unread,
      condition: { state, faultCount, lostEvents },
      ...findings.toJson(),
    },
  };
}

import {
  type Content,
  createMasker,
  type ExplainedValue,
  explainMasking,
  type PolicySummary,
  SchemaRegistry,
  type Side,
  textTable,
  unknownHeadersText,
} from '@gardenhose/core';
import { Command, InvalidArgumentError } from 'commander';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { exampleCall } from '../example-call.ts';
import { type ExampleFlags, exampleExchange } from '../example-exchange.ts';
import { exchangeDocument } from '../exchange-text.ts';
import { exitCodes } from '../exit-code.ts';
import { collect } from '../flags.ts';
import { type MaskFlags, maskOf, withMaskFlags } from '../mask-flags.ts';
import { printable } from '../printable.ts';
import { type SchemaFlags, schemasOf, withSchemaFlags } from '../schema-flags.ts';

interface ExplainFlags extends CommonFlags, MaskFlags, ExampleFlags, SchemaFlags {}

const help = `
Give as much of an exchange as matters. "@FILE" in place of a body reads it from a file, "@-" from standard input.
Nothing is recorded; the values that you give are shown beside what becomes of them.

With --descriptors or --proto, the example is a call of gRPC: the URL is that of a method, and bodies are its messages as JSON.

Examples:
  gardenhose policy explain --url '/orders/7?email=ada@example.com' --header 'X-Tenant: acme'
  gardenhose policy explain --policy policy.json --url /pay --body '{"card":"4242 4242 4242 4242"}'
  gardenhose policy explain --url /login --body @login.json --response-header 'Set-Cookie: sid=abc; Path=/'
  gardenhose policy explain --proto shop.proto --url /shop.Orders/Place --body '{"email":"ada@example.com"}'
  gardenhose policy explain --request captured-request.txt --json | jq .values`;

/** `gardenhose policy explain`. */
export function policyExplainCommand(context: CommandContext): Command {
  const header = collect(parseHeader);
  const command = new Command('explain')
    .summary('show what a policy does to an example, and which rule did it')
    .description(
      'Masks an example exchange, and shows each value that is masked, by which rule, and what becomes of it.',
    )
    .option('--url <url>', 'URL or path that is asked for')
    .option('--method <method>', 'its method (default: GET, with a body POST)')
    .option('--header <name: value>', 'a request header; may be repeated', header)
    .option('--body <text>', 'the request body, or @FILE')
    .option('--content-type <type>', 'what the request body is (default: as it looks)')
    .option(
      '--request <file>',
      'a request as HTTP writes it: method and target, headers, an empty line, body',
    )
    .option('--status <status>', 'status of the response', parseStatus)
    .option('--response-header <name: value>', 'a response header; may be repeated', header)
    .option('--response-body <text>', 'the response body, or @FILE')
    .option('--outbound', 'a request that the service sends, for rules with "side"')
    .addHelpText('after', help);
  return withCommonFlags(withSchemaFlags(withMaskFlags(command))).action((flags: ExplainFlags) => {
    context.run(flags, async (output) => {
      const policy = maskOf(flags, context.io.env);
      const { summary } = createMasker(policy);
      const schemas = await schemasOf(flags);
      const registry = new SchemaRegistry();
      for (const schema of schemas) registry.add(schema);
      const example = await exampleExchange(flags, context.io);
      const exchange = schemas.length > 0 ? exampleCall(example, registry) : example;
      const { masked, values } =
        summary.mode === 'none'
          ? { masked: exchange, values: [] }
          : explainMasking(policy, exchange, { schemas });
      const { unknownHeaders } = masked;
      const lines = [
        ...policyLines(summary),
        ...table(values),
        ...recorded('request', masked.request),
        ...recorded('response', masked.response),
        ...unknownHeadersText(unknownHeaders.map((name) => [name, undefined])),
      ];
      await output.text(lines.join('\n'));
      await output.document({
        policy: summary,
        values,
        unknownHeaders,
        recorded: exchangeDocument(masked, registry),
      });
      return exitCodes.fine;
    });
  });
}

function policyLines(policy: PolicySummary): string[] {
  if (policy.mode === 'none') return ['NOT MASKED: this policy masks nothing'];
  const disabled = policy.disabled.length > 0 ? ` without ${policy.disabled.join(', ')}` : '';
  return [`policy ${policy.name}${disabled}, digest ${policy.digest.slice(0, 12)}`];
}

function table(values: readonly ExplainedValue[]): string[] {
  if (values.length === 0) return ['nothing in it is masked'];
  const rows = values.map(({ side, part, where, rules, before, after }) => [
    `${side} ${part}`,
    printable(where, 80),
    rules.join(', '),
    `${printable(before, 200)} -> ${after === undefined ? gone(rules) : printable(after, 200)}`,
  ]);
  return textTable(
    ['left', 'left', 'left', 'left'],
    [['part', 'where', 'rule', 'before -> after'], ...rows],
    '',
  );
}

/** What becomes of a body, or of the message in its place. */
function recorded(side: Side, content: Content | undefined): string[] {
  if (content === undefined || content.size === 0) return [];
  const [message] = content.messages;
  const what = message === undefined ? 'body' : 'message';
  return [`the ${side} ${what} is recorded as "${(message ?? content).state}"`];
}

function gone(rules: readonly string[]): string {
  return rules.some((rule) => rule.startsWith('dropped:')) ? '(dropped)' : '(removed)';
}

function parseHeader(text: string): readonly [name: string, value: string] {
  const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*)$/s.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected a header such as "X-Tenant: acme".');
  return [match[1] ?? '', match[2] ?? ''];
}

function parseStatus(text: string): number {
  const status = /^\d{3}$/.test(text) ? Number(text) : 0;
  if (status < 200) throw new InvalidArgumentError('Expected a status from 200 to 999.');
  return status;
}

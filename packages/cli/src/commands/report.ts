import { readFile, stat } from 'node:fs/promises';
import { GardenhoseError, parseReport, renderReport } from '@gardenhose/core';
import { Command } from 'commander';
import { type CommandContext, type CommonFlags, withCommonFlags } from '../context.ts';
import { exitCodes } from '../exit-code.ts';
import { collect } from '../flags.ts';
import { parseReportFile, writeReport } from '../report-file.ts';

interface ReportFlags extends CommonFlags {
  readonly output?: readonly string[];
}

/** Reports are bounded, and far smaller than this. */
const maxBytes = 64 * 1024 * 1024;

const help = `
FILE is a report that "gardenhose replay --report run.json" or "--json" wrote. Without -o it is shown as text.
Ends with 0 when it could be read, whatever its verdict is, and with 65 when it is no report.

Examples:
  gardenhose report run.json
  gardenhose report run.json -o run.html`;

/** `gardenhose report FILE`. */
export function reportCommand(context: CommandContext): Command {
  const command = new Command('report')
    .description('Shows the report of an earlier replay, or writes it as a page with plots.')
    .argument('<file>', 'report as JSON')
    .option(
      '-o, --output <file>',
      'write it to this file: .html a page with plots, .txt text, .json data; may be repeated',
      collect(parseReportFile),
    )
    .addHelpText('after', help);
  return withCommonFlags(command).action((file: string, flags: ReportFlags) => {
    context.run(flags, async (output) => {
      const report = parseReport(await textOf(file), file);
      for (const path of flags.output ?? []) await writeReport(path, report);
      if (flags.output === undefined) await output.text(renderReport(report).trimEnd());
      await output.document(report);
      return exitCodes.fine;
    });
  });
}

async function textOf(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size > maxBytes) {
    throw new GardenhoseError(
      'report-invalid',
      `${file} is no report: it has ${size} bytes, expected at most ${maxBytes}`,
      {
        subject: file,
      },
    );
  }
  return readFile(file, 'utf8');
}

import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Report, renderHtml, renderReport } from '@gardenhose/core';
import { InvalidArgumentError } from 'commander';

const writers: Readonly<Record<string, (report: Report) => string>> = {
  '.json': (report) => `${JSON.stringify(report, undefined, 2)}\n`,
  '.html': renderHtml,
  '.htm': renderHtml,
  '.txt': renderReport,
};

/** The name of a file for a report, which says by its end what is written to it. */
export function parseReportFile(path: string): string {
  if (writers[extension(path)] === undefined) {
    throw new InvalidArgumentError('Expected a name that ends in .json, .html or .txt.');
  }
  return path;
}

/** Writes a report in the form that the name of the file asks for. It holds values of answers: a new file is for its owner alone. */
export async function writeReport(path: string, report: Report): Promise<void> {
  const write = writers[extension(path)];
  if (write !== undefined) await writeFile(path, write(report), { mode: 0o600 });
}

function extension(path: string): string {
  return extname(path).toLowerCase();
}

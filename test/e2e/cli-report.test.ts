import { readFileSync, writeFileSync } from 'node:fs';
import { ReportBuilder } from '@gardenhose/core';
import { afterAll, expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { runCli } from '../support/run-cli.ts';

const dir = tempDir();
afterAll(() => dir[Symbol.dispose]());
const kept = dir.file('run.json');
writeFileSync(kept, JSON.stringify(new ReportBuilder().build()));

test('report shows a report that was kept, and makes a page of it', async () => {
  const shown = await runCli(['report', kept]);
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).toMatch(/^Replay: inconclusive \(fidelity nothing-sent, comparison off\)\n/);

  const page = dir.file('run.html');
  expect(await runCli(['report', kept, '-o', page, '--json'])).toMatchObject({ code: 0 });
  expect(readFileSync(page, 'utf8')).toContain('No exchange was sent');
});

test('what is no report, or cannot be written, is refused in one sentence', async () => {
  const wrong = dir.file('wrong.json');
  writeFileSync(wrong, '{"format":"gardenhose-report/1"}');
  const cases: [args: string[], exit: number, sentence: RegExp][] = [
    [[wrong], 65, /wrong\.json is no report that can be read: \$\.verdict is missing/],
    [[dir.file('none.json')], 74, /none\.json: no such file/],
    [[kept, '-o', dir.file('run.pdf')], 64, /ends in \.json, \.html or \.txt/],
  ];
  for (const [args, code, sentence] of cases) {
    const ended = await runCli(['report', ...args]);
    expect(ended.code, ended.stderr).toBe(code);
    expect(ended.stderr).toMatch(sentence);
  }
});

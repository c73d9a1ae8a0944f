import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { ReportBuilder } from '@gardenhose/core';
import { afterAll, expect, test } from 'vitest';
import { tempDir } from '../../../test/support/captures.ts';
import { writeReport } from '../src/report-file.ts';

const dir = tempDir();
afterAll(() => dir[Symbol.dispose]());

test('a report, which holds values of answers, is for its owner alone; a file that is there keeps its mode', async () => {
  const modeOf = (path: string) => statSync(path).mode & 0o777;
  const report = new ReportBuilder().build();
  for (const name of ['run.json', 'run.html', 'run.txt']) {
    await writeReport(dir.file(name), report);
    expect(modeOf(dir.file(name))).toBe(0o600);
  }
  const shared = dir.file('shared.html');
  writeFileSync(shared, '');
  chmodSync(shared, 0o644);
  await writeReport(shared, report);
  expect(modeOf(shared)).toBe(0o644);
});

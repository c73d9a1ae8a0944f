import { expect, test } from 'vitest';
import { countRun, type Report } from '../scripts/test-summary.js';

const report = (over: Partial<Report>): Report => ({
  success: true,
  numPassedTests: 3,
  numFailedTests: 0,
  testResults: [],
  ...over,
});
const failedFile = (status: string) => ({
  name: 'x.test.ts',
  status: 'failed',
  assertionResults: [{ status, fullName: 'x' }],
});

test('a green run counts its passed tests', () => {
  expect(countRun(report({}))).toEqual({ passed: 3, failed: 0 });
});

test('a failed test counts once', () => {
  const run = report({ success: false, numFailedTests: 1, testResults: [failedFile('failed')] });
  expect(countRun(run)).toEqual({ passed: 3, failed: 1 });
});

test('a file that could not be loaded is one failure', () => {
  const unloaded = { ...failedFile('passed'), assertionResults: [] };
  expect(countRun(report({ success: false, testResults: [unloaded] }))).toEqual({ passed: 3, failed: 1 });
});

test('a run that failed without a failed test is one failure', () => {
  expect(countRun(report({ success: false }))).toEqual({ passed: 3, failed: 1 });
});

test('a run without a report is one failure', () => {
  expect(countRun(undefined)).toEqual({ passed: 0, failed: 1 });
});

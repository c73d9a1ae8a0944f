// Adds up reports of vitest's JSON reporter: `node scripts/test-summary.js REPORT... [+N]`, N being gate steps that
// failed outside the tests. Prints `P passed, F failed` as its last line and exits with 1 when F is not 0.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {object} Report
 * @property {boolean} success
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {{ name: string, status: string, message?: string, assertionResults: { status: string, fullName: string }[] }[]} testResults
 */

/**
 * Passed and failed tests of one run. A file that could not be loaded counts as one failure, and so does a run that
 * failed without a failing test (an unhandled error, a report that is missing): red is never counted as 0.
 * @param {Report | undefined} report
 * @returns {{ passed: number, failed: number }}
 */
export function countRun(report) {
  if (report === undefined) return { passed: 0, failed: 1 };
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const failed = report.numFailedTests + unloaded;
  return { passed: report.numPassedTests, failed: failed === 0 && !report.success ? 1 : failed };
}

/**
 * @param {string} path
 * @returns {Report | undefined}
 */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string[]} args */
function main(args) {
  const total = { passed: 0, failed: 0 };
  for (const arg of args) {
    const run = arg.startsWith('+') ? { passed: 0, failed: Number(arg) } : countRun(readReport(arg));
    total.passed += run.passed;
    total.failed += run.failed;
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2));

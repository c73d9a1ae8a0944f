import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { leaksIn } from './needles.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Masks canaries that are made at run time, and writes what the process then holds. */
const program = `
import { writeHeapSnapshot } from 'node:v8';
import { createMasker } from '@gardenhose/core';
const [closes, snapshot, report] = process.argv.slice(1);
const letters = (codes) => String.fromCharCode(...codes.map((code) => code - 1));
// Another alphabet than that of the needles: else this program would be found.
const stem = () => letters([123, 82, 121, 56, 108, 87, 120, 52, 75]);
let masker = createMasker({ version: 1 });
(() => {
  for (let i = 0; i < 300; i++) {
    const word = stem() + String(i).padStart(4, '0');
    const body = Buffer.from(JSON.stringify({ password: word, note: word + '@example.com', ['x' + i]: 1 }));
    let seq = i * 10 + 1;
    const stamp = () => ({ seq: seq++, at: 0, exchange: i + 1 });
    const headers = ['Cookie', 'sid=' + word, 'X-Api-Key', word, 'Content-Type', 'application/json', 'User-Agent', word + '@example.com'];
    const events = [
      { type: 'start', ...stamp(), direction: 'inbound', protocol: 'http', lane: '1', scheme: 'http', version: '1.1', method: 'POST', target: '/?token=' + word, headers, sampleRate: 1 },
      { type: 'chunk', ...stamp(), side: 'request', size: body.length, data: body },
      { type: 'end', ...stamp(), side: 'request', size: body.length, state: 'kept', complete: true },
      { type: 'abort', ...stamp(), by: 'client', code: '' },
    ];
    for (const event of events) masker.mask(event);
  }
})();
// One exchange that holds nothing, so that no local of the last one is left.
for (let i = 0; i < 50; i++) masker.mask({ type: 'clock', seq: 5000 + i, at: 0, wallMs: 0 });
if (closes === 'yes') masker.close();
// Regular expressions remember the last text that they matched.
/x/.test('x');
for (let i = 0; i < 5; i++) { globalThis.gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
writeHeapSnapshot(snapshot);
process.report.writeReport(report);
globalThis.kept = masker;
`;

function heldBy(closes: 'yes' | 'no'): { readonly snapshot: string[]; readonly report: string[] } {
  using folder = tempDir();
  const [snapshot, report] = [folder.file('heap.heapsnapshot'), folder.file('report.json')];
  const args = ['--expose-gc', '--input-type=module', '-e', program, closes, snapshot, report];
  execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
  return {
    snapshot: leaksIn(readFileSync(snapshot, 'latin1')),
    report: leaksIn(readFileSync(report, 'latin1')),
  };
}

test('a masker that is closed holds no value any more; one that is not remembers some, which the search finds', () => {
  expect(heldBy('no').snapshot.length).toBeGreaterThan(0);
  const closed = heldBy('yes');
  expect(closed.snapshot).toEqual([]);
  expect(closed.report).toEqual([]);
}, 60_000);

import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { tempDir } from './support/captures.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const folder = fileURLToPath(new URL('../examples/', import.meta.url));

/** What each example prints, in part. `examples/unit-test` is a test of its own and runs with this suite. */
const printed: Record<string, readonly (string | RegExp)[]> = {
  'record-http.js': [
    'the client gets {"path":"/orders/3","email":"ada@example.com"}',
    /^3 exchanges recorded to .*orders\.hose, [1-9]\d* values masked$/m,
  ],
  'replay-http.js': ['3 of 3 answered, changed', /body:\$\.total differs/],
  'record-grpc.js': [
    'the client gets {"item":"hose","email":"ada@example.com","left":9}',
    /^2 calls recorded to .*orders\.hose, [1-9]\d* values masked$/m,
  ],
  'replay-grpc.js': [
    '4 of 4 answered, changed',
    /shop\.Stock\/Reserve: body:\$\[\*\]\.left differs 2 times/,
    /shop\.Stock\/Watch: body:\$\[\*\]\.left differs 6 times/,
  ],
  'mask-policy.js': [
    /under the default policy:\n {2}POST \/orders\?voucher=SPRING-2026\n {2}\{"email":"mk_email_\w+","item":"hose","note":"ring/,
    /under a policy that knows the service:\n {2}POST \/orders\?voucher=mk_\w+\n {2}\{"email":"mk_email_\w+","item":"hose","note":"\[REDACTED\]"\}/,
  ],
  'custom-hook.js': ['GET /orders/1  tenant=red\nGET /orders/2  tenant=blue\n1 left out by the hook'],
  'custom-sink.js': [
    '{"type":"header","service":"orders","policy":"secure"}\n{"type":"start","seq":1}',
    '{"type":"closed"}',
  ],
};

test('every example is listed here', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  expect(files.sort()).toEqual(Object.keys(printed).sort());
});

test.each(Object.keys(printed))('%s prints what it shows', async (name) => {
  using dir = tempDir();
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [`${folder}${name}`, dir.file('orders.hose')],
    { cwd: dir.path },
  );
  expect(stderr).toBe('');
  for (const part of printed[name] ?? []) {
    if (typeof part === 'string') expect(stdout).toContain(part);
    else expect(stdout).toMatch(part);
  }
});

import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { runCli } from '../support/run-cli.ts';
import { recordSecrets, secretTexts } from '../support/secret-traffic.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const unmasked = { version: 1, extends: 'none' } as const;

test('scan finds secrets of every place in a capture without a mask, and tells none of them', async () => {
  using dir = tempDir();
  await recordSecrets(dir.file('raw.hose'), unmasked);
  const { code, stdout, stderr } = await runCli(['scan', dir.file('raw.hose')]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  for (const secret of secretTexts) expect(stdout).not.toContain(secret);
  expect(stdout).toMatch(/raw\.hose: \d+ values in 2 of 3 exchanges look like secrets/);
  expect(stdout).toContain('NOT MASKED');

  const json = JSON.parse((await runCli(['scan', dir.file('raw.hose'), '--json'])).stdout);
  const found = json.captures[0].findings.map(
    ({ rule, side, part, where, exchanges }: Record<string, string>) =>
      `${exchanges} ${side} ${part} ${where}: ${rule}`,
  );
  expect(found).toEqual(
    expect.arrayContaining([
      '1 request header authorization: default/header/credential',
      '1 request header cookie sid: default/key/secret',
      '1,2 response header set-cookie sid: default/key/secret',
      '1 request target query email: default/key/contact',
      '1 request body $.note: default/detect/api-key',
      '1 request body $.payload.password: default/key/secret',
      '1,2 response body $.customers[*].email: default/key/contact',
      '2 request body form cardNumber: default/key/payment',
    ]),
  );
  expect(json.captures[0]).toMatchObject({ policy: { mode: 'none' }, exchanges: 3, exchangesConcerned: 2 });
});

test('scan finds nothing in what the default policy masked', async () => {
  using dir = tempDir();
  await recordSecrets(dir.file('masked.hose'));
  const { code, stdout } = await runCli(['scan', dir.file('masked.hose')]);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^\S*masked\.hose: nothing looks like a secret in 3 exchanges\n$/),
  });
});

test('what a policy keeps on purpose is a finding, unless the policy is given', async () => {
  using dir = tempDir();
  const policy = {
    version: 1,
    disable: ['default/detect/api-key'],
    rules: [
      { id: 'shop/email', at: 'key:email', mask: { do: 'keep', detectors: false } },
      { id: 'shop/card', at: 'key:cardNumber', mask: { do: 'format', kind: 'card' } },
      { id: 'shop/password', at: 'key:password', mask: 'redact' },
    ],
  } as const;
  writeFileSync(dir.file('policy.json'), JSON.stringify(policy));
  await recordSecrets(dir.file('kept.hose'), policy);
  const strange = await runCli(['scan', dir.file('kept.hose')]);
  expect(strange.code).toBe(1);
  expect(strange.stdout).toContain('request body    $.note');
  expect(strange.stdout).not.toContain('password');
  const known = await runCli(['scan', dir.file('kept.hose'), '--policy', dir.file('policy.json')]);
  expect({ code: known.code, stdout: known.stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining('nothing looks like a secret'),
  });
});

test('scan takes several captures, one of them from standard input, and damaged ones as far as they are sound', async () => {
  using dir = tempDir();
  await recordSecrets(dir.file('masked.hose'));
  const whole = readFileSync(dir.file('masked.hose'));
  writeFileSync(dir.file('cut.hose'), whole.subarray(0, whole.length - 40));
  const { code, stdout, stderr } = await runCli(['scan', dir.file('cut.hose'), '-'], whole);
  expect(code).toBe(65);
  expect(stdout).toContain('standard input: nothing looks like a secret in 3 exchanges');
  expect(stderr).toMatch(/cut\.hose is cut off/);
  const none = await runCli(['scan', dir.file('none.hose')]);
  expect({ code: none.code, stdout: none.stdout }).toEqual({ code: 74, stdout: '' });
});

test('scan refuses a policy that masks nothing', async () => {
  using dir = tempDir();
  await recordSecrets(dir.file('masked.hose'));
  writeFileSync(dir.file('none.json'), JSON.stringify(unmasked));
  const { code, stderr } = await runCli(['scan', dir.file('masked.hose'), '--policy', dir.file('none.json')]);
  expect({ code, stderr }).toEqual({
    code: 65,
    stderr: expect.stringMatching(/'none' masks nothing, so it can find nothing\n$/),
  });
});

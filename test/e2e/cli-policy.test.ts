import { chmodSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { runCli, runCliProcess } from '../support/run-cli.ts';
import { recordSecrets, secrets, secretTexts } from '../support/secret-traffic.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const { email, card } = secrets;

test('policy explain shows each value that is masked, where, by which rule, and what becomes of it', async () => {
  const args = [
    ['--url', `/orders/7?email=${email}&page=2`],
    ['--header', 'X-Tenant: acme'],
    ['--header', 'Cookie: sid=abc; theme=dark'],
    ['--body', JSON.stringify({ items: [{ card }], in: JSON.stringify({ password: 'x1y' }), pin: 4711 })],
    ['--response-header', 'content-type: text/html'],
    ['--response-body', '<p>hello</p>'],
  ].flat();
  const { code, stdout, stderr } = await runCli(['policy', 'explain', ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const rows = stdout
    .split('\n')
    .map((line) => line.replace(/ {2,}/g, '|').replace(/mk_(\w+?)_[\w-]{16}/g, 'mk_$1'));
  expect(rows).toEqual(
    expect.arrayContaining([
      `request target|query email|default/key/contact|${email} -> mk_email`,
      'request header|x-tenant|default/header/unknown|acme -> mk_header',
      'request header|cookie sid|default/key/secret|abc -> mk_secret',
      'request header|cookie theme|default/cookie|dark -> mk_cookie',
      `request body|$.items[0].card|default/detect/card|${card} -> mk_card`,
      'request body|$.in.password|default/key/secret|x1y -> mk_secret',
      'response body||dropped:content-type|<p>hello</p> -> (dropped)'.replace('||', '|'),
      'the request body is recorded as "masked"',
    ]),
  );
  expect(stdout).toMatch(/\$\.pin +default\/key\/secret +4711 -> \d{4}\n/);
  expect(stdout).toContain('{ "id": "keep/x-tenant", "at": "header:x-tenant", "mask": "keep" }');
  expect(stdout).not.toContain('page');
});

test('policy explain tells rules of a policy file, removals, and bodies from files and standard input', async () => {
  using dir = tempDir();
  const rules = [
    { id: 'shop/tenant', at: 'header:x-tenant', mask: 'keep' },
    { id: 'shop/note', at: 'json:$.note', mask: 'remove' },
    { id: 'shop/user', at: 'path:/users/:user', mask: { do: 'token', type: 'user' } },
    { id: 'shop/out', at: 'key:city', mask: 'redact', when: { side: 'outbound' } },
  ];
  writeFileSync(dir.file('policy.json'), JSON.stringify({ version: 1, rules }));
  writeFileSync(
    dir.file('request.txt'),
    'PUT /users/ada HTTP/1.1\r\nHost: shop.test\r\nX-Tenant: acme\r\nContent-Type: application/json\r\n\r\n{"note":"n","city":"c"}',
  );
  const policy = ['--policy', dir.file('policy.json')];
  const whole = ['policy', 'explain', ...policy, '--request', dir.file('request.txt'), '--json'];
  const told = JSON.parse((await runCli(whole)).stdout);
  expect(told.values).toMatchObject([
    { part: 'target', where: 'path segment 2', rules: ['shop/user'], before: 'ada' },
    { part: 'body', where: '$.note', rules: ['shop/note'], before: 'n' },
  ]);
  expect(told.values[1]).not.toHaveProperty('after');
  expect(told).toMatchObject({ unknownHeaders: [], recorded: { method: 'PUT' } });
  const outbound = JSON.parse((await runCli([...whole, '--outbound'])).stdout);
  expect(outbound.values.map(({ rules: [rule] }: { rules: string[] }) => rule)).toContain('shop/out');

  const form = await runCliProcess(
    ['policy', 'explain', '--body', '@-'],
    Buffer.from(`note=a&email=${email}`),
  );
  expect(form.stdout).toMatch(/request body +form email +default\/key\/contact/);
});

test('policy explain says so when nothing is masked', async () => {
  using dir = tempDir();
  expect((await runCli(['policy', 'explain', '--url', '/'])).stdout).toContain('nothing in it is masked');
  writeFileSync(dir.file('none.json'), '{"version":1,"extends":"none"}');
  const none = await runCli([
    'policy',
    'explain',
    '--policy',
    dir.file('none.json'),
    '--url',
    `/?e=${email}`,
  ]);
  expect(none.stdout).toContain('NOT MASKED');
  const usage: [args: string[], sentence: RegExp][] = [
    [['explain', '--header', 'nonsense'], /Expected a header such as/],
    [['explain', '--status', '99'], /Expected a status/],
    [['explain', '--url', 'http://['], /--url is http:\/\/\[, expected a URL/],
    [['nonsense'], /unknown command 'nonsense'/],
  ];
  for (const [args, sentence] of usage) {
    const { code, stderr } = await runCli(['policy', ...args]);
    expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringMatching(sentence) });
  }
});

test('policy check tells a valid policy, and of others which rule is wrong', async () => {
  using dir = tempDir();
  const file = dir.file('policy.json');
  const write = (policy: unknown) => writeFileSync(file, JSON.stringify(policy));
  write({
    version: 1,
    disable: ['default/key/geo'],
    rules: [{ id: 'a', at: 'header:x-a', mask: 'keep' }],
    key: { env: 'NOT_SET' },
  });
  const valid = await runCli(['policy', 'check', file]);
  expect(valid).toMatchObject({ code: 0, stderr: expect.stringContaining('NOT_SET is not set') });
  expect(valid.stdout).toMatch(
    /is valid: extends secure, 1 rule, 1 default rule switched off, digest [0-9a-f]{12}\n$/,
  );
  write({ version: 1, rules: [{ id: 'a', at: 'header:x-a', mask: 'kep' }] });
  const wrong = await runCli(['policy', 'check', file]);
  expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 65, stdout: '' });
  expect(wrong.stderr).toMatch(/^gardenhose: mask policy, rule a[^\n]*"kep"[^\n]*\n$/);
});

test('policy show lists the rules in force', async () => {
  using dir = tempDir();
  writeFileSync(
    dir.file('policy.json'),
    JSON.stringify({
      version: 1,
      disable: ['default/key/geo'],
      rules: [{ id: 'a', at: 'header:x-a', mask: 'keep' }],
    }),
  );
  const { code, stdout } = await runCli(['policy', 'show', '--policy', dir.file('policy.json')]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^policy secure, digest [0-9a-f]{12}\na {2}"header:x-a" {2}"keep"\n/);
  expect(stdout).toMatch(/^default\/key\/geo {2}\(switched off\)$/m);
  expect(stdout).toMatch(/^default\/key\/secret$/m);
  const json = JSON.parse((await runCli(['policy', 'show', '--json'])).stdout);
  expect(json.defaultRules).toContainEqual({ id: 'default/cookie', enabled: true });
});

test('policy suggest proposes rules from names that no rule knows, without a value', async () => {
  using dir = tempDir();
  await recordSecrets(dir.file('a.hose'), { version: 1, rules: [{ id: 'x', at: 'key:note', mask: 'keep' }] });
  const { code, stdout, stderr } = await runCli(['policy', 'suggest', dir.file('a.hose'), '--all']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    version: 1,
    rules: [{ id: 'suggest/header/x-tenant', at: 'header:x-tenant', mask: 'keep' }],
  });
  expect(stderr).toMatch(/^\d+ names in 3 exchanges that no rule knows$/m);
  expect(stderr).toMatch(/^x-tenant +header +2 +1 +token +keep +masked now/m);
  expect(stderr).toMatch(/^amount +form +1 +1 +number +looks harmless$/m);
  for (const secret of secretTexts) expect(stdout + stderr).not.toContain(secret);

  writeFileSync(dir.file('policy.json'), stdout);
  expect((await runCli(['policy', 'check', dir.file('policy.json')])).code).toBe(0);
  const known = await runCli(['policy', 'suggest', dir.file('a.hose'), '--policy', dir.file('policy.json')]);
  expect(JSON.parse(known.stdout)).toEqual(JSON.parse(stdout));
  expect(known.stderr).not.toContain('x-tenant');
});

test('policy check finds a key of a wrong form, and only notes one that is not there', async () => {
  using dir = tempDir();
  const check = (key: unknown) => {
    writeFileSync(dir.file('policy.json'), JSON.stringify({ version: 1, key }));
    return runCli(['policy', 'check', dir.file('policy.json')]);
  };
  for (const key of ['SECRETKEY', { base64: 'SECRETKEY', fiel: 'SECRETKEY' }, [], [{ env: 1 }]]) {
    const { code, stdout, stderr } = await check(key);
    expect({ code, stdout }).toEqual({ code: 65, stdout: '' });
    expect(stderr).toMatch(/^gardenhose: mask policy, key(?:\[0\])?: expected /);
    expect(stderr).not.toContain('SECRET');
  }
  const absent = await check({ file: dir.file('none.key') });
  expect(absent).toMatchObject({ code: 0, stdout: expect.stringContaining('is valid') });
  expect(absent.stderr).toMatch(
    /^its key cannot be used here: mask key: .*none\.key.*: there is no such file\n$/,
  );
});

test('policy explain tells of a key file that others can read, of a missing example, and which path is a directory', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('mask.key'), Buffer.alloc(32, 'k').toString('base64'), { mode: 0o644 });
  chmodSync(dir.file('mask.key'), 0o644);
  const open = await runCliProcess([
    'policy',
    'explain',
    '--url',
    '/',
    '--mask-key-file',
    dir.file('mask.key'),
  ]);
  expect(open).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/can be read by other users.*chmod 600/),
  });
  const bare = await runCli(['policy', 'explain']);
  expect(bare).toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/^gardenhose: no example is given; /),
  });
  for (const args of [
    ['--body', `@${dir.path}`],
    ['--request', dir.path],
    ['--url', '/', '--policy', dir.path],
  ]) {
    const { code, stderr } = await runCli(['policy', 'explain', ...args]);
    expect({ code, stderr }).toEqual({
      code: 74,
      stderr: `gardenhose: ${dir.path}: it is a directory; name a file in it\n`,
    });
  }
});

test('nothing of a policy file that cannot be parsed is shown', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('policy.json'), '{\n"version": 1,\n"key": { "base64": SECRETKEY } }');
  const policy = ['--policy', dir.file('policy.json')];
  for (const args of [
    ['policy', 'check', dir.file('policy.json')],
    ['policy', 'show', ...policy],
    ['policy', 'explain', '--url', '/', ...policy],
    ['policy', 'check', dir.file('policy.json'), '--json'],
  ]) {
    const { code, stdout, stderr } = await runCli(args);
    expect(code).toBe(65);
    expect(stderr).toBe(`gardenhose: ${dir.file('policy.json')} is no JSON: line 3 cannot be read\n`);
    expect(stdout).not.toContain('SECRET');
  }
});

import { randomBytes } from 'node:crypto';
import { existsSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { closedPort, httpServer, tcpServer } from '../support/http-server.ts';
import { type RunningCli, runCli, startCli } from '../support/run-cli.ts';
import { shop } from '../support/shop.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const json = { 'content-type': 'application/json' };
const order = JSON.stringify({ item: 'hose', email: 'ada@example.com' });

async function origin(cli: RunningCli): Promise<string> {
  return (await cli.output(/listening on (http:\S+),/))[1] ?? '';
}

async function interrupted(cli: RunningCli) {
  cli.child.kill('SIGINT');
  return cli.done;
}

test('record passes requests on, records them masked, and ends in order when it is interrupted', async () => {
  using dir = tempDir();
  await using service = await httpServer(shop());
  const cli = startCli([
    'record',
    '--listen',
    ':0',
    '--to',
    service.origin,
    '-o',
    dir.file('a.hose'),
    '--service',
    'shop',
  ]);
  const at = await origin(cli);
  const made = await fetch(`${at}/orders/a1`, { method: 'PUT', headers: json, body: order });
  expect([made.status, await made.json()]).toEqual([201, { id: 'a1', total: 100 }]);
  expect((await fetch(`${at}/orders/a1?email=ada@example.com`)).status).toBe(404);
  const { code, stdout } = await interrupted(cli);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^2 exchanges recorded to .*a\.hose \(.* before masking, \d+ values masked\)\n$/);

  expect(statSync(dir.file('a.hose')).mode & 0o777).toBe(0o600);
  const inspected = JSON.parse((await runCli(['inspect', dir.file('a.hose'), '--json'])).stdout);
  expect(inspected).toMatchObject({
    header: { service: 'shop', policy: { mode: 'masked', name: 'secure' } },
    condition: { state: 'complete' },
    exchanges: { total: 2 },
  });
  const shown = await runCli(['inspect', dir.file('a.hose'), '--exchange', '1']);
  expect(shown.stdout).toContain('"item":"hose"');
  expect(shown.stdout + JSON.stringify(inspected)).not.toContain('ada@example.com');
});

test('record tells headers that no rule knows soon and in the end, and a policy that masks nothing', async () => {
  using dir = tempDir();
  await using service = await httpServer(shop());
  const flags = ['record', '--listen', ':0', '--to', service.origin, '-o', dir.file('a.hose'), '--overwrite'];
  const cli = startCli(flags);
  const at = await origin(cli);
  for (const name of ['x-tenant', 'x-tenant', 'x-region'])
    await fetch(`${at}/orders/a1`, { headers: { [name]: 'a' } });
  const told = 'headers that no rule knows, so their values are masked: x-tenant (2), x-region (1)';
  await cli.output(new RegExp(told.replace(/[()]/g, '\\$&')));
  const { stdout, stderr } = await interrupted(cli);
  for (const text of [stdout, stderr]) expect(text.split(told)).toHaveLength(2);
  const summary = (await runCli(['inspect', dir.file('a.hose')])).stdout;
  expect(summary).toContain('headers that no mask rule knows: x-tenant 2, x-region 1');
  const first = (await runCli(['inspect', dir.file('a.hose'), '--exchange', '1'])).stdout;
  expect(first).toContain('headers that no mask rule knows: x-tenant\n');

  writeFileSync(dir.file('none.json'), '{"version":1,"extends":"none"}');
  const raw = startCli([...flags, '--policy', dir.file('none.json')]);
  await fetch(`${await origin(raw)}/orders/a1`);
  const ended = await interrupted(raw);
  for (const text of [ended.stdout, ended.stderr])
    expect(text).toContain('NOT MASKED: this capture holds values');
});

test('record writes to standard output, and its words to standard error', async () => {
  using dir = tempDir();
  await using service = await httpServer(shop());
  const fd = openSync(dir.file('out.hose'), 'wx');
  const cli = startCli(['record', '--listen', ':0', '--to', service.origin, '-o', '-'], {
    stdio: ['ignore', fd, 'pipe'],
  });
  await fetch(`${await origin(cli)}/orders/a1`);
  const { code, stderr } = await interrupted(cli);
  expect(code).toBe(0);
  expect(stderr).toContain('1 exchange recorded to standard output');
  const verified = await runCli(['verify', dir.file('out.hose'), '--json']);
  expect(JSON.parse(verified.stdout)).toMatchObject({ state: 'complete' });
});

test('record with json prints one document and nothing else on standard output', async () => {
  using dir = tempDir();
  await using service = await httpServer(shop());
  const cli = startCli([
    'record',
    '--listen',
    ':0',
    '--to',
    service.origin,
    '-o',
    dir.file('a.hose'),
    '--json',
  ]);
  await fetch(`${await origin(cli)}/orders/a1`);
  const { stdout } = await interrupted(cli);
  expect(JSON.parse(stdout)).toMatchObject({
    to: service.origin,
    requests: 1,
    stats: { recorded: 1, masked: expect.any(Number) },
  });
});

test('a mask key makes equal tokens in two recordings, and a policy masks what it names', async () => {
  using dir = tempDir();
  await using service = await httpServer(shop());
  writeFileSync(dir.file('key'), Buffer.alloc(32, 7).toString('base64'));
  const rules = [{ id: 'shop/item', at: 'json:$.item', mask: 'redact' }];
  writeFileSync(dir.file('policy.json'), JSON.stringify({ version: 1, rules }));
  const bodies: string[] = [];
  for (const name of ['a.hose', 'b.hose']) {
    const flags = ['--policy', dir.file('policy.json'), '--mask-key-file', dir.file('key')];
    const cli = startCli([
      'record',
      '--listen',
      ':0',
      '--to',
      service.origin,
      '-o',
      dir.file(name),
      ...flags,
    ]);
    await fetch(`${await origin(cli)}/orders/a1`, { method: 'PUT', headers: json, body: order });
    await interrupted(cli);
    const shown = JSON.parse((await runCli(['inspect', dir.file(name), '--exchange', '1', '--json'])).stdout);
    bodies.push(shown.request.body.text);
  }
  expect(bodies[0]).toMatch(/^\{"item":"\[REDACTED\]","email":"mk_email_\w+"\}$/);
  expect(bodies[1]).toBe(bodies[0]);
});

test('the service goes on when the capture cannot be written, and the loss is told', async () => {
  if (!existsSync('/dev/full')) return;
  await using service = await httpServer(shop());
  for (const target of ['/dev/full', '-']) {
    const stdio =
      target === '-' ? (['ignore', openSync('/dev/full', 'w'), 'pipe'] as const) : ('pipe' as const);
    const cli = startCli(['record', '--listen', ':0', '--to', service.origin, '-o', target], {
      stdio: typeof stdio === 'string' ? stdio : [...stdio],
    });
    // A full disk shows at the first write: before anything is served, or after.
    const started = await Promise.race([origin(cli).catch(() => undefined), cli.done.then(() => undefined)]);
    if (started !== undefined) {
      for (let i = 0; i < 20; i++) expect((await fetch(`${started}/orders/${i}`)).status).toBe(404);
      await cli.output(/the capture cannot be written: .*; requests are still served/);
      expect((await fetch(`${started}/orders/1`)).status).toBe(404);
      cli.child.kill('SIGINT');
    }
    const { code, stderr } = await cli.done;
    expect(code).toBe(74);
    expect(stderr).toMatch(/no space/i);
  }
});

test('the service goes on when the capture may not grow further', async () => {
  using dir = tempDir();
  const noise = randomBytes(150_000).toString('hex');
  await using service = await httpServer((_req, res) =>
    res.setHeader('content-type', 'text/plain').end(noise),
  );
  // The shell limits the size of files that the command may write, in blocks of 1 KiB.
  const cli = startCli(
    ['record', '--listen', ':0', '--to', service.origin, '-o', dir.file('a.hose')],
    {},
    'ulimit -f 64',
  );
  const at = await origin(cli);
  for (let i = 0; i < 10; i++) expect((await fetch(`${at}/${i}`)).status).toBe(200);
  await cli.output(/the capture cannot be written: .*; requests are still served/);
  expect((await fetch(at)).status).toBe(200);
  const { code, stdout } = await interrupted(cli);
  expect(code).toBe(74);
  expect(stdout).toMatch(/the capture could not be written \d+ times?; last error/);
  expect((await runCli(['verify', dir.file('a.hose')])).code).toBe(0);
});

test('record says in one sentence what is wrong', async () => {
  using dir = tempDir();
  await using busy = await tcpServer(() => undefined);
  writeFileSync(dir.file('there.hose'), 'mine');
  writeFileSync(dir.file('short'), 'key', { mode: 0o600 });
  writeFileSync(dir.file('bad.json'), '{');
  writeFileSync(dir.file('worse.json'), '{"version":1,"nonsense":true}');
  const base = ['--listen', ':0', '--to', 'http://127.0.0.1:9'];
  const out = ['-o', dir.file('a.hose')];
  const cases: [args: string[], exit: number, sentence: RegExp][] = [
    [[], 64, /required option '--listen <host:port>' not specified/],
    [['--listen', 'x', '--to', 'http://127.0.0.1:9', ...out], 64, /Expected HOST:PORT/],
    [['--listen', ':0', '--to', '127.0.0.1:9', ...out], 64, /Expected an origin/],
    [[...base, ...out, '--sample', '2'], 64, /up to 1/],
    [[...base, '-o', '-', '--json'], 64, /--json does not go with -o -/],
    [[...base, ...out, '--mask-key-file', dir.file('short')], 64, /key/],
    [[...base, ...out, '--policy', dir.file('bad.json')], 65, /bad\.json is no JSON/],
    [[...base, ...out, '--policy', dir.file('worse.json')], 65, /nonsense/],
    [[...base, ...out, '--policy', dir.file('none.json')], 74, /none\.json: no such file/],
    [[...base, '-o', dir.file('there.hose')], 74, /there is a file of this name; .* add --overwrite/],
    [
      [...base, '-o', dir.file('none/a.hose')],
      74,
      /none\/a\.hose: the directory is not there; make it, or write elsewhere$/m,
    ],
    [['--listen', `:${busy.port}`, '--to', busy.origin, ...out], 74, /in use/],
    [
      ['--listen', `:${busy.port}`, '--to', busy.origin, '-o', dir.file('there.hose'), '--overwrite'],
      74,
      /in use/,
    ],
  ];
  for (const [args, exit, sentence] of cases) {
    const { code, stderr } = await runCli(['record', ...args]);
    expect({ args, code, stderr }).toEqual({ args, code: exit, stderr: expect.stringMatching(sentence) });
    expect(stderr).toMatch(/^gardenhose: [^\n]*\n$/);
  }
  expect(readFileSync(dir.file('there.hose'), 'utf8')).toBe('mine');
  expect(existsSync(dir.file('a.hose'))).toBe(false);
});

test('a service that does not answer is told to the client and counted', async () => {
  using dir = tempDir();
  const to = `http://127.0.0.1:${await closedPort()}`;
  const cli = startCli(['record', '--listen', ':0', '--to', to, '-o', dir.file('a.hose')]);
  const response = await fetch(`${await origin(cli)}/`);
  expect(response.status).toBe(502);
  const { code, stdout } = await interrupted(cli);
  expect(code).toBe(0);
  expect(stdout).toContain(`1 request got no answer from ${to}`);
});

test('a second interrupt ends a recording at once', async () => {
  using dir = tempDir();
  await using service = await httpServer(() => undefined);
  const cli = startCli(['record', '--listen', ':0', '--to', service.origin, '-o', dir.file('a.hose')]);
  const at = await origin(cli);
  const hanging = fetch(at).catch(() => 'broken off');
  cli.child.kill('SIGINT');
  cli.child.kill('SIGTERM');
  expect((await cli.done).code).toBe(130);
  expect(await hanging).toBe('broken off');
});

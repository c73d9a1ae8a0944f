import { writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { runCli, startCli } from '../support/run-cli.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const server = `
  const { createServer, get } = require('node:http');
  const server = createServer((req, res) => {
    if (req.url === '/ask') { get({ port: server.address().port, path: '/one' }, (answer) => answer.pipe(res)); return; }
    if (req.url === '/end') { res.end('bye'); server.close(); return; }
    res.setHeader('content-type', 'application/json').end(JSON.stringify({ url: req.url, email: 'ada@example.com' }));
  });
  server.listen(0, '127.0.0.1', () => console.log('up on http://127.0.0.1:' + server.address().port));`;

const up = /up on (\S+)/;

test('run records a service without a change to its code, and ends with it', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('server.cjs'), server);
  const cli = startCli([
    'run',
    '-o',
    dir.file('a.hose'),
    '--service',
    'shop',
    '--',
    process.execPath,
    dir.file('server.cjs'),
  ]);
  const at = (await cli.output(up))[1];
  expect(await (await fetch(`${at}/one`)).json()).toEqual({ url: '/one', email: 'ada@example.com' });
  await (await fetch(`${at}/end`, { headers: { connection: 'close' } })).text();
  const { code, stdout } = await cli.done;
  expect(stdout).toContain('2 exchanges recorded to');
  expect(code).toBe(0);
  const { stdout: shown } = await runCli(['inspect', dir.file('a.hose'), '--json']);
  expect(JSON.parse(shown)).toMatchObject({
    header: { service: 'shop' },
    condition: { state: 'complete' },
    exchanges: { total: 2 },
  });
  expect((await runCli(['inspect', dir.file('a.hose'), '--exchange', '1'])).stdout).not.toContain(
    'ada@example.com',
  );
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends the service and leaves a whole capture',
  async (signal) => {
    using dir = tempDir();
    const cli = startCli([
      'run',
      '-o',
      dir.file('a.hose'),
      '--parents',
      '--json',
      '--',
      process.execPath,
      '-e',
      server,
    ]);
    const at = (await cli.output(up))[1];
    await (await fetch(`${at}/ask`)).text();
    cli.child.kill(signal);
    const { code, stdout } = await cli.done;
    expect(code).toBe(0);
    // What the service itself prints does not stand between the lines of the document.
    expect(JSON.parse(stdout)).toMatchObject({
      file: dir.file('a.hose'),
      // What was asked of it, what it asked, and that again.
      recorded: { exchanges: 3, closed: true },
    });
  },
);

test.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGTERM'] as const)(
  '%s for gardenhose alone also ends a service behind a shell, and leaves a whole capture',
  async (signal) => {
    using dir = tempDir();
    writeFileSync(dir.file('server.cjs'), server);
    const service = `"${process.execPath}" "${dir.file('server.cjs')}"; echo over`;
    const cli = startCli(['run', '-o', dir.file('a.hose'), '--json', '--', 'sh', '-c', service]);
    const at = (await cli.output(up))[1];
    await (await fetch(`${at}/one`, { headers: { 'x-tenant': 'acme' } })).text();
    cli.child.kill(signal);
    const { code, stdout } = await cli.done;
    expect(JSON.parse(stdout)).toMatchObject({
      recorded: { exchanges: 1, closed: true },
      unknownHeaders: [['x-tenant', 1]],
    });
    expect(code).toBe(0);
    await expect(fetch(`${at}/one`)).rejects.toThrow();
  },
);

test('run says that nothing is masked, and which headers no rule knows', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('none.json'), '{"version":1,"extends":"none"}');
  const end = async (...flags: string[]) => {
    const cli = startCli([
      'run',
      '-o',
      dir.file('a.hose'),
      '--overwrite',
      ...flags,
      '--',
      process.execPath,
      '-e',
      server,
    ]);
    const at = (await cli.output(up))[1];
    await (await fetch(`${at}/end`, { headers: { connection: 'close', 'x-tenant': 'acme' } })).text();
    return cli.done;
  };
  const unmasked = await end('--policy', dir.file('none.json'));
  expect(unmasked.stderr).toContain('NOT MASKED');
  expect(unmasked.stdout).toContain('NOT MASKED');
  const masked = await end();
  expect(masked.stdout + masked.stderr).not.toContain('NOT MASKED');
  expect(masked.stdout).toContain('headers that no rule knows, so their values are masked: x-tenant (1)');
  expect(masked.stdout).toContain('{ "id": "keep/x-tenant", "at": "header:x-tenant", "mask": "keep" }');
});

test('run ends with the exit code of the service', async () => {
  using dir = tempDir();
  const { code, stderr } = await runCli([
    'run',
    '-o',
    dir.file('a.hose'),
    process.execPath,
    '-e',
    'process.exit(7)',
  ]);
  expect(code).toBe(7);
  expect(stderr).toContain('the service ended with exit code 7');
  const idle = await runCli(['run', '-o', dir.file('a.hose'), '--', process.execPath, '-e', '0']);
  expect(idle).toMatchObject({ code: 2, stdout: expect.stringContaining('nothing was recorded') });
});

test('run says in one sentence what is wrong', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('there.hose'), 'mine');
  writeFileSync(dir.file('bad.json'), '{"version":1,"nonsense":true}');
  const node = ['--', process.execPath, '-e', '0'];
  const cases: [args: string[], exit: number, sentence: RegExp][] = [
    [node, 64, /give -o FILE, --flight DIR, or both/],
    [['-o', dir.file('a.hose')], 64, /missing required argument 'command'/],
    [['-o', '-', ...node], 64, /-o must be a file/],
    [['-o', dir.file('there.hose'), ...node], 74, /is there already; name another file or add --overwrite/],
    [['-o', dir.path, ...node], 74, /is there and is no file/],
    [['-o', dir.file('a.hose'), '--policy', dir.file('bad.json'), ...node], 65, /nonsense/],
    [['-o', dir.file('a.hose'), '--', dir.file('no-such-command')], 74, /no-such-command: no such file/],
  ];
  for (const [args, exit, sentence] of cases) {
    const { code, stderr, stdout } = await runCli(['run', ...args]);
    expect({ args, code, stderr, stdout }).toEqual({
      args,
      code: exit,
      stderr: expect.stringMatching(sentence),
      stdout: '',
    });
    expect(stderr).toMatch(/^gardenhose: [^\n]*\n$/);
  }
});

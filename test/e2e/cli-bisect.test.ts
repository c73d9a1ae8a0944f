import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRecorder, fileSink, openCapture, replay } from '@gardenhose/core';
import { createSender, tapServer } from '@gardenhose/http-adapter';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { someEvents, tempDir, writeCapture } from '../support/captures.ts';
import { closedPort } from '../support/http-server.ts';
import { runCli } from '../support/run-cli.ts';

const dir = tempDir();
afterAll(() => dir[Symbol.dispose]());

/**
 * A store of notes. `broken` shows a wrong sum once notes 3 and 7 are both there; `crashing` ends the process then.
 */
const store = (kind: 'sound' | 'broken' | 'crashing') => `
  import { createServer } from 'node:http';
  const notes = new Set();
  export const handler = (req, res) => {
    const [, what, id] = req.url.split('/');
    if (req.method === 'PUT') {
      notes.add(id);
      req.resume().on('end', () => res.writeHead(201).end());
      return;
    }
    const bad = '${kind}' !== 'sound' && notes.has('3') && notes.has('7');
    if (bad && '${kind}' === 'crashing') process.exit(7);
    if (what === 'sum' && bad) res.writeHead(500, { 'content-type': 'application/json' }).end('{"sum":-1}');
    else res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ what }));
  };
  if (process.argv[2] !== undefined) createServer(handler).listen(Number(process.argv[2]), '127.0.0.1');
`;

const capture = dir.file('notes.hose');

/** Records 18 requests into the sound store. */
beforeAll(async () => {
  for (const kind of ['sound', 'broken', 'crashing'] as const)
    writeFileSync(dir.file(`${kind}.mjs`), store(kind));
  const { handler } = await import(dir.file('sound.mjs'));
  const recorder = createRecorder({ service: 'notes', sink: fileSink({ path: capture }) });
  const server = createServer(handler);
  tapServer(server, recorder);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  for (let note = 1; note <= 8; note++) {
    await (await fetch(`${origin}/notes/${note}`, { method: 'PUT', body: `it's note ${note}` })).text();
    await (await fetch(`${origin}/list`)).text();
  }
  for (let time = 0; time < 2; time++) await (await fetch(`${origin}/sum`)).text();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await recorder.close();
});

async function bisect(kind: string, ...flags: string[]) {
  const port = await closedPort();
  const start = `exec '${process.execPath}' '${dir.file(`${kind}.mjs`)}' ${port}`;
  const to = ['--to', `http://127.0.0.1:${port}`, '--start', start];
  const { code, stdout, stderr } = await runCli(['bisect', capture, ...to, '--json', ...flags]);
  return { code, stderr, port, found: JSON.parse(stdout) };
}

async function targetsOf(path: string): Promise<string[]> {
  await using opened = await openCapture(path);
  const targets: string[] = [];
  for await (const { request } of opened.exchanges()) targets.push(`${request.method} ${request.target}`);
  return targets;
}

describe('gardenhose bisect', () => {
  test.each(['status', 'diff'])('finds the requests that a wrong answer needs: %s', async (until) => {
    const output = dir.file(`${until}.hose`);
    const { code, found, stderr } = await bisect('broken', '--until', until, '-o', output);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(found).toMatchObject({ found: true, minimal: true, shownAgain: true, prefix: 17 });
    expect(await targetsOf(output)).toEqual(['PUT /notes/3', 'PUT /notes/7', 'GET /sum']);
    expect(found.failure.operation).toBe('GET /sum');
    expect(found.trials).toBeLessThan(40);
    // By itself it shows the same.
    const { handler } = await import(`${dir.file('broken.mjs')}?${until}`);
    const server = createServer(handler);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const sender = createSender(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    const report = await replay(output, sender, { pace: 'asap', order: 'serial' });
    await sender.close();
    server.closeAllConnections();
    server.close();
    expect(report.statuses).toContainEqual({ recorded: 200, replayed: 500, count: 1 });
  });

  test('finds the requests that end the target, and its script does so too', async () => {
    const output = dir.file('crash.hose');
    const { code, found, port } = await bisect('crashing', '--until', 'crash', '-o', output);
    expect(code).toBe(0);
    const sent = await targetsOf(output);
    expect(sent.slice(0, 2)).toEqual(['PUT /notes/3', 'PUT /notes/7']);
    expect(sent).toHaveLength(3);
    const script = readFileSync(found.script, 'utf8');
    expect(script).toContain(`'http://127.0.0.1:${port}/notes/3'`);
    execFileSync('sh', ['-n', found.script]);
  });

  test('says when nothing fails, and writes nothing', async () => {
    const output = dir.file('none.hose');
    const { code, found, stderr } = await bisect('sound', '--until', 'status', '-o', output);
    expect({ code, found }).toMatchObject({ code: 2, found: { found: false, sent: 18 } });
    expect(stderr).toContain('no failure of the kind "status" shows');
    await expect(openCapture(output)).rejects.toThrow();
  });

  test('tells what it found also where that can no longer be written', async () => {
    mkdirSync(dir.file('gone'));
    const output = dir.file('gone/lost.hose');
    const reset = `rm -rf '${dir.file('gone')}'`;
    const { code, found, stderr } = await bisect(
      'broken',
      '--until',
      'status',
      '-o',
      output,
      '--reset',
      reset,
    );
    expect({ code, found }).toMatchObject({ code: 74, found: { found: true, output: null, minimal: true } });
    expect(found.exchanges).toHaveLength(3);
    expect(stderr).toContain('what was found is told above, but could not be written');
  });

  test('tells what it found by then where a trial fails', async () => {
    const [output, trials] = [dir.file('half.hose'), dir.file('trials')];
    const reset = `echo >> '${trials}'; test $(wc -l < '${trials}') -lt 5`;
    const { code, found, stderr } = await bisect(
      'broken',
      '--until',
      'status',
      '-o',
      output,
      '--reset',
      reset,
    );
    expect({ code, found }).toMatchObject({ code: 74, found: { found: true, minimal: false, prefix: 17 } });
    expect(stderr).toContain('a trial failed, and ended the search: --reset failed: exit code 1');
    const targets = await targetsOf(output);
    expect(targets).toHaveLength(found.exchanges.length);
    expect(targets.length).toBeLessThan(18);
    expect(targets).toEqual(expect.arrayContaining(['PUT /notes/3', 'PUT /notes/7', 'GET /sum']));
  });

  test('looks for the failure of one exchange where it is told to', async () => {
    const output = dir.file('last.hose');
    await using opened = await openCapture(capture);
    const ids: number[] = [];
    for await (const { id } of opened.exchanges()) ids.push(id);
    const last = String(ids.at(-1));
    const { found } = await bisect('broken', '--until', 'status', '--exchange', last, '-o', output);
    expect(found.failure.exchange).toBe(Number(last));
    expect(await targetsOf(output)).toHaveLength(3);
  });

  test.each([
    [['-'], 'FILE is read once'],
    [['--until', 'crash'], '--until crash needs a target that comes back'],
    [['--ignore', 'status'], '--ignore has an effect only with --until diff'],
    [['-o', '-'], '-o must be a file'],
    [['--start', 'exit 3'], '--start gave no service'],
    [['--reset', 'exit 3'], '--reset failed: exit code 3'],
    [['--to', 'http://192.0.2.1:9'], 'is not a loopback address'],
  ])('refuses %j', async (flags, message) => {
    const file = flags[0] === '-' ? '-' : await writeCapture(dir.file('some.hose'), someEvents());
    const rest = flags[0] === '-' ? [] : flags;
    const to = flags.includes('--to') ? [] : ['--to', `http://127.0.0.1:${await closedPort()}`];
    const base = ['bisect', file, '--until', 'status', '-o', dir.file('refused.hose'), ...to];
    const { code, stderr } = await runCli([...base, ...rest]);
    expect(stderr).toContain(message);
    expect(code).toBeGreaterThan(2);
  });
});

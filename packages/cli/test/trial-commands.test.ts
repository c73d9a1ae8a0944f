import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { tempDir } from '../../../test/support/captures.ts';
import { TrialCommands } from '../src/trial-commands.ts';

const dir = tempDir();
afterAll(() => dir[Symbol.dispose]());

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (holds()) return;
    await after(10);
  }
  throw new Error('it did not come to hold within 10 s');
}

/** A process that is gone, or that only waits for its parent to look at how it ended. */
function ended(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') ?? true;
  } catch {
    return true;
  }
}

const pids = (file: string) => readFileSync(file, 'utf8').trim().split('\n').map(Number);
/** Two processes that last, and a file that names them; one of them does not listen to polite requests. */
const lasting = (file: string) =>
  `trap '' TERM; sleep 300 & echo $! > '${file}.new'; echo $$ >> '${file}.new'; mv '${file}.new' '${file}'; wait`;

describe.skipIf(process.platform !== 'linux')('commands of trials', () => {
  test('end at once with all that they started, when the process that runs them is about to end', async () => {
    const commands = new TrialCommands();
    const [started, run] = [dir.file('started'), dir.file('run')];
    const command = commands.start(lasting(started));
    const running = commands.run(lasting(run), '--reset');
    running.catch(() => undefined);
    await until(() => existsSync(started) && existsSync(run));
    commands.endNow();
    await until(() => [...pids(started), ...pids(run)].every(ended));
    await expect(running).rejects.toThrow('--reset failed: SIGKILL');
    await command.stop();
    expect(command.ended()).toBe('signal SIGKILL');
  });

  test('end when the process that ran them was killed', async () => {
    const started = dir.file('orphaned');
    const module = new URL('../dist/trial-commands.js', import.meta.url).href;
    const script = `
      const { TrialCommands } = await import(${JSON.stringify(module)});
      new TrialCommands().start(${JSON.stringify(lasting(started))});
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    await until(() => existsSync(started));
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await until(() => pids(started).every(ended));
  });

  test('do not begin before it is sure that they end with the process that runs them', async () => {
    const started = dir.file('unkept');
    const module = new URL('../dist/trial-commands.js', import.meta.url).href;
    // Killed between the two processes that it starts: the command, and who is to end it.
    const script = `
      import childProcess from 'node:child_process';
      import { existsSync, writeSync } from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const { spawn } = childProcess;
      let pid;
      childProcess.spawn = (...args) => {
        if (pid === undefined) {
          const child = spawn(...args);
          pid = child.pid;
          return child;
        }
        const until = performance.now() + 500;
        while (!existsSync(${JSON.stringify(started)}) && performance.now() < until);
        writeSync(1, String(pid));
        process.kill(process.pid, 'SIGKILL');
      };
      syncBuiltinESMExports();
      const { TrialCommands } = await import(${JSON.stringify(module)});
      new TrialCommands().start(${JSON.stringify(lasting(started))});
    `;
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: [...stdio] });
    let told = '';
    parent.stdout?.on('data', (data: Buffer) => {
      told += data.toString();
    });
    await once(parent, 'close');
    await until(() => ended(Number(told)));
    expect(Number(told)).toBeGreaterThan(0);
    expect(existsSync(started)).toBe(false);
  });

  test('that ended by themselves leave nothing that waits', async () => {
    const commands = new TrialCommands();
    await commands.run('exit 0', '--reset');
    await expect(commands.run('exit 3', '--reset')).rejects.toThrow('--reset failed: exit code 3');
    const command = commands.start('exit 4');
    await until(() => command.ended() !== undefined);
    await command.stop();
    expect(command.ended()).toBe('exit code 4');
  });
});

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

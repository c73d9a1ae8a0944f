import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import { GardenhoseError } from '@gardenhose/core';

const lookEveryMs = 20;
/** Time that a command has to end by itself. */
const endWithinMs = 5_000;

/** A shell command that runs in a group of its own, with all that it starts. */
export interface TrialCommand {
  /** How it ended; undefined while it runs. */
  ended(): string | undefined;
  /** Rejects when it could not be started; else stays pending. */
  readonly failed: Promise<never>;
  /** Ends it and all that it started. */
  stop(): Promise<void>;
}

/** The shell commands that trials run. None outlives the process that runs them, however that ends. */
export class TrialCommands {
  readonly #running = new Set<ChildProcess>();

  start(command: string): TrialCommand {
    const { child, dismiss } = spawnKept(command);
    this.#running.add(child);
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    failed.catch(() => undefined);
    return {
      failed,
      ended: () => endingOf(child),
      stop: async () => {
        await stop(child);
        dismiss();
        this.#running.delete(child);
      },
    };
  }

  /** Runs a command to its end. @throws {@link GardenhoseError} `io` when it fails */
  async run(command: string, flag: string): Promise<void> {
    const { child, dismiss } = spawnKept(command);
    this.#running.add(child);
    try {
      const [code, signal] = await once(child, 'exit');
      if (code !== 0) {
        const subject = { subject: flag };
        throw new GardenhoseError('io', `${flag} failed: ${signal ?? `exit code ${code}`}`, subject);
      }
    } finally {
      dismiss();
      this.#running.delete(child);
    }
  }

  /** Ends all that runs, at once: this process is about to end. */
  endNow(): void {
    for (const child of this.#running) signalGroup(child, 'SIGKILL');
  }
}

/** A command in a group of its own, so that what its shell starts ends with it; and what lets its keeper go. */
function spawnKept(command: string): { readonly child: ChildProcess; readonly dismiss: () => void } {
  if (process.platform === 'win32') {
    const child = spawn(command, { shell: true, stdio: ['ignore', 'ignore', 'inherit'], detached: true });
    return { child, dismiss: () => undefined };
  }
  // It begins only when it is told that its keeper is there: this process may be killed before.
  const whenKept = 'read -r _ && exec /bin/sh -c "$1" </dev/null';
  const child = spawn('/bin/sh', ['-c', whenKept, 'sh', command], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  // It may have been ended already.
  child.stdin.on('error', () => undefined);
  const dismiss = keep(child);
  child.stdin.end('\n');
  return { child, dismiss };
}

/**
 * Ends a command's group when this process ends without having done so: nothing can be done any more by a process that was
 * killed (SIGKILL), but its end of a pipe closes. Who waits for that is a shell in a session of its own.
 *
 * @returns what lets the shell go
 */
function keep({ pid }: ChildProcess): () => void {
  if (pid === undefined) return () => undefined;
  // `read` is of the shell itself: there is no process to be left behind, and none to wait for.
  const wait = `read -r _ || kill -s KILL -- "-$1"`;
  const keeper = spawn('/bin/sh', ['-c', wait, 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without a shell there was no command either.
  keeper.on('error', () => undefined);
  keeper.stdin.on('error', () => undefined);
  return () => keeper.stdin.end('\n');
}

function endingOf({ exitCode, signalCode }: ChildProcess): string | undefined {
  if (exitCode !== null) return `exit code ${exitCode}`;
  return signalCode === null ? undefined : `signal ${signalCode}`;
}

async function stop(child: ChildProcess): Promise<void> {
  const closed = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  signalGroup(child, 'SIGTERM');
  const late = new AbortController();
  const killed = after(endWithinMs, undefined, { signal: late.signal }).then(
    () => signalGroup(child, 'SIGKILL'),
    () => undefined,
  );
  await closed;
  // The shell may be gone before what it started.
  for (let waited = 0; waited < 2 * endWithinMs && groupLives(child); waited += lookEveryMs)
    await after(lookEveryMs);
  late.abort();
  await killed;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

const groupLives = (child: ChildProcess): boolean => signalGroup(child, 0);

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { GardenhoseError } from '@gardenhose/core';

const lookEveryMs = 20;
/** Time that a service has to end by itself. */
const endWithinMs = 5_000;

/** A service that was started for one trial. */
export interface TrialService {
  /** How it ended; undefined while it runs. */
  ended(): string | undefined;
  stop(): Promise<void>;
}

/**
 * Starts a service by a shell command and waits until its port takes connections.
 *
 * @throws {@link GardenhoseError} `target-unreachable` when it ended, or did not listen in time; `io` when something listens already
 */
export async function startService(command: string, origin: string, withinMs: number): Promise<TrialService> {
  const { hostname, port, protocol } = new URL(origin);
  const address = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
  };
  if (await accepts(address)) {
    throw new GardenhoseError(
      'io',
      `${origin} answers before --start was run: end what listens there, or leave --start out`,
      { subject: origin },
    );
  }
  // A group of its own, so that what the shell starts ends with it.
  const child = spawn(command, { shell: true, stdio: ['ignore', 'ignore', 'inherit'], detached: true });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  const ended = () =>
    child.exitCode !== null
      ? `exit code ${child.exitCode}`
      : child.signalCode === null
        ? undefined
        : `signal ${child.signalCode}`;
  const service: TrialService = { ended, stop: () => stop(child) };
  const deadline = performance.now() + withinMs;
  while (!(await accepts(address))) {
    const why =
      ended() ?? (performance.now() > deadline ? `it did not listen within ${withinMs} ms` : undefined);
    if (why !== undefined) {
      await service.stop();
      throw new GardenhoseError('target-unreachable', `--start gave no service at ${origin}: ${why}`, {
        subject: origin,
      });
    }
    await Promise.race([after(lookEveryMs), failed]);
  }
  return service;
}

/** Runs a command to its end. @throws {@link GardenhoseError} `io` when it fails */
export async function runOnce(command: string, flag: string): Promise<void> {
  const child = spawn(command, { shell: true, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code, signal] = await once(child, 'close');
  if (code === 0) return;
  throw new GardenhoseError('io', `${flag} failed: ${signal ?? `exit code ${code}`}`, { subject: flag });
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

function accepts(address: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((found) => {
    const socket = connect(address);
    const say = (there: boolean) => {
      socket.destroy();
      found(there);
    };
    socket.once('connect', () => say(true));
    socket.once('error', () => say(false));
  });
}

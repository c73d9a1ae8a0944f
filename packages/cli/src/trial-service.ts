import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { GardenhoseError } from '@gardenhose/core';
import type { TrialCommand, TrialCommands } from './trial-commands.ts';

const lookEveryMs = 20;

/**
 * Starts a service by a shell command and waits until its port takes connections.
 *
 * @throws {@link GardenhoseError} `target-unreachable` when it ended, or did not listen in time; `io` when something listens already
 */
export async function startService(
  commands: TrialCommands,
  command: string,
  origin: string,
  withinMs: number,
): Promise<TrialCommand> {
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
  const service = commands.start(command);
  const deadline = performance.now() + withinMs;
  while (!(await accepts(address))) {
    const why =
      service.ended() ??
      (performance.now() > deadline ? `it did not listen within ${withinMs} ms` : undefined);
    if (why !== undefined) {
      await service.stop();
      throw new GardenhoseError('target-unreachable', `--start gave no service at ${origin}: ${why}`, {
        subject: origin,
      });
    }
    await Promise.race([after(lookEveryMs), service.failed]);
  }
  return service;
}

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

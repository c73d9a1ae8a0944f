import { readFileSync } from 'node:fs';
import { GardenhoseError } from '@gardenhose/core';
import { type ControlEndpoint, type ControlEndpointOptions, controlAddress } from '@gardenhose/http-adapter';
import type { Command } from 'commander';
import { type Address, parseAddress } from './flags.ts';
import type { Io } from './io.ts';
import type { Output } from './output.ts';

/** Flags of commands that can be controlled while they run. */
export interface ControlFlags {
  readonly controlListen?: Address;
  readonly controlTokenFile?: string;
}

/** Adds the flags of commands that can be controlled while they run. */
export function withControlFlags(command: Command): Command {
  return command
    .option('--control-listen <host:port>', 'be controlled over HTTP here, on loopback', parseAddress)
    .option('--control-token-file <file>', 'file with the token that control needs (default: a random one)');
}

const variable = 'GARDENHOSE_CONTROL_TOKEN';

/**
 * Where to be controlled, and by whom; undefined where that is not asked for.
 *
 * @throws {@link GardenhoseError} `invalid-option`; a system error for a file that cannot be read
 */
export function controlOptions(flags: ControlFlags, env: Io['env']): ControlEndpointOptions | undefined {
  const { controlListen, controlTokenFile } = flags;
  const wrong = (subject: string, why: string) =>
    new GardenhoseError('invalid-option', `${subject} ${why}`, { subject });
  if (controlListen === undefined) {
    if (controlTokenFile === undefined) return undefined;
    throw wrong('--control-token-file', 'has an effect only with --control-listen; add it');
  }
  const { host, port } = controlListen;
  const listen = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const fromEnv = env[variable] || undefined;
  if (controlTokenFile === undefined) return { listen, token: fromEnv };
  if (fromEnv !== undefined)
    throw wrong('--control-token-file', `is given beside ${variable}; take one away`);
  return { listen, token: readFileSync(controlTokenFile, 'utf8').replace(/\r?\n$/, '') };
}

/** Says where control is, and its token where nobody knows it. */
export function tellControl(
  { origin, token }: ControlEndpoint,
  options: ControlEndpointOptions,
  what: string,
  path: string,
  output: Output,
): void {
  const key = options.token === undefined ? token : 'TOKEN';
  output.note(`${what} curl -X POST -H 'Authorization: Bearer ${key}' ${origin}/${path}`);
}

/**
 * The same for `register`, whose variables are read by another process. Checked here, where that can be told.
 *
 * @throws {@link GardenhoseError} `invalid-option`, also where there is no token: it would have to be told by the service
 */
export function controlEnv(
  flags: ControlFlags & { readonly controlFile?: string },
  env: Io['env'],
  absolute: (path: string) => string,
): Record<string, string | undefined> {
  const { listen, token } = controlOptions(flags, env) ?? {};
  if (listen !== undefined) {
    controlAddress(listen);
    if (token === undefined) {
      const subject = '--control-listen';
      const why = `needs a token here: give --control-token-file, or ${variable} in the environment`;
      throw new GardenhoseError('invalid-option', `${subject} ${why}`, { subject });
    }
  }
  const { controlTokenFile, controlFile } = flags;
  const path = (given: string | undefined, before: string | undefined) =>
    given === undefined ? before : absolute(given);
  return {
    GARDENHOSE_CONTROL_LISTEN: listen ?? env.GARDENHOSE_CONTROL_LISTEN,
    GARDENHOSE_CONTROL_TOKEN_FILE: path(controlTokenFile, env.GARDENHOSE_CONTROL_TOKEN_FILE),
    GARDENHOSE_CONTROL_FILE: path(controlFile, env.GARDENHOSE_CONTROL_FILE),
  };
}

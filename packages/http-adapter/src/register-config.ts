import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { GardenhoseError } from '@gardenhose/core';
import { onlyOptions } from '@gardenhose/core/adapter';

/** Variables as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What can be said of a recording, in the environment as GARDENHOSE_ and the name in capitals, in a file in camel case. */
const settings = {
  OUTPUT: 'path',
  SERVICE: 'text',
  OUTBOUND: 'text',
  PARENTS: 'text',
  MASK_POLICY: 'path',
  MASK_KEY_FILE: 'path',
  ENCRYPTION_KEY_FILE: 'path',
  HOOKS: 'path',
  LANE: 'text',
  SAMPLE_RATIO: 'text',
  SAMPLE_BY: 'text',
  SAMPLE_RULES: 'path',
  KEEP_ERRORS: 'text',
  KEEP_SLOW_MS: 'text',
  MAX_BODY_BYTES: 'text',
  MAX_BUFFERED_BYTES: 'text',
  MAX_FILE_BYTES: 'text',
  MAX_FILE_AGE_MS: 'text',
  RETAIN_FILES: 'text',
  RETAIN_BYTES: 'text',
  RETAIN_AGE_MS: 'text',
  RECORD_SHADOW: 'text',
  SHED: 'text',
  LOG: 'text',
  FLIGHT: 'path',
  FLIGHT_BYTES: 'text',
  FLIGHT_WINDOW_MS: 'text',
  SAVE_ON: 'text',
  CONTROL_FILE: 'path',
  CONTROL_LISTEN: 'text',
  CONTROL_TOKEN_FILE: 'path',
} as const satisfies Readonly<Record<string, 'path' | 'text'>>;

const prefix = 'GARDENHOSE_';

/** Secrets, which belong into no file of settings, and the name of that file. A policy may name further keys of its own. */
const inEnvironmentAlone = ['CONFIG', 'CONTROL_TOKEN'];

const inEnvironment: Readonly<Record<string, true>> = Object.fromEntries(
  [...Object.keys(settings), ...inEnvironmentAlone].map((name) => [prefix + name, true]),
);

const byFileName = new Map(
  Object.entries(settings).map(([name, kind]) => [camelCase(name), { variable: prefix + name, kind }]),
);

const inFile: Readonly<Record<string, true>> = Object.fromEntries(
  [...byFileName.keys()].map((name) => [name, true]),
);

/** Far more than any such file needs. */
const mostBytes = 1024 * 1024;

/**
 * The environment with what the file adds that `GARDENHOSE_CONFIG` names; what the environment says itself goes before it. Paths
 * in the file are relative to its folder.
 *
 * @throws GardenhoseError `invalid-option` naming a variable or an entry that is not known, or cannot be read
 */
export function configuredEnvironment(env: Environment): Environment {
  const ours = Object.entries(env).filter(([name]) => name.startsWith(prefix) && !name.endsWith('_KEY'));
  onlyOptions('a recording', Object.fromEntries(ours), inEnvironment);
  const file = env.GARDENHOSE_CONFIG;
  if (file === undefined || file === '') return env;
  const path = resolve(file);
  const added: Record<string, string> = {};
  for (const [name, value] of readConfig(path)) {
    const setting = byFileName.get(name);
    if (setting === undefined || env[setting.variable]) continue;
    const text = textOf(name, value, path);
    added[setting.variable] = setting.kind === 'path' ? resolve(dirname(path), text) : text;
  }
  return { ...env, ...added };
}

function readConfig(path: string): [name: string, value: unknown][] {
  const wrong = (found: string, cause?: unknown): GardenhoseError =>
    new GardenhoseError(
      'invalid-option',
      `GARDENHOSE_CONFIG names ${path}, which ${found}; expected a file of settings as JSON`,
      { subject: 'GARDENHOSE_CONFIG', cause },
    );
  let parsed: unknown;
  try {
    if (statSync(path).size > mostBytes) throw wrong(`is longer than ${mostBytes} bytes`);
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof GardenhoseError) throw error;
    throw wrong(error instanceof SyntaxError ? 'is no JSON' : 'cannot be read', error);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw wrong('holds no object');
  onlyOptions(path, parsed, inFile);
  return Object.entries(parsed);
}

/** As the environment would say it. */
function textOf(name: string, value: unknown, path: string): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number' || typeof value === 'string') return String(value);
  throw new GardenhoseError(
    'invalid-option',
    `${name} in ${path} is ${value === null ? 'null' : `of type ${typeof value}`}; expected a text, a number, true or false`,
    { subject: name },
  );
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

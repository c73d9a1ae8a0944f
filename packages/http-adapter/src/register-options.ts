import { readFileSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  captureKeyOf,
  type FileSinkOptions,
  type FlightSinkOptions,
  GardenhoseError,
  isGardenhoseError,
  type KeySource,
  type Policy,
  type RecorderOptions,
  readPolicyFile,
  type Sampler,
} from '@gardenhose/core';
import {
  isSampleKey,
  parseLane,
  parseSampleRules,
  parseSaveOn,
  type SamplingSettings,
  samplerOf,
} from '@gardenhose/core/adapter';
import { type ControlEndpointOptions, controlAddress } from './control-endpoint.ts';
import { configuredEnvironment, type Environment } from './register-config.ts';

const laneKeys =
  'connection, cookie:NAME, header:NAME, jwt, jwt:CLAIM, or several of such with commas between them';

/** What the environment says of a recording that `register` starts. */
export interface RegisterOptions {
  /** Undefined where there is to be no file. */
  readonly output: string | undefined;
  /** Undefined where the last minutes are not kept. */
  readonly flight: FlightSinkOptions | undefined;
  readonly service: string;
  readonly mask: Policy;
  readonly hooks: string | undefined;
  /** Undefined for everything. */
  readonly sampler: Sampler | undefined;
  readonly lane: RecorderOptions['lane'];
  readonly maxBodyBytes: number | undefined;
  readonly maxBufferedBytes: number | undefined;
  /** All that a file sink is told but the path. */
  readonly files: Omit<FileSinkOptions, 'path'>;
  readonly recordShadow: boolean;
  readonly shed: boolean;
  /** Whether requests that the process makes are recorded too. */
  readonly outbound: boolean;
  readonly parents: boolean;
  readonly log: boolean;
  readonly controlFile: string | undefined;
  /** Undefined where there is to be no endpoint. */
  readonly control: ControlEndpointOptions | undefined;
}

/**
 * Reads the options of `register` from environment variables, and from the file that one of them may name;
 * `docs/guides/http-servers.md` has the table.
 *
 * @throws GardenhoseError `invalid-option` naming the variable
 */
export function registerOptions(given: Environment, script: string | undefined): RegisterOptions {
  const env = configuredEnvironment(given);
  const { GARDENHOSE_OUTPUT: output, GARDENHOSE_SERVICE: service, GARDENHOSE_HOOKS: hooks } = env;
  const flight = flightFrom(env);
  if (!output && flight === undefined) {
    throw wrong('GARDENHOSE_OUTPUT', 'is not set', 'the file to write, or GARDENHOSE_FLIGHT');
  }
  return {
    output: output ? resolve(output) : undefined,
    flight,
    service:
      service || env.npm_package_name || (script === undefined ? 'node' : basename(script, extname(script))),
    mask: policyOf(env),
    hooks: hooks === undefined || hooks === '' ? undefined : pathToFileURL(resolve(hooks)).href,
    sampler: samplerFrom(env),
    lane: laneOf(env),
    maxBodyBytes: bytesOf(env, 'GARDENHOSE_MAX_BODY_BYTES'),
    maxBufferedBytes: bytesOf(env, 'GARDENHOSE_MAX_BUFFERED_BYTES'),
    files: filesFrom(env),
    recordShadow: switchOf(env, 'GARDENHOSE_RECORD_SHADOW'),
    shed: switchOf(env, 'GARDENHOSE_SHED'),
    outbound: switchOf(env, 'GARDENHOSE_OUTBOUND'),
    parents: switchOf(env, 'GARDENHOSE_PARENTS'),
    log: switchOf(env, 'GARDENHOSE_LOG'),
    controlFile: env.GARDENHOSE_CONTROL_FILE ? resolve(env.GARDENHOSE_CONTROL_FILE) : undefined,
    control: controlOf(env),
  };
}

function policyOf(env: Environment): Policy {
  const { GARDENHOSE_MASK_POLICY: file, GARDENHOSE_MASK_KEY: text, GARDENHOSE_MASK_KEY_FILE: keyFile } = env;
  if (text && keyFile) {
    throw wrong('GARDENHOSE_MASK_KEY', 'is set beside GARDENHOSE_MASK_KEY_FILE', 'one of the two');
  }
  const policy: Policy = file ? readPolicy(file) : { version: 1 };
  // The key's text goes no further than its name: the thread that masks reads the environment itself.
  const key: KeySource | undefined = text
    ? { env: 'GARDENHOSE_MASK_KEY' }
    : keyFile
      ? { file: resolve(keyFile) }
      : undefined;
  return key === undefined ? policy : { ...policy, key };
}

function filesFrom(env: Environment): RegisterOptions['files'] {
  const [maxFiles, maxBytes, maxAgeMs] = ['FILES', 'BYTES', 'AGE_MS'].map((name) =>
    wholeNumberOf(env, `GARDENHOSE_RETAIN_${name}`),
  );
  const retains = (maxFiles ?? maxBytes ?? maxAgeMs) !== undefined;
  return {
    maxFileBytes: bytesOf(env, 'GARDENHOSE_MAX_FILE_BYTES'),
    maxFileAgeMs: wholeNumberOf(env, 'GARDENHOSE_MAX_FILE_AGE_MS'),
    retain: retains ? { maxFiles, maxBytes, maxAgeMs } : undefined,
    encryptionKey: captureKeyOf(env),
  };
}

function flightFrom(env: Environment): FlightSinkOptions | undefined {
  const { GARDENHOSE_FLIGHT: directory, GARDENHOSE_SAVE_ON: text } = env;
  if (!directory) return undefined;
  let saveOn: Partial<FlightSinkOptions> = {};
  try {
    if (text) saveOn = parseSaveOn(text);
  } catch (error) {
    throw wrong('GARDENHOSE_SAVE_ON', `is ${text}`, 'triggers such as error,slow:2000', error);
  }
  return {
    directory: resolve(directory),
    windowMs: wholeNumberOf(env, 'GARDENHOSE_FLIGHT_WINDOW_MS'),
    maxBytes: bytesOf(env, 'GARDENHOSE_FLIGHT_BYTES'),
    encryptionKey: captureKeyOf(env),
    ...saveOn,
  };
}

function samplerFrom(env: Environment): Sampler | undefined {
  const { GARDENHOSE_SAMPLE_BY: by = '', GARDENHOSE_SAMPLE_RULES: file = '' } = env;
  if (by !== '' && !isSampleKey(by))
    throw wrong('GARDENHOSE_SAMPLE_BY', `is ${by}`, 'exchange, trace or header:NAME');
  const settings: SamplingSettings = {
    ratio: numberOf(env, 'GARDENHOSE_SAMPLE_RATIO', 0, 1),
    by: by === '' ? undefined : by,
    keepErrors: switchOf(env, 'GARDENHOSE_KEEP_ERRORS'),
    keepSlowerThanMs: numberOf(env, 'GARDENHOSE_KEEP_SLOW_MS', 0, Number.MAX_SAFE_INTEGER),
  };
  if (file === '') return samplerOf(settings);
  try {
    return samplerOf({ ...settings, rules: parseSampleRules(readFileSync(file, 'utf8'), file) });
  } catch (error) {
    const why = isGardenhoseError(error) ? error.message : `${file} cannot be read`;
    throw wrong('GARDENHOSE_SAMPLE_RULES', `names a file: ${why}`, 'rules of sampling as JSON', error);
  }
}

function laneOf({ GARDENHOSE_LANE: text }: Environment): RecorderOptions['lane'] {
  if (text === undefined || text === '') return undefined;
  try {
    return parseLane(text);
  } catch (error) {
    throw wrong('GARDENHOSE_LANE', 'names no lanes', laneKeys, error);
  }
}

function controlOf(env: Environment): ControlEndpointOptions | undefined {
  const { GARDENHOSE_CONTROL_LISTEN: listen, GARDENHOSE_CONTROL_TOKEN: text } = env;
  const { GARDENHOSE_CONTROL_TOKEN_FILE: file } = env;
  if (!listen) return undefined;
  if (text && file)
    throw wrong('GARDENHOSE_CONTROL_TOKEN', 'is set beside GARDENHOSE_CONTROL_TOKEN_FILE', 'one of the two');
  // A random one would have to be told, and what a service prints is kept where many can read it.
  if (!text && !file)
    throw wrong('GARDENHOSE_CONTROL_TOKEN', 'is not set', 'the token that control needs, or its file');
  try {
    controlAddress(listen);
    return { listen, token: text || readFileSync(file ?? '', 'utf8').replace(/\r?\n$/, '') };
  } catch (error) {
    const why = isGardenhoseError(error) ? error.message : 'its token file cannot be read';
    throw wrong(
      'GARDENHOSE_CONTROL_LISTEN',
      `cannot be done: ${why}`,
      'a loopback address and a token',
      error,
    );
  }
}

function readPolicy(file: string): Policy {
  try {
    return readPolicyFile(file);
  } catch (error) {
    const why = isGardenhoseError(error, 'mask-policy') ? error.message : `${file} cannot be read`;
    throw wrong('GARDENHOSE_MASK_POLICY', `names a file: ${why}`, 'a mask policy as JSON', error);
  }
}

function bytesOf(env: Environment, name: string): number | undefined {
  return wholeNumberOf(env, name, 'a whole number of bytes');
}

function wholeNumberOf(env: Environment, name: string, expected = 'a whole number'): number | undefined {
  const value = numberOf(env, name, 0, Number.MAX_SAFE_INTEGER);
  if (value !== undefined && !Number.isInteger(value)) throw wrong(name, `is ${env[name]}`, expected);
  return value;
}

function numberOf(env: Environment, name: string, least: number, most: number): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw wrong(name, `is ${text}`, `a number from ${least} to ${most}`);
}

function switchOf(env: Environment, name: string): boolean {
  const text = env[name];
  if (text === undefined || text === '' || text === '0') return false;
  if (text === '1') return true;
  throw wrong(name, `is ${text}`, '1 or 0');
}

function wrong(name: string, found: string, expected: string, cause?: unknown): GardenhoseError {
  return new GardenhoseError('invalid-option', `${name} ${found}; expected ${expected}`, {
    subject: name,
    cause,
  });
}

import { readFileSync } from 'node:fs';
import type { SampleKey, Sampler } from '@gardenhose/core';
import { isSampleKey, parseSampleRules, samplerOf } from '@gardenhose/core/adapter';
import { type Command, InvalidArgumentError } from 'commander';
import { parseCount, parseRatio } from './flags.ts';

/** Flags that say which exchanges are recorded. */
export interface SamplingFlags {
  readonly sample?: number;
  readonly sampleBy?: SampleKey;
  readonly sampleRules?: string;
  readonly keepErrors?: boolean;
  readonly keepSlow?: number;
}

/** Adds the flags that say which exchanges are recorded. */
export function withSamplingFlags(command: Command): Command {
  return command
    .option('--sample <ratio>', 'record this share of exchanges, over 0 up to 1 (default: 1)', parseRatio)
    .option(
      '--sample-by <key>',
      'what the share is chosen by: exchange, trace or header:NAME (default: exchange)',
      parseKey,
    )
    .option('--sample-rules <file>', 'rules of sampling (JSON), which come before --sample')
    .option('--keep-errors', 'record all that fail, whatever --sample says')
    .option('--keep-slow <ms>', 'record all that take longer, whatever --sample says', parseCount);
}

/**
 * The sampler that these flags ask for; undefined for everything.
 *
 * @throws GardenhoseError `invalid-option` for rules that make no sense; a system error for a file that cannot be read
 */
export function samplerFrom(flags: SamplingFlags): Sampler | undefined {
  const { sample: ratio, sampleBy: by, sampleRules: file, keepErrors, keepSlow: keepSlowerThanMs } = flags;
  const rules = file === undefined ? undefined : parseSampleRules(readFileSync(file, 'utf8'), file);
  return samplerOf({ ratio, by, keepErrors, keepSlowerThanMs, rules });
}

/** The same for `register`, whose variables are read by another process. Checked here, where that can be told. */
export function samplingEnv(
  flags: SamplingFlags,
  env: Readonly<Record<string, string | undefined>>,
  absolute: (path: string) => string,
): Record<string, string | undefined> {
  samplerFrom(flags);
  const { sample, sampleBy, sampleRules, keepErrors, keepSlow } = flags;
  const text = (value: number | undefined) => (value === undefined ? undefined : String(value));
  return {
    GARDENHOSE_SAMPLE_RATIO: text(sample) ?? env.GARDENHOSE_SAMPLE_RATIO,
    GARDENHOSE_SAMPLE_BY: sampleBy ?? env.GARDENHOSE_SAMPLE_BY,
    GARDENHOSE_SAMPLE_RULES: sampleRules === undefined ? env.GARDENHOSE_SAMPLE_RULES : absolute(sampleRules),
    GARDENHOSE_KEEP_ERRORS: keepErrors === true ? '1' : env.GARDENHOSE_KEEP_ERRORS,
    GARDENHOSE_KEEP_SLOW_MS: text(keepSlow) ?? env.GARDENHOSE_KEEP_SLOW_MS,
  };
}

function parseKey(text: string): SampleKey {
  if (isSampleKey(text)) return text;
  throw new InvalidArgumentError('Expected exchange, trace or header:NAME.');
}

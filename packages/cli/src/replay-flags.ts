import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type CompareOptions,
  createComparer,
  createMasker,
  GardenhoseError,
  type HookRule,
  parseHeaderRule,
  parseHookRules,
  type ReplayOrder,
  SchemaRegistry,
} from '@gardenhose/core';
import { InvalidArgumentError } from 'commander';
import type { CaptureContents, CaptureSource } from './capture-source.ts';
import type { CommonFlags } from './context.ts';
import type { ControlFlags } from './control-flags.ts';
import type { GuardFlags } from './guard-flags.ts';
import type { Io } from './io.ts';
import { checkLiveFlags, type LiveFlags } from './live-flags.ts';
import { type MaskFlags, maskOf } from './mask-flags.ts';
import type { MirrorFlags } from './mirror-flags.ts';
import { paceOptions } from './pace-flags.ts';
import type { SchemaFlags } from './schema-flags.ts';
import type { ShadowFlags } from './shadow-flags.ts';
import { checkTargetFlags, type TargetFlags } from './target.ts';

/** What `gardenhose replay` is told. */
export interface ReplayFlags
  extends CommonFlags,
    MaskFlags,
    LiveFlags,
    MirrorFlags,
    SchemaFlags,
    TargetFlags,
    ShadowFlags,
    ControlFlags,
    GuardFlags {
  readonly order?: ReplayOrder;
  readonly threads?: number;
  readonly ownProcessor: boolean;
  readonly readOnly?: readonly string[];
  readonly header?: readonly HookRule[];
  readonly patch?: string;
  readonly compare?: boolean;
  readonly ignore?: readonly string[];
  readonly report?: readonly string[];
  readonly dryRun?: boolean;
}

/** What --header and --patch set on every request. */
export function metadataOf(rules: readonly HookRule[]): string[] {
  return rules.flatMap((rule) =>
    rule.do === 'set-header' && rule.where === undefined && rule.side !== 'response'
      ? [rule.name, rule.value]
      : [],
  );
}

/** Those that are named, and those that the schemas of the capture say change nothing. */
export function readOnlyMethods({ readOnly = [] }: ReplayFlags, { schemas }: CaptureContents): string[] {
  const registry = new SchemaRegistry();
  for (const schema of schemas) registry.add(schema);
  return [...new Set([...readOnly, ...registry.readOnlyMethods().filter((name) => methodName.test(name))])];
}

/** How answers are compared. */
export function compareOptions(
  flags: ReplayFlags,
  source: CaptureSource,
  { schemas }: CaptureContents,
  io: Io,
): CompareOptions {
  const recordedPolicy = source.header.policy;
  const masker =
    recordedPolicy.mode === 'none'
      ? undefined
      : createMasker(maskOf(flags, io.env), { keyId: recordedPolicy.keyId });
  const options = { ignore: flags.ignore, recordedPolicy, masker, schemas };
  // A path that is none shall be told before a plan is made.
  createComparer(options);
  return options;
}

/** The rules of --patch, then those of --header. */
export async function rulesOf(flags: ReplayFlags): Promise<readonly HookRule[]> {
  const patch =
    flags.patch === undefined ? [] : parseHookRules(await readFile(flags.patch, 'utf8'), flags.patch);
  return [...patch, ...(flags.header ?? [])];
}

/** No flag is without effect: one that would be is a mistake, and better told before anything is sent. */
export function checkReplayFlags(flags: ReplayFlags): void {
  checkTargetFlags(flags);
  paceOptions(flags);
  const wrong = (flag: string, why: string) =>
    new GardenhoseError('invalid-option', `${flag} ${why}`, { subject: flag });
  if (flags.compare !== true) {
    if (flags.ignore !== undefined) throw wrong('--ignore', 'has an effect only with --compare; add it');
    if (flags.policy !== undefined) throw wrong('--policy', 'has an effect only with --compare; add it');
    if (flags.maskKeyFile !== undefined)
      throw wrong('--mask-key-file', 'has an effect only with --compare; add it');
  }
  checkLiveFlags(flags);
  if (flags.dryRun === true && flags.reflection === true) {
    throw wrong('--reflection', 'asks the target, and --dry-run sends nothing; leave one out');
  }
  if (flags.dryRun === true && flags.report !== undefined) {
    throw wrong('--report', 'has no effect with --dry-run, which sends nothing; leave one out');
  }
}

/** Fails where a report could not be written, before anything is sent. */
export async function checkWritable(path: string): Promise<void> {
  const there = await access(path, constants.W_OK).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
  if (!there) await access(dirname(path), constants.W_OK);
}

const methodName = /^[^/\s]+\/[^/\s]+$/;

export function parseMethod(text: string): string {
  if (!methodName.test(text)) throw new InvalidArgumentError('Expected a method, such as shop.Orders/Get.');
  return text;
}

export function parseHeader(text: string): HookRule {
  try {
    return parseHeaderRule(text, '--header');
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

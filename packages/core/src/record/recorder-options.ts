import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import type { RecordHooks } from '../hook/hook.ts';
import { createMasker } from '../mask/create-masker.ts';
import type { Masker } from '../mask/masker.ts';
import type { Policy } from '../mask/policy/policy.ts';
import { onlyOptions } from '../model/option-names.ts';
import { warnOfMissingKey } from './key-warning.ts';
import type { HookSource, ModuleSource } from './open-pipeline.ts';
import type { NewsLog } from './recorder-news.ts';
import type { Sampler } from './sampler.ts';
import { always } from './sampler.ts';
import { type LaneFunction, type LaneKey, type LaneRule, resolveLane } from './session-lane.ts';
import { type ShedLimits, type ShedOptions, shedLimits } from './shedding.ts';
import type { SinkSource } from './sink.ts';

export interface RecorderOptions {
  /** Name of the recorded service, for the capture's header. */
  readonly service: string;
  /** Where masked events go. */
  readonly sink: SinkSource;
  /**
   * What to mask. A masker of one's own asks for the inline pipeline. Default: everything that the `secure` policy masks,
   * under a key that dies with the process.
   */
  readonly mask?: Policy | Masker;
  /**
   * What rewrites, marks or drops masked events: the URL of a module whose export `createHooks(options)` gives hooks,
   * loaded by the worker, as `recordRulesModule()` makes it of declarative rules; or hooks as functions, which ask for
   * the inline pipeline.
   */
  readonly hooks?: { readonly module: string; readonly options?: unknown } | RecordHooks;
  /** Decides as an exchange starts whether it is recorded. Default {@link always}. */
  readonly sampler?: Sampler;
  /**
   * Which exchanges keep their order at replay. `connection`: those of one client connection. `cookie:NAME`, `header:NAME`, `jwt`
   * (claim `sub` of the bearer token) or `jwt:CLAIM`: those of one session, whatever connections it uses; of a list, the first that
   * a request has. A function tells the session itself. In the capture the lane is a keyed token of the session, never its value.
   * What has no session is in the lane of its connection. Default `connection`.
   */
  readonly lane?: 'connection' | LaneKey | readonly LaneKey[] | LaneFunction;
  /** Bytes of raw events in memory, on their way to the pipeline. With no room left, whole new exchanges are dropped and counted. Default 67,108,864 (64 MiB). */
  readonly maxBufferedBytes?: number;
  /** Bytes recorded of one body, or of one message: at most 16,711,680. Default 1,048,576 (1 MiB). The mask policy's `limits.bodyBytes` is a limit of its own. */
  readonly maxBodyBytes?: number;
  /** What becomes of a body or message over the limit: its beginning is kept, or nothing. Its true size is kept either way. Default `drop`. */
  readonly onBodyLimit?: 'drop' | 'truncate';
  /** Longest time that an event waits before it is handed to the sink and flushed. Default 250. */
  readonly flushIntervalMs?: number;
  /** Longest time a hook may take over one event. Default 1000. */
  readonly hookTimeoutMs?: number;
  /** Longest time that `flush` waits for the sink. Recording goes on after that. Default 10,000. */
  readonly flushWaitMs?: number;
  /**
   * Longest time that `close` waits for what is in memory to be written. After that the recorder has failed, and what is
   * left is lost and counted. Default 10,000.
   */
  readonly closeWaitMs?: number;
  /** Longest time that a process which ends is held up for what is in memory to be written. Default 500; 0 does not wait. */
  readonly exitWaitMs?: number;
  /**
   * Where events are masked, go through the hooks and are written. `worker`: in a thread of its own. `inline`: on the
   * thread of the application, for tests and small tools. Default `worker` when sink, hooks and mask can cross to a
   * thread, otherwise `inline`.
   */
  readonly pipeline?: 'worker' | 'inline';
  /**
   * Whether fewer exchanges are recorded while memory, the event loop or the worker are beyond their limits, and how far those are: see
   * {@link ShedOptions}. What is recorded has the share stamped on it, and each change stands in the capture. Default false.
   */
  readonly shed?: boolean | ShedOptions;
  /**
   * Where it is told that the state of the recorder changes, or its control: true for lines of JSON on standard error, or a function of
   * one's own. What it throws is counted as a failure of a tap. The diagnostics channel `gardenhose:recorder` tells the same. Default false.
   */
  readonly log?: NewsLog;
  /**
   * A file that says how the recording is controlled, looked at each second: JSON such as `{ "paused": false, "ratio": 0.1 }`, or
   * `{ "kill": true }`. What it does not say is as here. Need not be there. Default none.
   */
  readonly controlFile?: string;
  /** Default {@link systemClock}. */
  readonly clock?: Clock;
  /** Notes of one's own for the capture's header. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** Options with every default filled in. */
export interface ResolvedRecorderOptions {
  readonly service: string;
  readonly sink: SinkSource;
  readonly mask: Policy | Masker;
  readonly hooks: HookSource | undefined;
  readonly sampler: Sampler;
  readonly lane: LaneRule;
  readonly maxBufferedBytes: number;
  readonly maxBodyBytes: number;
  readonly onBodyLimit: 'drop' | 'truncate';
  readonly flushIntervalMs: number;
  readonly hookTimeoutMs: number;
  readonly flushWaitMs: number;
  readonly closeWaitMs: number;
  readonly exitWaitMs: number;
  readonly pipeline: 'worker' | 'inline';
  readonly shed: ShedLimits | undefined;
  readonly log: NewsLog;
  readonly controlFile: string | undefined;
  readonly clock: Clock;
  readonly tags: Readonly<Record<string, string>>;
}

const optionNames: Readonly<Record<keyof RecorderOptions, true>> = {
  service: true,
  sink: true,
  mask: true,
  hooks: true,
  sampler: true,
  lane: true,
  maxBufferedBytes: true,
  maxBodyBytes: true,
  onBodyLimit: true,
  flushIntervalMs: true,
  hookTimeoutMs: true,
  flushWaitMs: true,
  closeWaitMs: true,
  exitWaitMs: true,
  pipeline: true,
  shed: true,
  log: true,
  controlFile: true,
  clock: true,
  tags: true,
};

/** Room for the head of an event besides the largest body. */
const leastHeadBytes = 64 * 1024;
/** A body that came in one piece, or a message, must fit into one record of a capture, which holds 16 MiB. */
const mostBodyBytes = 16 * 1024 * 1024 - leastHeadBytes;

/**
 * @throws {@link GardenhoseError} `invalid-option`, naming the option, what was found and what is expected;
 *   `mask-policy`, `mask-key`
 */
export function resolveRecorderOptions(options: RecorderOptions): ResolvedRecorderOptions {
  onlyOptions('a recorder', options, optionNames);
  const { service, sink } = options;
  if (typeof service !== 'string' || service === '') wrong('service', service, 'a name');
  if (typeof sink?.open !== 'function')
    wrong('sink', typeof sink, 'a sink source, as fileSink() or memorySink() give');
  const maxBodyBytes = whole('maxBodyBytes', options.maxBodyBytes, 1024 * 1024, 0);
  if (maxBodyBytes > mostBodyBytes) {
    wrong(
      'maxBodyBytes',
      maxBodyBytes,
      `at most ${mostBodyBytes}: more does not fit into a record of a capture`,
    );
  }
  const maxBufferedBytes = whole(
    'maxBufferedBytes',
    options.maxBufferedBytes,
    64 * 1024 * 1024,
    leastHeadBytes,
  );
  if (maxBufferedBytes < maxBodyBytes + leastHeadBytes) {
    wrong('maxBufferedBytes', maxBufferedBytes, `at least maxBodyBytes + ${leastHeadBytes}`);
  }
  const onBodyLimit = options.onBodyLimit ?? 'drop';
  if (onBodyLimit !== 'drop' && onBodyLimit !== 'truncate')
    wrong('onBodyLimit', onBodyLimit, "'drop' or 'truncate'");
  const hooks = hooksOf(options.hooks);
  const mask: Policy | Masker = options.mask ?? { version: 1 };
  // The pipeline makes its own; here a policy that is wrong is an error at once.
  if (!isMasker(mask)) {
    createMasker(mask);
    warnOfMissingKey(mask);
  }
  const stays = whatStays(sink, hooks, mask);
  const pipeline = options.pipeline ?? (stays === undefined ? 'worker' : 'inline');
  if (pipeline !== 'worker' && pipeline !== 'inline') wrong('pipeline', pipeline, "'worker' or 'inline'");
  if (pipeline === 'worker' && stays !== undefined) wrong('pipeline', pipeline, `'inline', since ${stays}`);
  return {
    service,
    sink,
    mask,
    hooks,
    sampler: options.sampler ?? always,
    lane: resolveLane(options.lane),
    maxBufferedBytes,
    maxBodyBytes,
    onBodyLimit,
    flushIntervalMs: whole('flushIntervalMs', options.flushIntervalMs, 250, 1),
    hookTimeoutMs: whole('hookTimeoutMs', options.hookTimeoutMs, 1000, 1),
    flushWaitMs: whole('flushWaitMs', options.flushWaitMs, 10_000, 1),
    closeWaitMs: whole('closeWaitMs', options.closeWaitMs, 10_000, 1),
    exitWaitMs: whole('exitWaitMs', options.exitWaitMs, 500, 0),
    pipeline,
    shed: shedLimits(options.shed),
    log: logOf(options.log),
    controlFile: pathOf(options.controlFile),
    clock: options.clock ?? systemClock,
    tags: { ...options.tags },
  };
}

/** Whether this is a masker and not a policy. */
export function isMasker(mask: Policy | Masker): mask is Masker {
  return 'mask' in mask && typeof mask.mask === 'function';
}

/** Whether these hooks can cross to a thread, which loads them from their module. */
export function canCross(hooks: HookSource): hooks is ModuleSource {
  return 'url' in hooks;
}

function hooksOf(hooks: RecorderOptions['hooks']): HookSource | undefined {
  if (hooks === undefined || !('module' in hooks)) return hooks;
  if (!URL.canParse(hooks.module)) {
    wrong('hooks.module', hooks.module, "the URL of a module, as import.meta.resolve('./hooks.js') gives it");
  }
  return { url: hooks.module, options: hooks.options };
}

/** Why the pipeline cannot run in a worker, if it cannot. */
function whatStays(
  sink: SinkSource,
  hooks: HookSource | undefined,
  mask: Policy | Masker,
): string | undefined {
  if (sink.module === undefined) return 'this sink names no module that a worker could load';
  if (hooks !== undefined && !canCross(hooks)) return 'hooks that are functions cannot cross to a worker';
  if (isMasker(mask)) return 'a masker cannot cross to a worker; a policy can';
  return undefined;
}

function logOf(log: NewsLog = false): NewsLog {
  if (typeof log !== 'boolean' && typeof log !== 'function') wrong('log', log, 'true, false or a function');
  return log;
}

function pathOf(path: string | undefined): string | undefined {
  if (path !== undefined && (typeof path !== 'string' || path === ''))
    wrong('controlFile', path, 'the path of a file');
  return path;
}

function whole(name: string, value: number | undefined, fallback: number, least: number): number {
  if (value === undefined) return fallback;
  if (!Number.isSafeInteger(value) || value < least) wrong(name, value, `a whole number from ${least}`);
  return value;
}

function wrong(name: string, found: unknown, expected: string): never {
  throw new GardenhoseError('invalid-option', `${name} must be ${expected}, got ${String(found)}`, {
    subject: name,
  });
}

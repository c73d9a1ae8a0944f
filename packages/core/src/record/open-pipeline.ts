import type { Clock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import type { RecordHooks } from '../hook/hook.ts';
import type { Masker } from '../mask/masker.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { HoldingPlan } from './outcome.ts';
import { Pipeline } from './pipeline.ts';
import type { LaneSource } from './session-lane.ts';
import type { Sink, SinkModule } from './sink.ts';

/** Names a module and a value for it that can be cloned. */
export interface ModuleSource {
  readonly url: string;
  readonly options: unknown;
}

/** Where a pipeline's hooks come from. */
export type HookSource = RecordHooks | ModuleSource;

/** How to make the parts of a pipeline. */
export interface PipelinePlan {
  readonly masker: () => Masker;
  readonly hooks: HookSource | undefined;
  readonly hookTimeoutMs: number;
  readonly openSink: (header: CaptureHeader) => Sink | Promise<Sink>;
  readonly clock: Clock;
  readonly lanes: readonly LaneSource[];
  readonly holding: HoldingPlan | undefined;
  /** All of the header but the policy, which the masker tells. */
  readonly header: Omit<CaptureHeader, 'policy'>;
}

/** What a module of record hooks exports. */
export interface RecordHooksModule {
  createHooks(options: unknown): RecordHooks | Promise<RecordHooks>;
}

/**
 * Makes the masker, loads the hooks and opens the sink.
 *
 * @throws {@link GardenhoseError} `mask-policy`, `mask-key`, `hook-failed`, `io` or what the sink throws
 */
export async function openPipeline(plan: PipelinePlan): Promise<Pipeline> {
  const masker = plan.masker();
  const hooks = await loadHooks(plan.hooks);
  let sink: Sink;
  try {
    const policy =
      hooks?.beforeMask === undefined ? masker.summary : { ...masker.summary, hookBeforeMask: true };
    sink = await plan.openSink({ ...plan.header, policy });
  } catch (error) {
    if (error instanceof Error && error.name === 'GardenhoseError') throw error;
    throw new GardenhoseError('io', `the sink cannot be opened: ${messageOf(error)}`, { cause: error });
  }
  const { hookTimeoutMs, clock, lanes, holding } = plan;
  return new Pipeline({ masker, hooks, hookTimeoutMs, sink, clock, lanes, holding });
}

/** Opens the sink of a module. */
export async function openSinkModule(source: ModuleSource, header: CaptureHeader): Promise<Sink> {
  const module: unknown = await import(source.url);
  if (!isSinkModule(module)) {
    throw new GardenhoseError(
      'invalid-option',
      `sink: the module ${source.url} exports no function 'openSink'`,
      {
        subject: source.url,
      },
    );
  }
  return module.openSink(source.options, header);
}

async function loadHooks(hooks: PipelinePlan['hooks']): Promise<RecordHooks | undefined> {
  if (hooks === undefined || !('url' in hooks)) return hooks;
  try {
    const module: unknown = await import(hooks.url);
    if (!isHooksModule(module)) throw new TypeError("it exports no function 'createHooks'");
    return await module.createHooks(hooks.options);
  } catch (error) {
    throw new GardenhoseError(
      'hook-failed',
      `the hooks of ${hooks.url} cannot be loaded: ${messageOf(error)}`,
      {
        subject: hooks.url,
        cause: error,
      },
    );
  }
}

function isSinkModule(module: unknown): module is SinkModule {
  return isObject(module) && 'openSink' in module && typeof module.openSink === 'function';
}

function isHooksModule(module: unknown): module is RecordHooksModule {
  return isObject(module) && 'createHooks' in module && typeof module.createHooks === 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

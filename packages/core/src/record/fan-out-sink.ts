import { GardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import { declaringSink, type SelfDeclaring } from './declaring-sink.ts';
import type { ModuleSource } from './open-pipeline.ts';
import { openSinkModule } from './open-pipeline.ts';
import type { ProcessTriggers, SaveStats, SaveTrigger } from './save-trigger.ts';
import type { Sink, SinkLoss, SinkSource } from './sink.ts';

/**
 * Gives every event to all of these sinks. When one fails, the others go on, and it goes on when it works again: each
 * capture declares its own losses.
 *
 * @throws {@link GardenhoseError} `invalid-option` for an empty list
 */
export function fanOutSink(sources: readonly SinkSource[]): SinkSource {
  if (sources.length === 0) {
    throw new GardenhoseError('invalid-option', 'sources must name at least one sink, got none', {
      subject: 'sources',
    });
  }
  const modules = sources.map(({ module }) => module).filter((module) => module !== undefined);
  return {
    open: async (header) => new FanOut(await openAll(sources.map((source) => () => source.open(header)))),
    module: modules.length === sources.length ? { url: import.meta.url, options: modules } : undefined,
    savesAt: togetherAt(sources.map(({ savesAt }) => savesAt).filter((at) => at !== undefined)),
  };
}

/** For the worker, which loads this module by its URL. */
export async function openSink(options: unknown, header: CaptureHeader): Promise<Sink> {
  const modules: unknown[] = Array.isArray(options) ? options : [];
  return new FanOut(
    await openAll(modules.filter(isModule).map((module) => () => openSinkModule(module, header))),
  );
}

class FanOut implements Sink {
  readonly #sinks: readonly SelfDeclaring[];

  constructor(sinks: readonly Sink[]) {
    this.#sinks = sinks.map(declaringSink);
  }

  async write(events: readonly CaptureEvent[]): Promise<void> {
    await all(this.#sinks.map(async (sink) => sink.write(events)));
  }

  async flush(): Promise<void> {
    await all(this.#sinks.map((sink) => sink.flush()));
  }

  async close(): Promise<void> {
    await all(this.#sinks.map((sink) => sink.close()));
  }

  /** The first file that is saved. All that can save do, also where one fails. */
  async trigger(trigger: SaveTrigger): Promise<string | undefined> {
    const saving = this.#sinks.map(async (sink) => sink.trigger?.(trigger));
    await all(saving);
    return (await Promise.all(saving)).find((file) => file !== undefined);
  }

  saves(): SaveStats {
    const each = this.#sinks.map((sink) => sink.saves?.()).filter((saves) => saves !== undefined);
    const sum = (of: 'files' | 'suppressed' | 'failed') =>
      each.reduce((total, saves) => total + saves[of], 0);
    const lastFile = each.find((saves) => saves.lastFile !== undefined)?.lastFile;
    return { files: sum('files'), suppressed: sum('suppressed'), failed: sum('failed'), lastFile };
  }

  /** Of the sink that lost most. */
  lost(): SinkLoss {
    const losses = this.#sinks.map((sink) => sink.lost());
    return {
      exchanges: Math.max(...losses.map(({ exchanges }) => exchanges)),
      events: Math.max(...losses.map(({ events }) => events)),
    };
  }
}

function togetherAt(each: readonly ProcessTriggers[]): ProcessTriggers | undefined {
  if (each.length === 0) return undefined;
  const signals = new Set(each.flatMap((at) => at.signals));
  return { exceptions: each.some(({ exceptions }) => exceptions), signals: [...signals] };
}

/** Opens all or none: what is open is closed again when another cannot be opened. */
async function openAll(openers: readonly (() => Sink | Promise<Sink>)[]): Promise<Sink[]> {
  const results = await Promise.allSettled(openers.map(async (open) => open()));
  const sinks = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return sinks;
  await Promise.allSettled(sinks.map((sink) => sink.close()));
  throw failed.reason;
}

/** Waits for all, also where one fails; then tells of the first failure. */
async function all(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function isModule(value: unknown): value is ModuleSource {
  return typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string';
}

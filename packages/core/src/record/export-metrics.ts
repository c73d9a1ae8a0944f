import type { RecorderStats } from './recorder-stats.ts';

/** What of a meter of OpenTelemetry is needed; that of `@opentelemetry/api` is one. */
export interface MetricsMeter {
  createObservableCounter(name: string, options: MetricText): object;
  createObservableGauge(name: string, options: MetricText): object;
  addBatchObservableCallback(callback: ObserveBatch, observables: object[]): void;
  removeBatchObservableCallback(callback: ObserveBatch, observables: object[]): void;
}

interface MetricText {
  readonly description: string;
  readonly unit?: string;
}

type ObserveBatch = (result: {
  observe(metric: object, value: number, attributes?: Record<string, string>): void;
}) => void;

export interface ExportMetricsOptions {
  /** Default that of the global provider of `@opentelemetry/api`, where that package is installed. */
  readonly meter?: MetricsMeter | undefined;
}

/**
 * Exports what a recorder does as metrics of OpenTelemetry, asked for as often as their reader collects. Without the package
 * `@opentelemetry/api`, and without a meter, it does nothing. Other than a provider of metrics, nothing need be set up before.
 *
 * @returns the undo, where metrics are exported
 * @example
 * await exportMetrics(recorder);
 */
export async function exportMetrics(
  recorder: { stats(): RecorderStats },
  options: ExportMetricsOptions = {},
): Promise<(() => void) | undefined> {
  const meter = options.meter ?? (await globalMeter());
  if (meter === undefined) return undefined;
  const counter = (name: string, description: string, unit?: string) =>
    meter.createObservableCounter(`gardenhose.${name}`, { description, ...(unit && { unit }) });
  const gauge = (name: string, description: string, unit?: string) =>
    meter.createObservableGauge(`gardenhose.${name}`, { description, ...(unit && { unit }) });
  const exchanges = counter('exchanges', 'Exchanges that taps offered, by what became of them', '{exchange}');
  const events = counter('events', 'Events numbered', '{event}');
  const eventsLost = counter('events.lost', 'Events of recorded exchanges that were lost', '{event}');
  const masked = counter('masked', 'Values that the mask replaced', '{value}');
  const errors = counter('errors', 'Failures of the sink and of taps', '{error}');
  const queue = gauge('queue', 'Raw events in memory', 'By');
  const lag = gauge('worker.lag', 'How long raw events have waited for the pipeline', 's');
  const flushAge = gauge('flush.age', 'Time since the sink was last flushed', 's');
  const underWay = gauge('exchanges.active', 'Exchanges that are being recorded', '{exchange}');
  const shedding = gauge('shedding', 'Share of exchanges that is recorded while load is shed', '1');
  const all = [exchanges, events, eventsLost, masked, errors, queue, lag, flushAge, underWay, shedding];
  const observe: ObserveBatch = (result) => {
    const stats = recorder.stats();
    result.observe(exchanges, stats.recorded, { outcome: 'recorded' });
    result.observe(exchanges, stats.sampledOut, { outcome: 'sampled-out' });
    for (const [reason, count] of Object.entries(stats.dropped)) {
      result.observe(exchanges, count, { outcome: 'dropped', reason });
    }
    result.observe(events, stats.events);
    for (const [reason, count] of Object.entries(stats.eventsLost))
      result.observe(eventsLost, count, { reason });
    result.observe(masked, stats.masked);
    result.observe(errors, stats.sinkErrors, { of: 'sink' });
    result.observe(errors, stats.tapFailures, { of: 'tap' });
    result.observe(queue, stats.queueBytes);
    result.observe(lag, stats.workerLagMs / 1e3);
    if (stats.flushAgeMs !== undefined) result.observe(flushAge, stats.flushAgeMs / 1e3);
    result.observe(underWay, stats.underWay);
    result.observe(shedding, stats.shedding);
  };
  meter.addBatchObservableCallback(observe, all);
  return () => meter.removeBatchObservableCallback(observe, all);
}

/** A name that no bundler and no compiler looks for: the package is there, or it is not. */
const packageName: string = '@opentelemetry/api';

async function globalMeter(): Promise<MetricsMeter | undefined> {
  let api: unknown;
  try {
    api = await import(packageName);
  } catch {
    return undefined;
  }
  if (!has(api, 'metrics') || !has(api.metrics, 'getMeter')) return undefined;
  const { metrics } = api;
  if (typeof metrics.getMeter !== 'function') return undefined;
  const meter: unknown = metrics.getMeter('gardenhose');
  return isMeter(meter) ? meter : undefined;
}

function has<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> {
  return typeof value === 'object' && value !== null && name in value;
}

function isMeter(value: unknown): value is MetricsMeter {
  return has(value, 'addBatchObservableCallback') && has(value, 'createObservableGauge');
}

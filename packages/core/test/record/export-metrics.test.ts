import { metrics } from '@opentelemetry/api';
import { afterEach, expect, test, vi } from 'vitest';
import { noMask } from '../../src/mask/masker.ts';
import { exportMetrics, type MetricsMeter } from '../../src/record/export-metrics.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

afterEach(() => metrics.disable());

interface Named {
  readonly name: string;
}
type Callback = Parameters<MetricsMeter['addBatchObservableCallback']>[0];

/** Collects as a reader of metrics does. */
function collector() {
  const callbacks = new Map<Callback, object[]>();
  const make = (name: string): Named => ({ name });
  const meter: MetricsMeter = {
    createObservableCounter: make,
    createObservableGauge: make,
    addBatchObservableCallback: (callback, all) => void callbacks.set(callback, all),
    removeBatchObservableCallback: (callback) => void callbacks.delete(callback),
  };
  const collect = () => {
    const found: Record<string, number> = {};
    for (const [callback, all] of callbacks) {
      callback({
        observe(metric, value, attributes = {}) {
          if (!all.includes(metric) || !('name' in metric))
            throw new Error('a metric that was not registered');
          found[[metric.name, ...Object.values(attributes)].join(' ')] = value;
        },
      });
    }
    return found;
  };
  return { meter, collect };
}

test('what a recorder does is told as metrics, whenever they are collected', async () => {
  const clock = new ManualClock();
  const recorder = createRecorder({ service: 's', sink: memorySink(), mask: noMask, clock });
  const { meter, collect } = collector();
  const undo = await exportMetrics(recorder, { meter });
  await recorder.ready;
  recorder.begin(aStart(), true)?.end('response');
  recorder.begin(aStart());
  recorder.pause();
  recorder.begin(aStart());
  clock.advanceMs(250);
  await recorder.flush();
  clock.advanceMs(500);
  expect(collect()).toMatchObject({
    'gardenhose.exchanges recorded': 2,
    'gardenhose.exchanges sampled-out': 0,
    'gardenhose.exchanges dropped paused': 1,
    'gardenhose.exchanges dropped shed': 0,
    'gardenhose.exchanges.active': 1,
    'gardenhose.events.lost buffer-full': 0,
    'gardenhose.errors sink': 0,
    'gardenhose.queue': 0,
    'gardenhose.worker.lag': 0,
    'gardenhose.flush.age': 0.5,
    'gardenhose.shedding': 1,
  });
  undo?.();
  expect(collect()).toEqual({});
  await recorder.close();
});

test('the meter is that of the global provider; the one that does nothing is as good', async () => {
  const recorder = createRecorder({ service: 's', sink: memorySink(), mask: noMask });
  const undo = await exportMetrics(recorder);
  expect(undo).toBeTypeOf('function');
  undo?.();
  const asked: string[] = [];
  const { meter } = collector();
  const provider: object = {
    getMeter(name: string) {
      asked.push(name);
      return meter;
    },
  };
  Reflect.apply(metrics.setGlobalMeterProvider, metrics, [provider]);
  (await exportMetrics(recorder))?.();
  expect(asked).toEqual(['gardenhose']);
  await recorder.close();
});

test('without the package nothing is exported', async () => {
  vi.doMock('@opentelemetry/api', () => {
    throw new Error('Cannot find package');
  });
  const recorder = createRecorder({ service: 's', sink: memorySink(), mask: noMask });
  expect(await exportMetrics(recorder)).toBeUndefined();
  vi.doUnmock('@opentelemetry/api');
  await recorder.close();
});

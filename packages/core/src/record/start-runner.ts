import { createMasker } from '../mask/create-masker.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import { InlinePipeline } from './inline-pipeline.ts';
import { holdingPlan } from './outcome.ts';
import type { PipelineRunner, RunnerEvents } from './pipeline-runner.ts';
import type { ResolvedRecorderOptions } from './recorder-options.ts';
import { canCross, isMasker } from './recorder-options.ts';
import { WorkerPipeline } from './worker-pipeline.ts';

/** Starts the pipeline in a worker where that was chosen and all can cross to it, and inline otherwise. */
export function startRunner(
  { mask, hooks, hookTimeoutMs, sink, clock, pipeline, lane, sampler }: ResolvedRecorderOptions,
  header: Omit<CaptureHeader, 'policy'>,
  events: RunnerEvents,
): PipelineRunner {
  const lanes = lane.sources;
  const holding = sampler.byOutcome && holdingPlan(sampler.byOutcome);
  if (
    pipeline === 'worker' &&
    sink.module !== undefined &&
    !isMasker(mask) &&
    (hooks === undefined || canCross(hooks))
  ) {
    return new WorkerPipeline(
      { mask, hooks, hookTimeoutMs, sink: sink.module, lanes, holding, header },
      events,
    );
  }
  const openSink = (whole: CaptureHeader) => sink.open(whole);
  const masker = () => (isMasker(mask) ? mask : createMasker(mask));
  return new InlinePipeline(
    { masker, hooks, hookTimeoutMs, openSink, clock, lanes, holding, header },
    events,
  );
}

import { createHash } from 'node:crypto';
import { type HeaderList, headerValues, withHeader, withoutHeader } from '../model/headers.ts';
import { shadowHeaders } from '../shadow/wire-marks.ts';

/** Whether tracers are asked to keep the traces of a run: as they were asked when it was recorded, always, or never. */
export type TraceSampling = 'inherit' | 'always' | 'never';

/** W3C Trace Context, section 3.2.2, version 00. */
const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const none = /^0+$/;

/**
 * The headers with another trace in place of the recorded one, or what was replayed would be shown as part of it: all that was one trace in the recording is one
 * trace of the run. The recorded id goes into `x-shadow-origin-trace`. `tracestate` goes: what vendors keep there belongs to the
 * recorded spans. Without a `traceparent` that can be read, they stay as they are.
 */
export function withOwnTrace(headers: HeaderList, runId: string, sampling: TraceSampling): HeaderList {
  const [value, another] = headerValues(headers, 'traceparent');
  if (value === undefined || another !== undefined) return headers;
  const [, trace = '', span = '', flags = ''] = form.exec(value.trim()) ?? [];
  if (trace === '' || none.test(trace) || none.test(span)) return headers;
  // The recorded span is of no trace that has this id, and so stands for a parent that nobody knows.
  const parent = `00-${ownTrace(runId, trace)}-${span}-${sampled(flags, sampling)}`;
  const replaced = withHeader(withoutHeader(headers, 'tracestate'), 'traceparent', parent);
  return [...replaced, shadowHeaders.originTrace, trace];
}

/** Made from the recorded id, so that whoever has the same makes the same: on any thread, at any time. */
function ownTrace(runId: string, trace: string): string {
  const made = createHash('sha256').update(`${runId}\n${trace}`).digest('hex').slice(0, 32);
  return none.test(made) ? '1'.padStart(32, '0') : made;
}

function sampled(flags: string, sampling: TraceSampling): string {
  if (sampling === 'inherit') return flags;
  const others = Number.parseInt(flags, 16) & 0xfe;
  return (others | (sampling === 'always' ? 1 : 0)).toString(16).padStart(2, '0');
}

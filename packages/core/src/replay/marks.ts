import type { Exchange } from '../model/exchange.ts';
import { type HeaderList, headerValue, withHeader, withoutHeader } from '../model/headers.ts';
import { nameCache } from '../model/name-cache.ts';
import { version } from '../model/writer-name.ts';
import { signMarks } from '../shadow/signature.ts';
import {
  baggageWith,
  hasMarks,
  shadowBaggage,
  shadowHeaderNames,
  shadowHeaders,
} from '../shadow/wire-marks.ts';
import type { WireMarks } from './mark-options.ts';
import { withOwnTrace } from './trace-parent.ts';

const userAgentNote = `shadow-replay/${version}`;
const idempotencyKeys = ['idempotency-key', 'x-idempotency-key'] as const;

/**
 * The exchange with the marks of a run: `x-shadow-traffic: true`, `x-shadow-run` and `x-shadow-seq` at the end of its request headers,
 * in place of any it was recorded with, and the others that {@link WireMarks} asks for. A baggage that has no room left stays as it is.
 *
 * @param nowMs - Wall-clock milliseconds, from which a signature holds
 * @param iteration - Where exchanges are replayed several times: which time it is, as `x-shadow-iteration`
 */
export function markForWire(
  exchange: Exchange,
  marks: WireMarks,
  seq: number,
  nowMs: number,
  iteration?: number | undefined,
): Exchange {
  const usual = withUsualMarks(exchange.request.headers, marks, seq, nowMs, iteration);
  if (usual !== undefined) return withHeaders(exchange, usual);
  // Each time is a run of its own to those who tell repeats.
  const own = iteration === undefined ? marks.runId : `${marks.runId}-${iteration}`;
  let headers = withoutShadowHeaders(exchange.request.headers);
  if (marks.traceSampling !== undefined) headers = withOwnTrace(headers, own, marks.traceSampling);
  if (marks.userAgent) headers = withUserAgentNote(headers);
  if (marks.idempotencyPrefix) headers = withOwnIdempotencyKeys(headers, own);
  if (marks.tenancy !== undefined) headers = withHeader(headers, ...marks.tenancy);
  if (marks.baggage) headers = withShadowBaggage(headers, marks.runId);
  if (marks.headers) headers = [...headers, ...shadowHeadersOf(marks, seq, nowMs, iteration)];
  return withHeaders(exchange, headers);
}

function withHeaders(exchange: Exchange, headers: HeaderList): Exchange {
  return { ...exchange, request: { ...exchange.request, headers } };
}

/**
 * The same in one pass over headers, where there are none that the marks change but one user agent, as of most requests. Undefined of
 * others.
 */
function withUsualMarks(
  recorded: HeaderList,
  marks: WireMarks,
  seq: number,
  nowMs: number,
  iteration: number | undefined,
): HeaderList | undefined {
  if (marks.tenancy !== undefined) return undefined;
  const headers: string[] = [];
  let agents = 0;
  for (let i = 0; i + 1 < recorded.length; i += 2) {
    const name = recorded[i] ?? '';
    const value = recorded[i + 1] ?? '';
    const kind = kindOf(name);
    if (kind === 'changed') return undefined;
    if (kind === 'agent' && agents++ > 0) return undefined;
    headers.push(name, kind === 'agent' && marks.userAgent ? notedAgent(value) : value);
  }
  if (marks.baggage) headers.push('baggage', shadowBaggage(marks.runId));
  if (marks.headers) headers.push(...shadowHeadersOf(marks, seq, nowMs, iteration));
  return headers;
}

const kindOf = nameCache((name: string): 'agent' | 'changed' | 'other' => {
  const lower = name.toLowerCase();
  if (lower === 'user-agent') return 'agent';
  return shadowHeaderNames.has(lower) || otherChanged.has(lower) ? 'changed' : 'other';
});

/** Headers that one mark or the other takes out or changes, besides those of marks themselves. */
const otherChanged: ReadonlySet<string> = new Set(['baggage', 'traceparent', ...idempotencyKeys]);

function withoutShadowHeaders(recorded: HeaderList): HeaderList {
  if (!hasMarks(recorded)) return recorded;
  let headers = recorded;
  for (const name of shadowHeaderNames) {
    if (headerValue(headers, name) !== undefined) headers = withoutHeader(headers, name);
  }
  return headers;
}

function shadowHeadersOf(
  { runId, signKey, signForMs }: WireMarks,
  seq: number,
  nowMs: number,
  iteration: number | undefined,
): string[] {
  const headers = [shadowHeaders.traffic, 'true', shadowHeaders.run, runId, shadowHeaders.seq, String(seq)];
  if (iteration !== undefined) headers.push(shadowHeaders.iteration, String(iteration));
  if (signKey !== undefined) {
    const expiresS = Math.ceil((nowMs + signForMs) / 1000);
    headers.push(shadowHeaders.signature, signMarks(signKey, runId, seq, expiresS));
  }
  return headers;
}

function withShadowBaggage(headers: HeaderList, runId: string): HeaderList {
  const baggage = baggageWith(headers, runId);
  return baggage === undefined ? headers : withHeader(headers, 'baggage', baggage);
}

/** RFC 9110 section 10.1.5: products one after the other. A client that sent none is not made to. */
function withUserAgentNote(headers: HeaderList): HeaderList {
  const recorded = headerValue(headers, 'user-agent');
  return recorded === undefined ? headers : withHeader(headers, 'user-agent', notedAgent(recorded));
}

function notedAgent(recorded: string): string {
  if (recorded.includes('shadow-replay/')) return recorded;
  return recorded === '' ? userAgentNote : `${recorded} ${userAgentNote}`;
}

function withOwnIdempotencyKeys(recorded: HeaderList, prefix: string): HeaderList {
  let headers = recorded;
  for (const name of idempotencyKeys) {
    const value = headerValue(headers, name);
    if (value === undefined || value === '') continue;
    // As the draft of the header has it, the value is in quotes; in use it mostly is not.
    const own = value.startsWith('"') ? `"${prefix}-${value.slice(1)}` : `${prefix}-${value}`;
    headers = withHeader(headers, name, own);
  }
  return headers;
}

import { GardenhoseError } from '../errors.ts';
import type { Exchange } from '../model/exchange.ts';
import {
  type HeaderList,
  headerEntries,
  headerValue,
  headerValues,
  withHeader,
  withoutHeader,
} from '../model/headers.ts';

/** Limits of the W3C Baggage recommendation, section 3.3.2. */
const maxBaggageMembers = 64;
const maxBaggageBytes = 8192;

const shadowHeaders = ['x-shadow-traffic', 'x-shadow-run', 'x-shadow-seq', 'x-shadow-iteration'] as const;

/** Names the run on every exchange that it sends, so that the target and all behind it can tell replayed traffic. */
export interface WireMarks {
  readonly runId: string;
}

/**
 * The exchange with `x-shadow-traffic: true`, `x-shadow-run` and `x-shadow-seq` at the end of its request headers, in
 * place of any it was recorded with, and `shadow=true,shadow.run=…` appended to its W3C baggage. A baggage that has no room
 * left stays as it is: the members of others are never dropped.
 *
 * @param iteration - Where exchanges are replayed several times: which time it is, as `x-shadow-iteration`
 */
export function markForWire(
  exchange: Exchange,
  marks: WireMarks,
  seq: number,
  iteration?: number | undefined,
): Exchange {
  let headers: HeaderList = exchange.request.headers;
  for (const name of shadowHeaders) {
    if (headerValue(headers, name) !== undefined) headers = withoutHeader(headers, name);
  }
  const marked = [...withBaggage(headers, `shadow=true,shadow.run=${marks.runId}`)];
  marked.push('x-shadow-traffic', 'true', 'x-shadow-run', marks.runId, 'x-shadow-seq', String(seq));
  if (iteration !== undefined) marked.push('x-shadow-iteration', String(iteration));
  return { ...exchange, request: { ...exchange.request, headers: marked } };
}

/** Whether a request says of itself that it is replayed traffic. */
export function isMarkedShadow(headers: HeaderList): boolean {
  for (const [name, value] of headerEntries(headers)) {
    if (name.toLowerCase() === 'x-shadow-traffic' && value.trim().toLowerCase() === 'true') return true;
  }
  return false;
}

/** @throws {@link GardenhoseError} `invalid-option` when the id cannot stand in a header and in baggage */
export function checkRunId(runId: string): string {
  if (/^[\w.-]{1,64}$/.test(runId)) return runId;
  throw new GardenhoseError(
    'invalid-option',
    'mark.runId must be 1 to 64 characters out of letters, digits, dot, underscore and hyphen',
    { subject: 'mark.runId' },
  );
}

function withBaggage(headers: HeaderList, members: string): HeaderList {
  if (headerValue(headers, 'baggage') === undefined) return [...headers, 'baggage', members];
  const recorded = headerValues(headers, 'baggage').filter((value) => value.trim() !== '');
  const others = recorded
    .join(',')
    .split(',')
    .filter((member) => member.trim() !== '' && !/^\s*shadow(\.run)?\s*=/.test(member));
  const joined = [...others, members].join(',');
  if (others.length + 2 > maxBaggageMembers || joined.length > maxBaggageBytes) return headers;
  return withHeader(headers, 'baggage', joined);
}

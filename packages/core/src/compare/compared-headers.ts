import { type HeaderList, headerEntries, headerValues } from '../model/headers.ts';

/** Belong to one hop (RFC 9110, section 7.6.1) or to the framing, which the body's own comparison covers. */
const notCompared = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  // Told anew by each handshake, and taken out of captures when they are masked; what compresses is the connection's own.
  'sec-websocket-accept',
  'sec-websocket-extensions',
]);

/** Differ on every answer: time, and names given to one request. That they are there is compared, their value is not. */
export const presenceOnly: ReadonlySet<string> = new Set([
  'age',
  'b3',
  'baggage',
  'cf-ray',
  'correlation-id',
  'date',
  'request-id',
  'server-timing',
  'traceparent',
  'tracestate',
  'uber-trace-id',
  'x-amz-cf-id',
  'x-amz-id-2',
  'x-amz-request-id',
  'x-amzn-requestid',
  'x-amzn-trace-id',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-spanid',
  'x-b3-traceid',
  'x-cloud-trace-context',
  'x-correlation-id',
  'x-datadog-parent-id',
  'x-datadog-trace-id',
  'x-envoy-upstream-service-time',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-request-id',
  'x-request-start',
  'x-response-time',
  'x-runtime',
  'x-trace-id',
]);

/** What stands in the view for a value that is not compared. */
const anyValue = '(any)';

/** The headers that are compared, as lists of values by name in lower case. */
export function comparedHeaders(headers: HeaderList): Record<string, string[]> {
  const perHop = new Set(
    headerValues(headers, 'connection').flatMap((value) =>
      value.split(',').map((name) => name.trim().toLowerCase()),
    ),
  );
  const out: Record<string, string[]> = Object.create(null);
  for (const [key, value] of headerEntries(headers)) {
    const name = key.toLowerCase();
    if (notCompared.has(name) || perHop.has(name)) continue;
    if (presenceOnly.has(name)) out[name] = [anyValue];
    else {
      out[name] ??= [];
      out[name].push(value);
    }
  }
  return out;
}

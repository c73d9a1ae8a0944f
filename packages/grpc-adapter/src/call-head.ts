import type { OutgoingHttpHeaders } from 'node:http2';
import { grpcTimeoutNs, type Shipment } from '@gardenhose/core';

/** What of the target stands in the head of a call. */
export interface CallTarget {
  readonly scheme: 'http' | 'https';
  /** For calls that bring none of their own. */
  readonly authority: string;
}

/** The head as Node takes it. Names that come again stand together, as they do in metadata. */
export function requestHeaders(
  { method, head, deadlineNs }: Shipment,
  { scheme, authority }: CallTarget,
): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = Object.create(null);
  headers[':method'] = 'POST';
  headers[':scheme'] = scheme;
  headers[':authority'] = head?.authority ?? authority;
  headers[':path'] = method;
  const fields = head?.headers ?? [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    let value = fields[i + 1] ?? '';
    if (deadlineNs !== undefined && name === 'grpc-timeout' && grpcTimeoutNs(value) !== deadlineNs) {
      value = timeoutText(deadlineNs);
    }
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[name] = [String(before), value];
  }
  return headers;
}

/** At most eight digits, in the finest unit that holds it (gRPC over HTTP/2, "TimeoutValue"). */
export function timeoutText(deadlineNs: number): string {
  for (const [unit, ns] of units) {
    const count = Math.ceil(deadlineNs / ns);
    if (count < 1e8) return `${count}${unit}`;
  }
  return '99999999H';
}

const units = [
  ['n', 1],
  ['u', 1e3],
  ['m', 1e6],
  ['S', 1e9],
  ['M', 6e10],
] as const;

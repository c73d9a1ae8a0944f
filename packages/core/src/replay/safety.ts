import type { Guard } from './guard.ts';
import type { WireMarks } from './mark-options.ts';

/** How a run is marked and guarded. */
export interface RunSafety {
  /** Kinds of marks on the wire, such as `headers` and `baggage`; none when traffic is not marked. */
  readonly marks: readonly string[];
  /** Whether requests are sent that may change state at the target. */
  readonly mutations: boolean;
  /** Whether recorded credentials are sent. */
  readonly credentials: boolean;
  /** Whether targets are sent to that the capture was recorded from. */
  readonly recordedOrigin: boolean;
  /** Whether the run pauses when the target fails. */
  readonly breaker: boolean;
  readonly maxInFlight: number;
  /** Milliseconds that an exchange may last beyond its recorded time. */
  readonly timeoutMs: number;
  /** Those that were set. */
  readonly maxDurationMs?: number | undefined;
  readonly maxRequests?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly maxRps?: number | undefined;
  readonly maxLagMs?: number | undefined;
}

/** What a report tells of marks and guards. Names no header, key or path. */
export function safetyOf(guard: Guard, marks: WireMarks | undefined): RunSafety {
  const { maxDurationMs, maxRequests, maxBytes, maxRps, maxLagMs } = guard;
  const limits = Object.entries({ maxDurationMs, maxRequests, maxBytes, maxRps, maxLagMs });
  return {
    marks: marks === undefined ? [] : kindsOf(marks),
    mutations: guard.allowMutations,
    credentials: guard.keepCredentials,
    recordedOrigin: guard.allowRecordedOrigin,
    breaker: guard.breaker !== undefined,
    maxInFlight: guard.maxInFlight,
    timeoutMs: guard.timeoutMs,
    ...Object.fromEntries(limits.filter(([, limit]) => Number.isFinite(limit))),
  };
}

function kindsOf(marks: WireMarks): string[] {
  const kinds: [name: string, on: boolean][] = [
    ['headers', marks.headers],
    ['baggage', marks.baggage],
    ['user agent', marks.userAgent],
    ['host suffix', marks.hostSuffix !== undefined],
    ['tenancy', marks.tenancy !== undefined],
    ['idempotency prefix', marks.idempotencyPrefix],
    ['signature', marks.signKey !== undefined],
  ];
  return kinds.flatMap(([name, on]) => (on ? [name] : []));
}

import { GardenhoseError } from '../errors.ts';
import type { Report } from './report.ts';

/** More than any report has: they are bounded. */
const maxLength = 64 * 1024 * 1024;

/**
 * Reads a report that was written as JSON. What it holds is checked, so that all that reads reports can rely on it; fields that
 * are not known are left as they are, and those that older releases did not write may be missing.
 *
 * @param subject - What to call it in an error, such as the name of its file
 * @throws {@link GardenhoseError} `report-invalid`
 * @example
 * const report = parseReport(await readFile('run.json', 'utf8'), 'run.json');
 * await writeFile('run.html', renderHtml(report));
 */
export function parseReport(text: string, subject: string): Report {
  if (text.length > maxLength) {
    throw invalid(subject, `expected at most ${maxLength} characters, found ${text.length}`);
  }
  const value = parsed(text, subject);
  const wrong = isReport('$', value);
  if (wrong !== undefined) throw invalid(subject, wrong);
  assertChecked(value);
  return value;
}

function parsed(text: string, subject: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new GardenhoseError('report-invalid', `${subject} is no report: it is not JSON`, {
      subject,
      cause: error,
    });
  }
}

function invalid(subject: string, why: string): GardenhoseError {
  return new GardenhoseError('report-invalid', `${subject} is no report that can be read: ${why}`, {
    subject,
  });
}

/** Says what is wrong with a value, and where; undefined when nothing is. */
type Check = (path: string, value: unknown) => string | undefined;

/** Called after {@link isReport} found nothing wrong. */
function assertChecked(_: unknown): asserts _ is Report {}

const kindOf = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value);

const expected = (path: string, what: string, value: unknown) =>
  `${path}: expected ${what}, found ${kindOf(value)}`;

/** No count and no duration is larger; JSON can write numbers that are too large to be one. */
const largest = 1e16;

const number: Check = (path, value) =>
  typeof value === 'number' && Math.abs(value) <= largest
    ? undefined
    : expected(path, `a number up to ${largest}`, value);

const over0: Check = (path, value) =>
  typeof value === 'number' && value > 0 && value <= largest
    ? undefined
    : expected(path, 'a number over 0', value);

const text: Check = (path, value) =>
  typeof value === 'string' ? undefined : expected(path, 'a text', value);

const truth: Check = (path, value) =>
  typeof value === 'boolean' ? undefined : expected(path, 'true or false', value);

function oneOf(...allowed: readonly unknown[]): Check {
  return (path, value) =>
    allowed.includes(value)
      ? undefined
      : `${path}: expected one of ${allowed.join(', ')}, found ${kindOf(value)}`;
}

function list(item: Check, most = 10_000): Check {
  return (path, value) => {
    if (!Array.isArray(value)) return expected(path, 'a list', value);
    if (value.length > most) return `${path}: expected at most ${most} items, found ${value.length}`;
    for (const [i, one] of value.entries()) {
      const wrong = item(`${path}[${i}]`, one);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

function record(
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>> = {},
): Check {
  const fields = Object.entries(required);
  const others = Object.entries(optional);
  return (path, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return expected(path, 'an object', value);
    const own = new Map<string, unknown>(Object.entries(value));
    for (const [name, check] of fields) {
      if (!own.has(name)) return `${path}.${name} is missing`;
      const wrong = check(`${path}.${name}`, own.get(name));
      if (wrong !== undefined) return wrong;
    }
    for (const [name, check] of others) {
      const wrong = own.has(name) ? check(`${path}.${name}`, own.get(name)) : undefined;
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** Lists of one length. */
function columns(names: readonly string[], others: Readonly<Record<string, Check>>, most: number): Check {
  const shape = record({ ...Object.fromEntries(names.map((name) => [name, list(number, most)])), ...others });
  return (path, value) => {
    const wrong = shape(path, value);
    if (wrong !== undefined) return wrong;
    const own = new Map<string, unknown>(Object.entries(Object(value)));
    const lengths = new Set(names.map((name) => [own.get(name)].flat().length));
    return lengths.size > 1 ? `${path}: expected lists of one length` : undefined;
  };
}

const histogram = record({
  count: number,
  minMs: number,
  meanMs: number,
  p50Ms: number,
  p90Ms: number,
  p99Ms: number,
  p999Ms: number,
  maxMs: number,
  buckets: list(record({ upToMs: over0, count: number }), 1_000),
});

const numbers = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, number]));
const texts = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, text]));
const end = record(texts('operation', 'place'));

const pacing = record(
  {},
  {
    window: record({}, numbers('fromMs', 'toMs')),
    ...numbers('loop', 'iteration', 'maxIdleMs', 'idleCutMs', 'rampUpMs'),
    startAt: text,
  },
);

const safety = record(
  {
    marks: list(text, 100),
    mutations: truth,
    credentials: truth,
    recordedOrigin: truth,
    breaker: truth,
    ...numbers('maxInFlight', 'timeoutMs'),
  },
  numbers('maxDurationMs', 'maxRequests', 'maxBytes', 'maxRps', 'maxLagMs'),
);

const isReport = record(
  {
    format: oneOf('gardenhose-report/1'),
    verdict: oneOf(0, 1, 2),
    reasons: list(text),
    exchanges: record({
      ...numbers('total', 'sent', 'answered', 'failed', 'failedUnlikeRecorded', 'skipped'),
      skips: list(record({ reason: text, count: number })),
    }),
    fidelity: record({
      verdict: oneOf(
        'nothing-sent',
        'nothing-answered',
        'stopped',
        'incomplete',
        'out-of-order',
        'fell-behind',
        'held-up',
        'faithful',
      ),
      reasons: list(text),
    }),
    comparison: oneOf('off', 'clean', 'changed', 'inconclusive'),
    timing: record(
      {
        ...numbers('plannedMs', 'actualMs', 'driftMs'),
        lag: histogram,
        messageLag: histogram,
        blocked: histogram,
        messageBlocked: histogram,
        serviceTime: histogram,
        responseTime: histogram,
        recordedTime: histogram,
      },
      { heldUp: number },
    ),
    order: record(numbers('lanes', 'pairs', 'sendInversions', 'answerInversions', 'unchecked')),
    statuses: list(record(numbers('recorded', 'replayed', 'count'), { protocol: oneOf('grpc') })),
    errors: list(record({ code: text, count: number, example: text })),
    operations: list(
      record({ operation: text, ...numbers('sent', 'failed', 'changed', 'recordedP50Ms', 'p50Ms', 'p99Ms') }),
    ),
    notes: list(record({ name: text, count: number })),
  },
  {
    run: record(
      {
        ...texts('runId', 'target', 'pace', 'order'),
        thread: oneOf('worker', 'inline'),
        ownProcessor: truth,
        ...numbers('mutationsSent', 'resent'),
      },
      { threads: number, pauses: number, stopped: text, pacing, safety },
    ),
    messages: record(numbers('recordedSent', 'sent', 'recordedReceived', 'received', 'unawaited')),
    losses: record(
      {
        ...numbers('exchanges', 'events'),
        gaps: list(record({ reason: text, ...numbers('count', 'exchanges', 'events') })),
      },
      { state: oneOf('complete', 'open', 'truncated', 'damaged') },
    ),
    series: columns(
      [
        'planned',
        'sent',
        'answered',
        'failed',
        'inFlight',
        'lagP99Ms',
        'lagMaxMs',
        'serviceP50Ms',
        'serviceP99Ms',
        'responseP99Ms',
      ],
      { bucketMs: over0 },
      10_000,
    ),
    sends: record({
      sampled: columns(['plannedMs', 'sentMs', 'blockedMs'], {}, 10_000),
      worst: list(
        record({ operation: text, ...numbers('exchange', 'plannedMs', 'sentMs', 'blockedMs', 'lagMs') }),
        1_000,
      ),
    }),
    differences: record({
      ...numbers(
        'compared',
        'exchangesChanged',
        'changed',
        'suspect',
        'unverified',
        'explained',
        'ungrouped',
      ),
      ignored: list(record({ path: text, count: number })),
      notCompared: list(record({ reason: text, count: number })),
      groups: list(
        record({
          ...texts('operation', 'path'),
          kind: oneOf('missing', 'extra', 'type', 'value'),
          verdict: oneOf('changed', 'suspect', 'unverified'),
          count: number,
          exchanges: list(number),
          example: record({}, texts('recorded', 'replayed')),
        }),
        100_000,
      ),
    }),
    bindings: record({
      ...numbers('bindings', 'used', 'unresolved', 'blocked'),
      rows: list(record({ from: end, to: end, ...numbers('used', 'unresolved', 'blocked') })),
    }),
    timeShift: record(numbers('byMs', 'times', 'tokens')),
    environment: record({ ...texts('madeAt', 'node', 'platform', 'architecture'), processors: number }),
  },
);

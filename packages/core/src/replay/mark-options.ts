import { randomBytes } from 'node:crypto';
import { onlyOptions } from '../model/option-names.ts';
import { flagOption, invalidOption } from '../model/option-values.ts';
import { type SignKey, signKeyBytes } from '../shadow/signature.ts';
import { runIdForm } from '../shadow/wire-marks.ts';
import type { TraceSampling } from './trace-parent.ts';

/** How replayed traffic is marked on the wire, over HTTP and gRPC alike. */
export interface MarkOptions {
  /** Names the run: 1 to 64 letters, digits, dots, underscores and hyphens. Default random. */
  readonly runId?: string | undefined;
  /** `x-shadow-traffic: true`, `x-shadow-run` and `x-shadow-seq`. Default true. */
  readonly headers?: boolean | undefined;
  /** `shadow=true` and `shadow.run` in W3C baggage, behind the members of others. Default true. */
  readonly baggage?: boolean | undefined;
  /**
   * A suffix of the host in `Host` and `:authority`, before the port: true for `-shadow`. Addresses keep as they are. Where it is
   * connected, and the name that TLS asks for, stay those of the target. Default false.
   */
  readonly hostSuffix?: boolean | string | undefined;
  /** ` shadow-replay/VERSION` behind a recorded `User-Agent`. Default true. */
  readonly userAgent?: boolean | undefined;
  /** A header that names a tenant, as `request-tenancy: shadow/{runId}`; `{runId}` is filled in. Default none. */
  readonly tenancy?: string | undefined;
  /**
   * The run id before the recorded value of `Idempotency-Key` and `X-Idempotency-Key`, so that nobody takes what is replayed for
   * a repeat of what was recorded. Default true.
   */
  readonly idempotencyPrefix?: boolean | undefined;
  /**
   * A trace of the run in place of the recorded one in `traceparent`, whose id goes into `x-shadow-origin-trace`; and whether tracers
   * shall keep it. Default `{ sampled: 'inherit' }`; false leaves `traceparent` as it was recorded.
   */
  readonly traceparent?: boolean | { readonly sampled?: TraceSampling | undefined } | undefined;
  /** Signs the marks with `x-shadow-signature`, for services that take no marks without. At least 16 bytes. Default none. */
  readonly signKey?: SignKey | undefined;
  /** How long a signature holds from the time at which the exchange is made ready. Default 3,600,000 (an hour). */
  readonly signForMs?: number | undefined;
}

const optionNames: Readonly<Record<keyof MarkOptions, true>> = {
  runId: true,
  headers: true,
  baggage: true,
  hostSuffix: true,
  userAgent: true,
  tenancy: true,
  idempotencyPrefix: true,
  traceparent: true,
  signKey: true,
  signForMs: true,
};

/** Options of marks, checked and complete. */
export interface WireMarks {
  readonly runId: string;
  readonly headers: boolean;
  readonly baggage: boolean;
  readonly hostSuffix: string | undefined;
  readonly userAgent: boolean;
  readonly tenancy: readonly [name: string, value: string] | undefined;
  readonly idempotencyPrefix: boolean;
  readonly traceSampling: TraceSampling | undefined;
  readonly signKey: Uint8Array | undefined;
  readonly signForMs: number;
}

/** The id of a run, and how it is marked; without marks where it is not. */
export interface RunMarks {
  readonly runId: string;
  readonly marks: WireMarks | undefined;
}

/** @throws {@link GardenhoseError} `invalid-option` */
export function resolveMarks(mark: boolean | MarkOptions = true): RunMarks {
  const given: unknown = mark;
  if (typeof given !== 'boolean' && (typeof given !== 'object' || given === null)) {
    throw invalidOption('mark', `must be true, false or options, got ${typeof given}`);
  }
  const options = typeof mark === 'object' ? mark : {};
  onlyOptions('mark', options, optionNames);
  const runId = checkRunId(options.runId ?? randomBytes(8).toString('hex'));
  if (mark === false) return { runId, marks: undefined };
  const headers = flagOption('mark.headers', options.headers, true);
  if (options.signKey !== undefined && !headers) {
    throw invalidOption('mark.signKey', 'signs the headers, and mark.headers is false; leave one out');
  }
  if (options.signForMs !== undefined && options.signKey === undefined) {
    throw invalidOption('mark.signForMs', 'has no meaning without mark.signKey; give a key, or leave it out');
  }
  const marks: WireMarks = {
    runId,
    headers,
    baggage: flagOption('mark.baggage', options.baggage, true),
    hostSuffix: hostSuffix(options.hostSuffix ?? false),
    userAgent: flagOption('mark.userAgent', options.userAgent, true),
    tenancy: options.tenancy === undefined ? undefined : tenancy(options.tenancy, runId),
    idempotencyPrefix: flagOption('mark.idempotencyPrefix', options.idempotencyPrefix, true),
    traceSampling: traceSampling(options.traceparent ?? true),
    signKey: options.signKey === undefined ? undefined : signKeyBytes('mark.signKey', options.signKey),
    signForMs: signFor(options.signForMs ?? 3_600_000),
  };
  return { runId, marks };
}

/** @throws {@link GardenhoseError} `invalid-option` when the id cannot stand in a header and in baggage */
export function checkRunId(runId: string): string {
  if (typeof runId === 'string' && runIdForm.test(runId)) return runId;
  throw invalidOption(
    'mark.runId',
    'must be 1 to 64 characters out of letters, digits, dot, underscore and hyphen',
  );
}

function hostSuffix(suffix: boolean | string): string | undefined {
  if (typeof suffix === 'boolean') return suffix ? '-shadow' : undefined;
  if (typeof suffix === 'string' && /^[A-Za-z0-9.-]{0,62}[A-Za-z0-9]$/.test(suffix)) return suffix;
  throw invalidOption('mark.hostSuffix', 'must be true, false, or letters, digits, hyphens and dots');
}

function tenancy(template: string, runId: string): readonly [string, string] {
  const match =
    /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/.exec(template);
  const [, name, value] = match ?? [];
  if (name !== undefined && value !== undefined && !notTenancy.test(name)) {
    return [name.toLowerCase(), value.replaceAll('{runId}', runId)];
  }
  throw invalidOption('mark.tenancy', "must be a header as 'request-tenancy: shadow/{runId}'");
}

/** Headers that say where a request goes or ends. */
const notTenancy = /^(?:host|content-length|transfer-encoding|connection|te|upgrade|trailer|expect)$/i;

function traceSampling(
  option: boolean | { readonly sampled?: TraceSampling | undefined },
): TraceSampling | undefined {
  if (typeof option === 'boolean') return option ? 'inherit' : undefined;
  onlyOptions('mark.traceparent', option, { sampled: true });
  const { sampled = 'inherit' } = option;
  if (sampled === 'inherit' || sampled === 'always' || sampled === 'never') return sampled;
  throw invalidOption(
    'mark.traceparent.sampled',
    `must be 'inherit', 'always' or 'never', got '${String(sampled)}'`,
  );
}

function signFor(ms: number): number {
  if (Number.isFinite(ms) && ms >= 1_000) return ms;
  throw invalidOption('mark.signForMs', `must be a number of at least 1,000, got ${String(ms)}`);
}

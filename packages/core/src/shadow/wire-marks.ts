import { type HeaderList, headerEntries, headerValue, headerValues } from '../model/headers.ts';

/** Headers, and keys of gRPC metadata, that say of a request that it is replayed traffic, and of which run. */
export const shadowHeaders = {
  traffic: 'x-shadow-traffic',
  run: 'x-shadow-run',
  seq: 'x-shadow-seq',
  iteration: 'x-shadow-iteration',
  signature: 'x-shadow-signature',
  originTrace: 'x-shadow-origin-trace',
} as const;

/** Every header that marks use, for those who take them out. */
export const shadowHeaderNames: ReadonlySet<string> = new Set(Object.values(shadowHeaders));

/** Limits of the W3C Baggage recommendation, section 3.3.2. */
const maxBaggageMembers = 64;
const maxBaggageBytes = 8192;

/** What a marked request says of itself. */
export interface ShadowMarks {
  /** Absent where it is marked without a run. */
  readonly runId: string | undefined;
  /** Position in the run, counted from 0. */
  readonly seq: number | undefined;
  readonly signature: string | undefined;
}

/** A run id that can stand in a header and in baggage. */
export const runIdForm: RegExp = /^[\w.-]{1,64}$/;

/** Whether a request says of itself that it is replayed traffic. */
export function isMarkedShadow(headers: HeaderList): boolean {
  for (const [name, value] of headerEntries(headers)) {
    if (name.toLowerCase() === shadowHeaders.traffic && value.trim().toLowerCase() === 'true') return true;
  }
  return false;
}

/** The marks of a request, by headers or by baggage alone; undefined when it has none. */
export function readMarks(headers: HeaderList): ShadowMarks | undefined {
  const members = baggageMembers(headers);
  const byBaggage = members.some((member) => /^\s*shadow\s*=\s*true\s*(;|$)/.test(member));
  if (!isMarkedShadow(headers) && !byBaggage) return undefined;
  const inBaggage = members
    .map((member) => /^\s*shadow\.run\s*=\s*([^;\s]*)/.exec(member)?.[1])
    .find(isRunId);
  const runId = headerValue(headers, shadowHeaders.run)?.trim();
  const seq = headerValue(headers, shadowHeaders.seq)?.trim();
  return {
    runId: isRunId(runId) ? runId : inBaggage,
    seq: seq !== undefined && /^\d{1,15}$/.test(seq) ? Number(seq) : undefined,
    signature: headerValue(headers, shadowHeaders.signature)?.trim(),
  };
}

function isRunId(runId: string | undefined): runId is string {
  return runId !== undefined && runIdForm.test(runId);
}

/** The marks as a service passes them on to others. */
export function marksToPassOn(marks: ShadowMarks): HeaderList {
  const { runId, seq, signature } = marks;
  const passed: string[] = [shadowHeaders.traffic, 'true'];
  if (runId !== undefined) passed.push(shadowHeaders.run, runId);
  if (seq !== undefined) passed.push(shadowHeaders.seq, String(seq));
  if (signature !== undefined && signature.length <= 256) passed.push(shadowHeaders.signature, signature);
  return passed;
}

/** What stands in baggage for a run. */
export function shadowBaggage(runId: string | undefined): string {
  return runId === undefined ? 'shadow=true' : `shadow=true,shadow.run=${runId}`;
}

/**
 * The headers without any mark: those of {@link shadowHeaderNames} go, and the members of baggage that are marks. The same list
 * when there is none.
 */
export function withoutMarks(headers: HeaderList): HeaderList {
  if (!hasMarks(headers)) return headers;
  const kept: string[] = [];
  for (const [name, value] of headerEntries(headers)) {
    const lower = name.toLowerCase();
    if (shadowHeaderNames.has(lower)) continue;
    const rest = lower === 'baggage' ? baggageWithoutMarks(value) : value;
    if (rest !== '' || value === '') kept.push(name, rest);
  }
  return kept;
}

/** Whether anything in these headers is a mark, also such as does not make shadow traffic of a request by itself. */
export function hasMarks(headers: HeaderList): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    // By length and first letter first: this runs for each request.
    if (name.length === 7 ? isBaggageMark(name, headers[i + 1] ?? '') : isShadowName(name)) return true;
  }
  return false;
}

function isShadowName(name: string): boolean {
  return name.length > 8 && (name[0] === 'x' || name[0] === 'X') && shadowHeaderNames.has(name.toLowerCase());
}

function isBaggageMark(name: string, value: string): boolean {
  return name.toLowerCase() === 'baggage' && value.split(',').some(isMarkMember);
}

/** The members of a `baggage` header that are no marks, as they stand. */
export function baggageWithoutMarks(value: string): string {
  const members = value.split(',');
  return members.some(isMarkMember) ? members.filter((member) => !isMarkMember(member)).join(',') : value;
}

/**
 * Members of baggage with those of a run behind them, in place of other marks. Undefined when there is no room: the members of others
 * are never dropped.
 */
export function baggageWith(headers: HeaderList, runId: string | undefined): string | undefined {
  const others = baggageMembers(headers).filter((member) => member.trim() !== '' && !isMarkMember(member));
  const joined = [...others, shadowBaggage(runId)].join(',');
  return others.length + 2 > maxBaggageMembers || joined.length > maxBaggageBytes ? undefined : joined;
}

function baggageMembers(headers: HeaderList): string[] {
  const values = headerValues(headers, 'baggage').filter((value) => value.trim() !== '');
  return values.length === 0 ? [] : values.join(',').split(',');
}

function isMarkMember(member: string): boolean {
  return /^\s*shadow(\.run)?\s*=/.test(member);
}

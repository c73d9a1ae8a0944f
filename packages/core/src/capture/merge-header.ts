import { createHash, randomBytes } from 'node:crypto';
import type { CaptureHeader, MergedFrom, PolicySummary } from '../model/capture-header.ts';
import { writerName } from '../model/writer-name.ts';

/** What is known of the clock of a recording, against the one that all are put on. */
export type ClockCorrection = Pick<MergedFrom, 'skewNs' | 'driftPpm' | 'skewErrorNs'>;

export const uncorrected: ClockCorrection = { skewNs: 0, driftPpm: 0 };

/** Names that one text lists; longer lists say how many more there are. */
const shownNames = 4;

/**
 * The header of a capture that is merged from these. What all say alike stays; of the rest it says what none of them contradicts: it is
 * masked only where all are, and by rules that all had. One recording alone, in parts, keeps its own.
 *
 * @param wallMs - The anchor of all
 */
export function mergedHeader(
  headers: readonly CaptureHeader[],
  corrections: readonly ClockCorrection[],
  wallMs: number,
): CaptureHeader {
  const [first, second] = headers;
  if (first !== undefined && second === undefined) {
    const { encryption: _, ...own } = first;
    return own;
  }
  const pid = first !== undefined && headers.every((header) => header.pid === first.pid) ? first.pid : 0;
  return {
    id: randomBytes(16).toString('hex'),
    writer: writerName,
    service: together(headers.map(({ service }) => service)),
    host: together(headers.map(({ host }) => host)),
    pid,
    wallMs,
    policy: mergedPolicy(headers.map(({ policy }) => policy)),
    sampling: together(headers.map(({ sampling }) => sampling)),
    part: 0,
    tags: Object.fromEntries(
      Object.entries(first?.tags ?? {}).filter(([name, value]) =>
        headers.every(({ tags }) => Object.hasOwn(tags, name) && tags[name] === value),
      ),
    ),
    mergedFrom: headers.map((header, place) => ({
      id: header.id,
      service: header.service,
      host: header.host,
      pid: header.pid,
      wallMs: header.wallMs,
      policy: header.policy,
      ...(corrections[place] ?? uncorrected),
    })),
  };
}

/**
 * What holds of traffic that was masked by any of these policies. With several keys the id of a key names none of them, so that
 * nobody takes tokens for equal that only look so.
 */
export function mergedPolicy(policies: readonly PolicySummary[]): PolicySummary {
  const unmasked = policies.find(({ mode }) => mode === 'none');
  const [first] = policies;
  if (unmasked !== undefined) return unmasked;
  if (first === undefined) throw new RangeError('a capture is merged from at least one');
  const digests = unique(policies.map(({ digest }) => digest));
  const keys = unique(policies.map(({ keyId }) => keyId));
  const allowed = unique(policies.flatMap(({ allowed: names = [] }) => names)).sort();
  return {
    mode: 'masked',
    name: together(policies.map(({ name }) => name)),
    digest: digests.length === 1 ? first.digest : hashOf(digests),
    keyId: keys.length === 1 ? first.keyId : `several-${hashOf(keys).slice(0, 8)}`,
    disabled: unique(policies.flatMap(({ disabled }) => disabled)).sort(),
    ...(allowed.length > 0 ? { allowed } : {}),
    ...(policies.some(({ hookBeforeMask }) => hookBeforeMask === true) ? { hookBeforeMask: true } : {}),
  };
}

/**
 * Says in a sentence what keeps masked values of these captures from being joined; undefined where nothing does.
 *
 * @example
 * const note = mergeNote(captures.map(({ header }) => header.policy));
 * if (note !== undefined) console.error(note);
 */
export function mergeNote(policies: readonly PolicySummary[]): string | undefined {
  const unmasked = policies.filter(({ mode }) => mode === 'none').length;
  if (unmasked === policies.length) return undefined;
  if (unmasked > 0) {
    return `${unmasked} of ${policies.length} recordings are not masked, the others are: what is made of them counts as not masked`;
  }
  const keys = unique(policies.map(({ keyId }) => keyId));
  if (keys.length > 1) {
    return `masked with ${keys.length} keys (${together(keys)}): one value has several tokens, so masked values do not join across recordings; give all recorders one mask key`;
  }
  return unique(policies.map(({ digest }) => digest)).length > 1
    ? 'masked by different policies: a value that one of them masks may stand open in the recording of another'
    : undefined;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function together(values: readonly string[]): string {
  const names = unique(values);
  const more = names.length - shownNames;
  return `${names.slice(0, shownNames).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function hashOf(values: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(values.toSorted())).digest('hex');
}

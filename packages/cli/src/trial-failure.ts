import type { Comparison, ExchangeId, ReplayResult } from '@gardenhose/core';

/** What a search looks for: a difference of the answer, another status, or a target that breaks off. */
export type FailureKind = 'diff' | 'status' | 'crash';

/** One failure of one exchange. */
export interface Failure {
  readonly exchange: ExchangeId;
  readonly seq: number;
  readonly operation: string;
  /** Two failures of one exchange are the same one when this is. */
  readonly sign: string;
}

/** The failures of an exchange of this kind; there may be several differences. */
export function failuresOf(
  kind: FailureKind,
  { entry, recorded }: ReplayResult,
  comparison: Comparison | undefined,
): Failure[] {
  const signs = entry.outcome === 'skipped' ? [] : signsOf(kind, entry, comparison);
  return signs.map((sign) => ({
    exchange: entry.exchange,
    seq: recorded.seq,
    operation: entry.operation,
    sign,
  }));
}

function signsOf(
  kind: FailureKind,
  entry: ReplayResult['entry'],
  comparison: Comparison | undefined,
): string[] {
  const { status, recordedStatus, error } = entry;
  switch (kind) {
    case 'status':
      if (status === recordedStatus) return [];
      return [`status ${recordedStatus ?? 'none'} became ${status ?? error?.code ?? 'none'}`];
    case 'crash':
      // One that had no answer in the recording may have been broken off there as well.
      return error !== undefined && broken.has(error.code) && recordedStatus !== undefined
        ? [`the target broke off (${error.code})`]
        : [];
    case 'diff':
      return (comparison?.differences ?? [])
        .filter(({ verdict }) => verdict === 'changed')
        .map(({ path, kind: how }) => `${path} differs (${how})`);
  }
}

const broken: ReadonlySet<string> = new Set(['connection-closed', 'target-unreachable']);

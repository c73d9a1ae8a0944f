import { type Clock, systemClock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import { createMasker } from '../mask/create-masker.ts';
import type { Masker } from '../mask/masker.ts';
import type { PolicySummary } from '../model/capture-header.ts';
import { onlyOptions } from '../model/option-names.ts';
import { type PathPattern, parsePathPattern } from './compare-path.ts';

/** How recorded and replayed responses are compared. */
export interface CompareOptions {
  /**
   * Places whose differences are only counted: `outcome`, `status`, `header:NAME`, `trailer:NAME`, `body:$.orders[*].id`.
   * Default none.
   */
  readonly ignore?: readonly string[] | undefined;
  /**
   * Masks live answers before they are compared: of the policy and the key of the recording. Default none, or for a recording
   * that says in `recordedPolicy` that it was masked, the policy `secure` with a key of its own.
   */
  readonly masker?: Masker | undefined;
  /** The policy in the capture's header: tells whether the masker has the key of the recording. */
  readonly recordedPolicy?: PolicySummary | undefined;
  /**
   * Schemas of messages, each a serialised `google.protobuf.FileDescriptorSet`: messages are compared as fields by them, and live
   * ones masked as the recorded ones were. The list may grow while exchanges are compared. Default none; a replay of a capture takes those in it.
   */
  readonly schemas?: readonly Uint8Array[] | undefined;
  /** Differences kept of one exchange; more are counted. Default 100. */
  readonly maxDifferences?: number | undefined;
  /** Larger bodies, decoded, are compared by length and digest. Default 8 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Tells times near now from other numbers. Default the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** Compare options, checked and complete. */
export interface ResolvedCompareOptions {
  readonly ignore: readonly PathPattern[];
  readonly masker: Masker | undefined;
  /** Whether equal values have equal tokens on both sides. */
  readonly sameKey: boolean;
  readonly schemas: readonly Uint8Array[];
  readonly maxDifferences: number;
  readonly maxBodyBytes: number;
  readonly clock: Clock;
}

const optionNames: Readonly<Record<keyof CompareOptions, true>> = {
  ignore: true,
  masker: true,
  recordedPolicy: true,
  schemas: true,
  maxDifferences: true,
  maxBodyBytes: true,
  clock: true,
};

const maxIgnored = 1_000;

/** @throws GardenhoseError `invalid-option` */
export function resolveCompareOptions(options: CompareOptions): ResolvedCompareOptions {
  onlyOptions('compare', options, optionNames);
  const { ignore = [], recordedPolicy, clock = systemClock } = options;
  const masker = options.masker ?? (recordedPolicy?.mode === 'masked' ? createMasker() : undefined);
  if (!Array.isArray(ignore) || ignore.length > maxIgnored) {
    throw new GardenhoseError('invalid-option', `ignore: expected a list of at most ${maxIgnored} paths`, {
      subject: 'ignore',
    });
  }
  return {
    ignore: ignore.map((text, index) => parsePathPattern(text, `ignore[${index}]`)),
    // A recording that was not masked is compared as it is.
    masker: recordedPolicy?.mode === 'none' ? undefined : masker,
    sameKey:
      masker !== undefined &&
      recordedPolicy?.keyId === masker.summary.keyId &&
      recordedPolicy.digest === masker.summary.digest,
    schemas: options.schemas ?? [],
    maxDifferences: count(options.maxDifferences ?? 100, 'maxDifferences'),
    maxBodyBytes: count(options.maxBodyBytes ?? 8 * 1024 * 1024, 'maxBodyBytes'),
    clock,
  };
}

function count(value: number, option: string): number {
  if (Number.isSafeInteger(value) && value >= 0 && value <= 2 ** 30) return value;
  throw new GardenhoseError(
    'invalid-option',
    `${option}: expected a whole number from 0 to 2^30, found ${value}`,
    {
      subject: option,
    },
  );
}

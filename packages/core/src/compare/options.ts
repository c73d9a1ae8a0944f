import { type Clock, systemClock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import { type PathPattern, parsePathPattern } from './compare-path.ts';

/** How recorded and replayed responses are compared. */
export interface CompareOptions {
  /**
   * Places whose differences are only counted: `outcome`, `status`, `header:NAME`, `trailer:NAME`, `body:$.orders[*].id`.
   * Default none.
   */
  readonly ignore?: readonly string[] | undefined;
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
  readonly maxDifferences: number;
  readonly maxBodyBytes: number;
  readonly clock: Clock;
}

const maxIgnored = 1_000;

/** @throws GardenhoseError `invalid-option` */
export function resolveCompareOptions(options: CompareOptions): ResolvedCompareOptions {
  const { ignore = [], clock = systemClock } = options;
  if (!Array.isArray(ignore) || ignore.length > maxIgnored) {
    throw new GardenhoseError('invalid-option', `ignore: expected a list of at most ${maxIgnored} paths`, {
      subject: 'ignore',
    });
  }
  return {
    ignore: ignore.map((text, index) => parsePathPattern(text, `ignore[${index}]`)),
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

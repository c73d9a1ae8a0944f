import { GardenhoseError } from '../errors.ts';
import type { Exchange } from '../model/exchange.ts';

/**
 * Which answers an exchange waits for.
 *
 * - `causal`: those of its lane that had finished before it started when it was recorded. What overlapped may overlap.
 * - `lane`: all earlier ones of its lane, so one at a time in each lane.
 * - `none`: no answers; the schedule alone decides.
 * - `serial`: all earlier ones of the run, so one at a time, in the order of the capture.
 */
export type ReplayOrder = 'causal' | 'lane' | 'none' | 'serial';

/** An order as the engine applies it: exchanges of one group are compared, each with those before it. */
export interface OrderRule {
  group(lane: string): string;
  /**
   * The recorded time from which on an exchange that started then must wait for the answer of an earlier one that had
   * finished at `finishedAt`. Infinite when none waits for it, minus infinite when all do.
   */
  holdsFrom(finishedAt: number): number;
}

const ownLane = (lane: string): string => lane;

const rules: ReadonlyMap<string, OrderRule> = new Map<ReplayOrder, OrderRule>([
  ['causal', { group: ownLane, holdsFrom: (finishedAt) => finishedAt }],
  ['lane', { group: ownLane, holdsFrom: () => Number.NEGATIVE_INFINITY }],
  ['none', { group: ownLane, holdsFrom: () => Number.POSITIVE_INFINITY }],
  ['serial', { group: () => '', holdsFrom: () => Number.NEGATIVE_INFINITY }],
]);

/** @throws {@link GardenhoseError} `invalid-option` */
export function orderRule(order: ReplayOrder): OrderRule {
  const rule = rules.get(order);
  if (rule !== undefined) return rule;
  throw new GardenhoseError(
    'invalid-option',
    `order must be one of ${[...rules.keys()].join(', ')}, got '${String(order)}'`,
    { subject: 'order' },
  );
}

/** When a recorded exchange was over for its client: with its answer. Notes that were taken later do not count. */
export function finishedAt(exchange: Exchange): number {
  return exchange.abort?.at ?? exchange.response?.endAt ?? exchange.endAt;
}

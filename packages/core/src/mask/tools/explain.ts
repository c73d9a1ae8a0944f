import type { Exchange } from '../../model/exchange.ts';
import type { Policy } from '../policy/policy.ts';
import { type ChangedPlace, changedPlaces } from './changed-places.ts';
import { ExchangeTracer, type MaskAct } from './exchange-tracer.ts';

/** Of a longer text, what was found in it is told instead of all of it. */
const longestShown = 100;

/** A value that a policy masks, and by which rules. */
export interface ExplainedValue extends ChangedPlace {
  /** The rules that acted, in order; `dropped:<reason>` for a body or message that is not kept. */
  readonly rules: readonly string[];
}

export interface ExplainOptions {
  /** Schemas of gRPC messages: each a serialised `google.protobuf.FileDescriptorSet`. Default none. */
  readonly schemas?: readonly Uint8Array[] | undefined;
}

/** What a policy makes of an exchange. */
export interface MaskExplanation {
  /** The exchange as it would be recorded; its `unknownHeaders` are those that no rule knows. */
  readonly masked: Exchange;
  readonly values: readonly ExplainedValue[];
}

/**
 * Shows what a policy does to an exchange, and which rule did it. What it gives back holds the values as they were: it is
 * for examples, and for eyes that may see them.
 *
 * @throws GardenhoseError `mask-policy`, also for a policy that extends `none`, which masks nothing; `mask-key`
 */
export function explainMasking(
  policy: Policy,
  exchange: Exchange,
  { schemas = [] }: ExplainOptions = {},
): MaskExplanation {
  const tracer = new ExchangeTracer(policy);
  for (const schema of schemas) tracer.describe(schema);
  const { masked, acts } = tracer.trace(exchange);
  const left = new Set(acts);
  const values = changedPlaces(exchange, masked, tracer.schemas).flatMap((place) => explained(place, left));
  return { masked, values };
}

/** The value with the rules that acted on it; of a whole text, each value that was found in it. */
function explained(place: ChangedPlace, left: Set<MaskAct>): ExplainedValue[] {
  const acts = takeActs(place, left);
  const rules = [...new Set(acts.map(({ rule }) => rule))];
  const isText = place.after !== undefined && place.before.length > longestShown;
  if (!isText || acts.length === 0) return [{ ...place, rules }];
  return acts.map(({ rule, before, after }) => ({ ...place, before, after, rules: [rule] }));
}

/** Takes out the acts that made this value what it is. */
function takeActs(place: ChangedPlace, left: Set<MaskAct>): MaskAct[] {
  // Masking counts marks among the headers.
  const part = place.part === 'mark' ? 'header' : place.part;
  const here = [...left].filter((act) => act.side === place.side && act.part === part);
  const exact = here.find((act) => act.before === place.before && act.after === (place.after ?? ''));
  const dropped = place.after === undefined && here.find((act) => act.rule.startsWith('dropped:'));
  const made = exact ?? (dropped || undefined);
  const found = made === undefined ? here.filter((act) => isWithin(act, place)) : [made];
  for (const act of found) left.delete(act);
  return found;
}

function isWithin({ before, after }: MaskAct, place: ChangedPlace): boolean {
  return before !== '' && place.before.includes(before) && (place.after?.includes(after) ?? true);
}

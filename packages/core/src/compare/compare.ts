import jsonPatch, { type Operation } from 'fast-json-patch';
import type { Explanation, LiveNames } from '../correlate/live-names.ts';
import { plainJson } from '../hook/json-text.ts';
import { maskExchange } from '../mask/mask-exchange.ts';
import type { Exchange } from '../model/exchange.ts';
import { operationOf } from '../model/operation.ts';
import { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { printPath } from './compare-path.ts';
import type { Comparison, Difference, DifferenceKind, DifferenceVerdict } from './difference.ts';
import { judge } from './judge.ts';
import { MaskedNames } from './masked-names.ts';
import type { MessageLimits } from './message-pair.ts';
import { type CompareOptions, type ResolvedCompareOptions, resolveCompareOptions } from './options.ts';
import { type ResponseView, viewOf, viewPair } from './response-view.ts';
import { type Place, placeOf, valueAt } from './view-place.ts';

const maxKeptText = 1_024;
const maxKeptJson = 4_096;

/**
 * Compares the recorded and the replayed response of an exchange. With `live`, a value that a live one stands for is expected to be
 * that: it is then no difference, and any other is one.
 */
export type Comparer = (recorded: Exchange, replayed: Exchange, live?: LiveNames) => Comparison;

/**
 * Reads the options once and gives back what compares exchange after exchange.
 *
 * @throws GardenhoseError `invalid-option`
 */
export function createComparer(options: CompareOptions = {}): Comparer {
  const resolved = resolveCompareOptions(options);
  const { masker, schemas } = resolved;
  const registry = new SchemaRegistry();
  const known = { ...resolved, registry };
  let told = 0;
  return (recorded, replayed, live) => {
    for (const data of schemas.slice(told)) {
      told++;
      registry.add(data);
      masker?.mask({ type: 'schema', seq: 0, at: 0, format: 'protobuf', data });
    }
    return compareWith(recorded, replayed, known, live);
  };
}

/**
 * How the replayed response of an exchange differs from the recorded one.
 *
 * @throws GardenhoseError `invalid-option`
 */
export function compareExchange(
  recorded: Exchange,
  replayed: Exchange,
  options: CompareOptions = {},
): Comparison {
  return createComparer(options)(recorded, replayed);
}

function compareWith(
  recorded: Exchange,
  live: Exchange,
  options: ResolvedCompareOptions & MessageLimits,
  names: LiveNames | undefined,
): Comparison {
  const replayed = options.masker === undefined ? live : maskExchange(options.masker, live);
  const views = viewPair(recorded, replayed, options);
  const differences: Difference[] = [];
  const more: Record<DifferenceVerdict, number> = { changed: 0, suspect: 0, unverified: 0 };
  const ignored = new Map<string, number>();
  const maskedNames = new MaskedNames(views.recorded, views.replayed);
  let explained = 0;
  let plainView: ResponseView | undefined;
  const plainAt = (pointer: string) => {
    plainView ??= viewOf(live, options);
    return valueAt(plainView, pointer);
  };
  for (const patch of jsonPatch.compare(views.recorded, views.replayed)) {
    const place = placeOf(views.recorded, patch.path);
    const pattern = options.ignore.find((one) => one.covers(place.path));
    if (pattern !== undefined) {
      ignored.set(pattern.text, (ignored.get(pattern.text) ?? 0) + 1);
      continue;
    }
    const explanation = names && explain(names, patch, place, options.masker && plainAt);
    if (explanation === 'explained') {
      explained++;
      continue;
    }
    const verdict = explanation === 'wrong' ? 'changed' : judge(patch, place, plainAt, maskedNames, options);
    if (differences.length < options.maxDifferences) {
      differences.push(difference(recorded, patch, place, verdict));
    } else more[verdict]++;
  }
  return {
    differences,
    more,
    explained,
    ignored: Array.from(ignored, ([path, count]) => ({ path, count })),
    notCompared: views.notCompared,
  };
}

/** Whether a value that is another than recorded is the live one that stands for it. */
function explain(
  names: LiveNames,
  patch: Operation,
  { path, recorded }: Place,
  plainAt: ((pointer: string) => unknown) | undefined,
): Explanation | undefined {
  if (patch.op !== 'replace' || typeName(recorded) !== typeName(patch.value)) return undefined;
  const replayed: unknown = plainAt === undefined ? patch.value : plainAt(patch.path);
  const [before, now] = [scalarText(recorded), scalarText(replayed)];
  return before === undefined || now === undefined ? undefined : names.explain(before, now, printPath(path));
}

function scalarText(value: unknown): string | undefined {
  const plain = plainJson(value);
  return typeof plain === 'string' || typeof plain === 'number' ? String(plain) : undefined;
}

function difference(
  exchange: Exchange,
  patch: Operation,
  place: Place,
  verdict: DifferenceVerdict,
): Difference {
  const recorded = patch.op === 'add' ? undefined : keep(place.recorded);
  const value = 'value' in patch ? keep(patch.value) : undefined;
  return {
    exchange: exchange.id,
    operation: operationOf(exchange),
    part: place.path.part,
    path: printPath(place.path),
    kind: kindOf(patch, place.recorded),
    patch: 'value' in patch ? { ...patch, value: value?.kept } : patch,
    ...(recorded === undefined ? {} : { recorded: recorded.kept }),
    verdict,
    clipped: recorded?.clipped === true || value?.clipped === true,
  };
}

function kindOf(patch: Operation, recorded: unknown): DifferenceKind {
  if (patch.op === 'remove') return 'missing';
  if (patch.op === 'add') return 'extra';
  return 'value' in patch && typeName(recorded) === typeName(patch.value) ? 'value' : 'type';
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'list' : typeof value;
}

/** A value small enough to keep for a report. */
function keep(value: unknown): { readonly kept: unknown; readonly clipped: boolean } {
  const plain = plainJson(value);
  if (typeof plain === 'string') {
    return plain.length <= maxKeptText
      ? { kept: plain, clipped: false }
      : { kept: plain.slice(0, maxKeptText), clipped: true };
  }
  if (plain === null || typeof plain !== 'object') return { kept: plain, clipped: false };
  const text = JSON.stringify(plain);
  return text.length <= maxKeptJson
    ? { kept: plain, clipped: false }
    : { kept: text.slice(0, maxKeptText), clipped: true };
}

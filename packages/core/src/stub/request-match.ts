import jsonPatch from 'fast-json-patch';
import { type PathPattern, type PathStep, printPath } from '../compare/compare-path.ts';
import { hiddenByKey } from '../compare/judge.ts';
import type { ResponseView } from '../compare/response-view.ts';
import { placeOf, valueAt } from '../compare/view-place.ts';
import { plainJson } from '../hook/json-text.ts';
import type { ContentState } from '../model/event.ts';
import { bodyBytes, type Exchange } from '../model/exchange.ts';
import { headerValues } from '../model/headers.ts';
import type { JsonValue } from '../model/json-value.ts';
import { operationOf } from '../model/operation.ts';
import type { LiveMessage, LiveRequest } from './live-request.ts';
import type { MessageReader, PartContext } from './message-reader.ts';
import type { ResolvedStubOptions, StubMasking } from './options.ts';
import { shapeScore } from './shape-score.ts';

/** The first place in which a live request is not the recorded one. Values are masked. */
export interface RequestDifference {
  /** As `ignore` names it; `target` and `body:$` where it cannot be ignored. */
  readonly path: string;
  readonly recorded: unknown;
  readonly live: unknown;
}

/** How a live request, or a part of it, fits a recorded one. */
export interface Fit {
  /** Undefined where it fits. */
  readonly difference?: RequestDifference | undefined;
  /** Differences in all. */
  readonly count: number;
  /** Why it cannot be said that it fits exactly. */
  readonly approximate?: string | undefined;
  /** All that is compared is equal. */
  readonly same?: boolean;
}

const whole: Fit = { count: 0, same: true };
const byKind = 'masked values were compared by kind: the key of the recording is not at hand';

interface RecordedPart {
  readonly state: ContentState;
  readonly data: Uint8Array;
}

/** Says how live requests fit recorded ones. */
export class RequestMatcher {
  readonly #reader: MessageReader;
  readonly #ignore: readonly PathPattern[];
  readonly #headers: readonly string[];
  readonly #masking: StubMasking;
  /** Decoded parts: of recordings they are asked for again and again. */
  readonly #views = new WeakMap<object, { readonly value: JsonValue | undefined }>();

  constructor(
    reader: MessageReader,
    { ignore, headers }: Pick<ResolvedStubOptions, 'ignore' | 'headers'>,
    masking: StubMasking,
  ) {
    this.#reader = reader;
    this.#ignore = ignore;
    this.#headers = headers;
    this.#masking = masking;
  }

  /** Whether all that has come is equal to the recording byte for byte: quick, so that it can be asked of many. */
  equal(exchange: Exchange, live: LiveRequest): boolean {
    const { request, protocol } = exchange;
    if (protocol !== 'grpc') {
      if (request.target !== live.start.target) return false;
      if (live.ended && !isEqual(bodyPart(request), live.body)) return false;
    } else {
      if (this.length(exchange, live).difference !== undefined) return false;
      for (const [index, message] of live.messages.entries()) {
        const recorded = request.messages[index];
        if (recorded !== undefined && !isEqual(recorded, message)) return false;
      }
    }
    return this.#headers.length === 0 || this.head(exchange, live).same === true;
  }

  /** The target, where it is not what candidates are found by, and the headers that are compared. */
  head({ request, protocol }: Exchange, live: LiveRequest): Fit {
    let fit = whole;
    if (protocol !== 'grpc' && request.target !== live.start.target) {
      const view = (target: string): ResponseView => ({ body: targetView(target) });
      fit = this.#compare(view(request.target), view(live.start.target), () => view(live.plainStart.target));
      if (fit.difference !== undefined) {
        return { ...fit, difference: { path: 'target', recorded: request.target, live: live.start.target } };
      }
    }
    if (this.#headers.length === 0) return fit;
    return joined(
      fit,
      this.#compare(this.#headerView(request.headers), this.#headerView(live.start.headers), () =>
        this.#headerView(live.plainStart.headers),
      ),
    );
  }

  /** How many messages there are: of an ended request all, of another those so far. */
  length({ request }: Exchange, { messages, ended }: LiveRequest): Fit {
    const recorded = request.messages.length;
    const tooMany = messages.length > recorded && request.complete;
    const tooFew = messages.length < recorded && ended;
    if (!tooMany && !tooFew) return whole;
    const live = `${messages.length} messages${ended ? '' : ' or more'}`;
    return { count: 1, difference: { path: 'body:$', recorded: `${recorded} messages`, live } };
  }

  /** One message of a call. Where the recording has none of this index, that is not asked here. */
  message(exchange: Exchange, index: number, live: LiveRequest): Fit {
    const recorded = exchange.request.messages[index];
    const now = live.messages[index];
    if (recorded === undefined || now === undefined) return whole;
    const undecoded = exchange.marks.some(
      ({ name, value }) => name === 'undecoded' && value.startsWith('request'),
    );
    if (undecoded) return { count: 0, approximate: 'a recorded message of the request could not be read' };
    return this.#part(recorded, now, exchange.request, index);
  }

  body({ request }: Exchange, live: LiveRequest): Fit {
    if (!request.complete && !isEqual(bodyPart(request), live.body)) {
      return { count: 0, approximate: 'the recorded request was not seen to its end' };
    }
    return this.#part(bodyPart(request), live.body, request, undefined);
  }

  /** How alike the first messages, or the bodies, are: 1 for the same fields of the same types. */
  score(exchange: Exchange, live: LiveRequest): number {
    const { request } = exchange;
    if (exchange.protocol === 'grpc') {
      const [recorded] = request.messages;
      const [now] = live.messages;
      if (recorded === undefined || now === undefined)
        return recorded === undefined && now === undefined ? 1 : 0;
      return shapeScore(this.#view(recorded, request, 0), this.#view(now, request, 0));
    }
    // Identifiers in the path may be others, what stands between them not.
    if (templateOf(exchange, request.target) !== templateOf(exchange, live.start.target)) return 0;
    return shapeScore(
      this.#view(bodyPart(request), request, undefined),
      this.#view(live.body, request, undefined),
    );
  }

  #part(recorded: RecordedPart, live: LiveMessage, of: PartContext, index: number | undefined): Fit {
    if (!isKept(recorded.state)) {
      return { count: 0, approximate: `a part of the recorded request was not kept (${recorded.state})` };
    }
    if (isEqual(recorded, live)) return whole;
    if (!isKept(live.state)) {
      return Buffer.compare(recorded.data, live.plain) === 0
        ? whole
        : {
            count: 0,
            approximate: `a part of the request is left out by the mask policy of now (${live.state})`,
          };
    }
    return this.#compare(
      { body: this.#view(recorded, of, index) ?? null },
      { body: this.#view(live, of, index) ?? null },
      () => ({ body: this.#read(live.plain, 'kept', of, index) ?? null }),
      index,
    );
  }

  #compare(recorded: ResponseView, live: ResponseView, plain: () => ResponseView, index?: number): Fit {
    let plainView: ResponseView | undefined;
    const plainAt = (pointer: string) => {
      plainView ??= plain();
      return valueAt(plainView, pointer);
    };
    const above: readonly PathStep[] = index === undefined ? [] : [{ name: String(index), inList: true }];
    let first: RequestDifference | undefined;
    let count = 0;
    let hidden = false;
    for (const patch of jsonPatch.compare(recorded, live)) {
      const { path, recorded: value } = placeOf(recorded, patch.path);
      const place = { ...path, steps: [...above, ...path.steps] };
      if (this.#ignore.some((pattern) => pattern.covers(place))) continue;
      const found = 'value' in patch ? patch.value : undefined;
      if (
        !this.#masking.sameKey &&
        patch.op === 'replace' &&
        hiddenByKey(patch.path, value, found, plainAt, this.#masking)
      ) {
        hidden = true;
        continue;
      }
      count++;
      // Differences are found from the last name to the first.
      first = { path: printPath(place), recorded: shown(value), live: shown(found) };
    }
    return {
      difference: first,
      count,
      approximate: hidden ? byKind : undefined,
      same: count === 0 && !hidden,
    };
  }

  #headerView(headers: readonly string[]): ResponseView {
    const view: Record<string, string[]> = Object.create(null);
    for (const name of this.#headers) view[name] = headerValues(headers, name);
    return { headers: view };
  }

  #view(part: RecordedPart, of: PartContext, index: number | undefined): JsonValue | undefined {
    return this.#cached(part, () => this.#read(part.data, part.state, of, index));
  }

  #cached(key: object, read: () => JsonValue | undefined): JsonValue | undefined {
    let known = this.#views.get(key);
    if (known === undefined) {
      known = { value: read() };
      this.#views.set(key, known);
    }
    return known.value;
  }

  #read(
    data: Uint8Array,
    state: ContentState,
    of: PartContext,
    index: number | undefined,
  ): JsonValue | undefined {
    return index === undefined ? this.#reader.body(data, state, of) : this.#reader.message(data, of);
  }
}

const isEqual = (recorded: RecordedPart, live: LiveMessage): boolean =>
  isKept(recorded.state) && isKept(live.state) && Buffer.compare(recorded.data, live.data) === 0;

const isKept = (state: ContentState): boolean => state === 'kept' || state === 'masked';

/** Both hold: the differences of both, and what makes either inexact. */
export function joined(first: Fit, second: Fit): Fit {
  return {
    difference: first.difference ?? second.difference,
    count: first.count + second.count,
    approximate: first.approximate ?? second.approximate,
    same: first.same === true && second.same === true,
  };
}

const bodies = new WeakMap<Exchange['request'], RecordedPart>();

function bodyPart(request: Exchange['request']): RecordedPart {
  let part = bodies.get(request);
  if (part === undefined) {
    part = { state: request.state, data: bodyBytes(request) };
    bodies.set(request, part);
  }
  return part;
}

/** The path without identifiers, whatever name its operation was given. */
function templateOf(exchange: Exchange, target: string): string {
  return operationOf({ ...exchange, operation: undefined, request: { ...exchange.request, target } });
}

/** Path segments in order, and the query as a multiset. */
function targetView(target: string): JsonValue {
  const [path = '', query = ''] = target.split('?', 2);
  return { path: path.split('/'), query: query === '' ? [] : query.split('&').sort() };
}

const longestShown = 200;

/** A value as a report shows it. */
function shown(value: unknown): unknown {
  const plain = plainJson(value);
  const text = typeof plain === 'string' ? plain : (JSON.stringify(plain) ?? '');
  if (text.length <= longestShown) return plain;
  return `${text.slice(0, longestShown)}…`;
}

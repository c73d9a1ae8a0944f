import { bodyBytes, type Content, type Exchange } from '../../model/exchange.ts';
import { type HeaderList, headerEntries } from '../../model/headers.ts';
import { decodeBody } from '../body/content-coding.ts';
import { contentType } from '../body/content-type.ts';
import { type JsonTree, jsonTree } from '../json/json-tree.ts';
import { nameWords } from '../value/key-words.ts';
import { tokenType } from '../value/tokens.ts';
import { type ValueShape, valueShape } from './value-shape.ts';

/** Where a name stands. */
export type SurveyPlace = 'header' | 'json' | 'query' | 'form';

/** A name that no rule knows, and what its values look like. Never a value. */
export interface SurveyedName {
  /** As it was first seen. */
  readonly name: string;
  readonly places: readonly SurveyPlace[];
  /** Values seen. */
  readonly count: number;
  /** Different values, counted up to 200. */
  readonly distinct: number;
  /** The most frequent first. */
  readonly shapes: readonly (readonly [shape: ValueShape, count: number])[];
}

interface Tally {
  readonly name: string;
  readonly places: Set<SurveyPlace>;
  count: number;
  readonly hashes: Set<number>;
  readonly shapes: Map<ValueShape, number>;
}

// What a capture can make a survey remember.
const mostNames = 5000;
const mostDistinct = 200;
const longestName = 64;
const decodeLimits = { bodyBytes: 16 << 20, decodedRatio: 1000 };
/** Names that are values: ids and addresses that a map is keyed by. */
const nameShape = /^[A-Za-z_$][\w.[\]$ -]*$/;

/** Counts names that no rule knows in exchanges, and the looks of their values. */
export class NameSurvey {
  readonly #names = new Map<string, Tally>();
  readonly #isKnown: (place: SurveyPlace, name: string) => boolean;

  constructor(isKnown: (place: SurveyPlace, name: string) => boolean) {
    this.#isKnown = isKnown;
  }

  /** Takes an exchange that was masked, with the names of its headers that no rule knows. */
  add(exchange: Exchange, unknownHeaders: readonly string[]): void {
    const { request, response } = exchange;
    const unknown = new Set(unknownHeaders);
    for (const headers of [request.headers, request.trailers, response?.headers, response?.trailers]) {
      for (const [name, value] of headerEntries(headers ?? [])) {
        const lower = name.toLowerCase();
        if (unknown.has(lower)) this.#count('header', lower, value);
      }
    }
    const question = request.target.indexOf('?');
    if (question >= 0) this.#pairs(request.target.slice(question + 1), 'query');
    this.#content(request, request.headers);
    if (response !== undefined) this.#content(response, response.headers);
  }

  names(): SurveyedName[] {
    return [...this.#names.values()].map(({ name, places, count, hashes, shapes }) => ({
      name,
      places: [...places],
      count,
      distinct: hashes.size,
      shapes: [...shapes].sort(([, a], [, b]) => b - a),
    }));
  }

  #content(content: Content, headers: HeaderList): void {
    for (const { data } of content.messages) this.#json(Buffer.from(data).toString('utf8'));
    const bytes = Buffer.from(bodyBytes(content));
    if (bytes.length === 0) return;
    const { kind, codings } = contentType(headers);
    const decoded = codings.length === 0 ? { bytes } : decodeBody(bytes, codings, decodeLimits);
    if (typeof decoded === 'string') return;
    const text = decoded.bytes.toString('utf8');
    if (kind === 'form') this.#pairs(text, 'form');
    else if (kind === 'json-lines' || kind === 'json-seq')
      for (const line of text.split('\n')) this.#json(line);
    else if (kind === 'event-stream') {
      for (const line of text.split(/\r\n|\r|\n/))
        if (line.startsWith('data:')) this.#json(line.slice(5).trim());
    } else this.#json(text);
  }

  #pairs(text: string, place: 'query' | 'form'): void {
    for (const pair of text.split('&')) {
      const equals = pair.indexOf('=');
      const name = decoded(pair.slice(0, Math.max(equals, 0)));
      if (name === undefined || name === '' || this.#isKnown(place, name)) continue;
      this.#count(place, name, decoded(pair.slice(equals + 1)) ?? '');
    }
  }

  #json(text: string): void {
    const tree = jsonTree(text);
    if (tree !== undefined) this.#tree(tree, '');
  }

  /** @param name - of the member that this is the value, or an element of the value, of */
  #tree(tree: JsonTree, name: string): void {
    if (tree.kind === 'array') for (const item of tree.items) this.#tree(item, name);
    else if (tree.kind === 'object') {
      for (const [inner, value] of tree.members) {
        // What stands below a name that is masked is masked.
        if (!this.#isKnown('json', inner)) this.#tree(value, inner);
      }
    } else if (name !== '') this.#count('json', name, tree.text);
  }

  #count(place: SurveyPlace, name: string, value: string): void {
    if (name.length > longestName || !nameShape.test(name) || tokenType(name) !== undefined) return;
    if (['hex', 'random', 'uuid'].includes(valueShape(name))) return;
    const key = place === 'header' ? `header ${name}` : nameWords(name).join('');
    let tally = this.#names.get(key);
    if (tally === undefined) {
      if (key === '' || this.#names.size >= mostNames) return;
      tally = { name, places: new Set(), count: 0, hashes: new Set(), shapes: new Map() };
      this.#names.set(key, tally);
    }
    tally.places.add(place);
    tally.count++;
    if (tally.hashes.size < mostDistinct) tally.hashes.add(hashOf(value));
    const shape = valueShape(value);
    tally.shapes.set(shape, (tally.shapes.get(shape) ?? 0) + 1);
  }
}

/** FNV-1a: to tell values apart, not to hide them; it goes no further than this survey. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

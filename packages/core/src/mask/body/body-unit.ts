import { isUtf8 } from 'node:buffer';
import type { HeaderMasker } from '../head/header-masker.ts';
import { Edits } from '../json/edits.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import type { ResolvedPolicy } from '../policy/resolve-policy.ts';
import type { Scope } from '../rules/scope.ts';
import {
  beforeSpace,
  firstByte,
  insideCall,
  isForm,
  isMarkup,
  isMultipart,
  mayBeCoded,
  mayBeDocument,
  startOfContent,
} from '../text/content-look.ts';
import { jsonLike, type TextMasker } from '../text/text-masker.ts';
import { comesInUnits, maskEvent, maskRecord, unitEnd } from './body-lines.ts';
import { decodeBody } from './content-coding.ts';
import { type ContentType, isReadableCharset } from './content-type.ts';
import { hasControls } from './control-bytes.ts';
import { CsvMasker } from './csv-masker.ts';
import { MultipartMasker } from './multipart-masker.ts';

/** A whole body after masking, or why there is none. */
export type MaskedBody =
  | { readonly data: Uint8Array; readonly ends: readonly number[]; readonly masked: boolean }
  | { readonly problem: string };

const placeholder = /^\[dropped \d{1,12} bytes\]$/;

/** Masks bodies that are one unit, and the units of bodies that come in several. */
export class BodyMasker {
  readonly #text: TextMasker;
  readonly #limits: ResolvedPolicy['limits'];
  readonly #keepsDigest: boolean;
  readonly #scope: Scope;
  readonly #multipart: MultipartMasker;
  readonly #csv: CsvMasker;
  readonly #none = new Edits();

  constructor(policy: ResolvedPolicy, scope: Scope, text: TextMasker, headers: HeaderMasker) {
    this.#scope = scope;
    this.#text = text;
    this.#limits = policy.limits;
    this.#keepsDigest = policy.unknownContent === 'digest';
    this.#csv = new CsvMasker(scope, text);
    this.#multipart = new MultipartMasker(
      scope,
      text,
      headers,
      (bytes, start, end, type, depth) => this.read(bytes, start, end, type, depth),
      (bytes, start, end, problem) => this.#stand(bytes, start, end, problem),
    );
  }

  /** @param ends - where the bytes of each chunk end */
  whole(bytes: Buffer, ends: readonly number[], type: ContentType): MaskedBody {
    if (bytes.length === 0) return { data: bytes, ends, masked: false };
    if (bytes.length > this.#limits.bodyBytes) return { problem: 'size' };
    if (this.#showsAll) return { data: bytes, ends, masked: false };
    if (type.isRange) return { problem: 'range' };
    if (type.codings.length > 0) return this.#coded(bytes, ends, type);
    return edited(bytes, ends, this.#whole(bytes, type));
  }

  /** A rule of the user's is for the whole body, so that none of its units can be told before its end. */
  get isWhole(): boolean {
    const rule = this.#scope.rules.body;
    return rule !== undefined && rule.action !== 'keep';
  }

  /** What a rule for whole bodies makes of one; the same bytes where it stays. A text says why there is nothing. */
  under(rule: MaskRule, bytes: Buffer): Buffer | string {
    if (rule.action === 'remove') return 'removed';
    const encoding = isUtf8(bytes) ? 'utf8' : 'latin1';
    const text = bytes.toString(encoding);
    const masked = this.#text.maskUnder(rule, text, 0);
    return masked === text ? bytes : Buffer.from(masked, encoding);
  }

  /** A keyed digest of a content that cannot be read, if the policy asks for one: the same for the same bytes. */
  digest(bytes: Buffer, start: number, end: number): string | undefined {
    if (!this.#keepsDigest) return undefined;
    const rule = this.#scope.rules.default('default/unknown-content', 'content');
    return this.#text.maskUnder(rule, bytes.toString('latin1', start, end), 0);
  }

  /** The replacements in one unit of a body of lines or events: `bytes[start..end)`. A string says why there are none. */
  unit(bytes: Buffer, start: number, end: number, kind: ContentType['kind'], edits: Edits): string {
    if (end - start > this.#limits.bodyBytes) return 'size';
    if (this.#showsAll) return '';
    if (!isUtf8(bytes.subarray(start, end))) return 'utf8';
    if (kind !== 'event-stream') return maskRecord(this.#text, bytes, start, end, edits);
    maskEvent(this.#text, bytes, start, end, edits);
    return '';
  }

  /** All units in `bytes[start..end)`, the last of which may lack its end. */
  units(bytes: Buffer, start: number, end: number, kind: ContentType['kind'], edits: Edits): string {
    for (let at = start; at < end; ) {
      const next = unitEnd(bytes, at, end, kind, true);
      const problem = this.unit(bytes, at, next, kind, edits);
      if (problem !== '') return problem;
      at = next;
    }
    return '';
  }

  /** The user's rule is to look at nothing. */
  get #showsAll(): boolean {
    const rule = this.#scope.rules.body;
    return rule !== undefined && rule.action === 'keep' && !rule.detectors;
  }

  /** The replacements in a body out of its codings, under the rule for whole bodies if there is one. */
  #whole(bytes: Buffer, type: ContentType): Edits | string {
    const { body } = this.#scope.rules;
    if (body === undefined || body.action === 'keep') {
      const edits = this.read(bytes, 0, bytes.length, type, 0);
      if (typeof edits !== 'string') return edits;
      // What the user keeps is kept though it cannot be read: detectors see what there is to see.
      if (body !== undefined) return this.#seen(bytes, 0, bytes.length);
      const digest = edits === 'content-type' ? this.digest(bytes, 0, bytes.length) : undefined;
      return digest === undefined ? edits : replaced(bytes, digest);
    }
    const masked = this.under(body, bytes);
    if (typeof masked === 'string') return masked;
    return masked === bytes
      ? this.#none
      : replaced(bytes, masked.toString(isUtf8(masked) ? 'utf8' : 'latin1'));
  }

  #seen(bytes: Buffer, start: number, end: number): Edits {
    const edits = new Edits();
    this.#text.editText(bytes, start, end, edits);
    return edits;
  }

  /**
   * The replacements in a content that is here as a whole and not coded.
   *
   * @param depth - how many multiparts it stands in
   */
  read(bytes: Buffer, start: number, end: number, type: ContentType, depth: number): Edits | string {
    if (comesInUnits(type.kind)) {
      const edits = new Edits();
      const problem = this.units(bytes, start, end, type.kind, edits);
      return problem === '' ? edits : problem;
    }
    if (type.kind === 'multipart' && !beginsAsJson(bytes, start, end)) {
      return this.#multipart.edits(bytes, start, end, type, depth);
    }
    if (!isReadableCharset(type.charset)) return 'charset';
    const from = startOfContent(bytes, start, end);
    const first = firstByte(bytes, from, end);
    if (first === undefined) return this.#none;
    if (type.kind === 'json' || first === 0x7b || first === 0x5b) {
      const problem = this.#json(bytes, from, end);
      if (problem === '') return this.#text.scanner(0).edits;
      const call = type.kind === 'json' ? this.#call(bytes, from, end) : undefined;
      if (call !== undefined) return call;
      // Text may begin with a bracket; what looks like JSON and is broken may hide names from the scanner.
      const looksLikeText =
        type.kind === 'text' || type.kind === 'form' || type.kind === 'graphql' || type.kind === 'csv';
      const broken =
        type.kind === 'json' ||
        problem !== 'json-syntax' ||
        jsonLike.test(bytes.toString('latin1', from, Math.min(end, from + 1000)));
      if (!looksLikeText) return type.kind === 'json' ? problem : 'content-type';
      if (broken) return problem;
    }
    return this.#notJson(bytes, from, end, type);
  }

  #notJson(bytes: Buffer, start: number, end: number, type: ContentType): Edits | string {
    const call = type.kind === 'text' || type.kind === 'other' ? this.#call(bytes, start, end) : undefined;
    if (call !== undefined) return call;
    if (type.kind === 'graphql') return this.#document(bytes, start, end, true) ?? 'content-type';
    if (type.kind !== 'form' && type.kind !== 'text' && type.kind !== 'csv') return 'content-type';
    const rule = type.kind === 'text' ? this.#scope.rules.text : undefined;
    if (rule !== undefined) return this.#textUnder(rule, bytes, start, end);
    if (isMarkup(bytes, start, end) || isMultipart(bytes, start, end)) return 'content-type';
    // Text holds none of these; UTF-16 and compressed bytes do, and detectors would see nothing in them.
    if (hasControls(bytes.subarray(start, end))) return 'charset';
    if (type.kind === 'form') return this.#form(bytes, start, end);
    if (type.kind === 'csv') return this.#csv.edits(bytes, start, end, type);
    if (isForm(bytes, start, end) && isUtf8(bytes.subarray(start, end))) return this.#form(bytes, start, end);
    if (mayBeCoded(bytes, start, end) && isUtf8(bytes.subarray(start, end)))
      return this.#word(bytes, start, end);
    const document = mayBeDocument(bytes, start, end) ? this.#document(bytes, start, end, false) : undefined;
    return document ?? this.#seen(bytes, start, end);
  }

  #textUnder(rule: MaskRule, bytes: Buffer, start: number, end: number): Edits | string {
    if (rule.action === 'keep') return rule.detectors ? this.#seen(bytes, start, end) : this.#none;
    const part = bytes.subarray(start, end);
    const masked = this.under(rule, part);
    if (typeof masked === 'string') return masked;
    const edits = new Edits();
    if (masked !== part) edits.add(start, end, masked.toString('utf8'));
    return edits;
  }

  /** What stands for a part that is not kept: how long it was, or its digest. */
  #stand(bytes: Buffer, start: number, end: number, problem: string): string {
    if (placeholder.test(bytes.toString('latin1', start, Math.min(end, start + 32)))) {
      return bytes.toString('latin1', start, end);
    }
    const digest = problem === 'content-type' ? this.digest(bytes, start, end) : undefined;
    if (digest !== undefined) return digest;
    this.#scope.count(`dropped:${problem}`);
    return `[dropped ${end - start} bytes]`;
  }

  #json(bytes: Buffer, start: number, end: number): string {
    if (!isUtf8(bytes.subarray(start, end))) return 'utf8';
    return this.#text.scanner(0).scan(bytes, start, end, 0);
  }

  /** JSON that is handed to a function; undefined when it is not that. */
  #call(bytes: Buffer, start: number, end: number): Edits | undefined {
    const inside = insideCall(bytes, start, end);
    if (inside === undefined || this.#json(bytes, inside.start, inside.end) !== '') return undefined;
    const edits = new Edits();
    // The name of the function is the client's choice.
    this.#text.editText(bytes, start, inside.start, edits);
    edits.append(this.#text.scanner(0).edits);
    return edits;
  }

  #form(bytes: Buffer, start: number, end: number): Edits | string {
    const part = bytes.subarray(start, end);
    if (!isUtf8(part)) return 'utf8';
    const text = part.toString('utf8');
    const edits = this.#text.urls.pairEdits(text, 'form', 0);
    if (edits.count === 0 || (start === 0 && text.length === part.length)) return edits;
    const all = new Edits();
    all.add(start, end, edits.applyToText(text));
    return all;
  }

  /** A text that is one word, as a string of JSON would be read; a line end may stand behind it. */
  #word(bytes: Buffer, start: number, end: number): Edits {
    const edits = new Edits();
    const stop = beforeSpace(bytes, start, end);
    const masked = this.#text.maskBytes(bytes, start, stop, 0);
    if (masked !== undefined) edits.add(start, stop, masked);
    return edits;
  }

  /** A GraphQL document; one that cannot be read becomes one token. Undefined when it is none. */
  #document(bytes: Buffer, start: number, end: number, isSure: boolean): Edits | string | undefined {
    if (!isUtf8(bytes.subarray(start, end))) return isSure ? 'utf8' : undefined;
    const text = bytes.toString('utf8', start, end);
    const masked = this.#text.graphql.mask(text, 0, isSure);
    if (masked === undefined) return undefined;
    const edits = new Edits();
    if (masked !== text) edits.add(start, end, masked);
    return edits;
  }

  /** A coded body that something is masked in goes back into its codings, so that its headers stay true. */
  #coded(bytes: Buffer, ends: readonly number[], type: ContentType): MaskedBody {
    const decoded = decodeBody(bytes, type.codings, this.#limits);
    if (typeof decoded === 'string') return { problem: decoded };
    const { length } = decoded.bytes;
    const inner = edited(decoded.bytes, [], length === 0 ? this.#none : this.#whole(decoded.bytes, type));
    if ('problem' in inner) return inner;
    if (!inner.masked && !decoded.hasExtras()) return { data: bytes, ends, masked: false };
    const data = decoded.encode(inner.data);
    // Places within a coded form mean nothing to each other: each chunk keeps its share of the length.
    return { data, ends: ends.map((end) => Math.round((end / bytes.length) * data.length)), masked: true };
  }
}

function edited(bytes: Buffer, ends: readonly number[], edits: Edits | string): MaskedBody {
  if (typeof edits === 'string') return { problem: edits };
  if (edits.count === 0) return { data: bytes, ends, masked: false };
  return { data: edits.applyToBytes(bytes), ends: edits.mapPlaces(ends), masked: true };
}

function beginsAsJson(bytes: Buffer, start: number, end: number): boolean {
  const first = firstByte(bytes, start, end);
  return first === 0x7b || first === 0x5b;
}

function replaced(bytes: Buffer, text: string): Edits {
  const edits = new Edits();
  edits.add(0, bytes.length, text);
  return edits;
}

import { isUtf8 } from 'node:buffer';
import { decodeBody } from './content-coding.ts';
import { type ContentType, isReadableCharset } from './content-type.ts';
import { hasControls } from './control-bytes.ts';
import { Edits } from './edits.ts';
import type { MaskLimits } from './policy.ts';
import { jsonLike, type TextMasker } from './text-masker.ts';

/** A whole body after masking, or why there is none. */
export type MaskedBody =
  | { readonly data: Uint8Array; readonly ends: readonly number[]; readonly masked: boolean }
  | { readonly problem: string };

/** Prefixes against script inclusion that some servers put before JSON. */
const scriptGuards = [")]}',\n", ")]}'\n", ")]}'", 'while(1);', 'for(;;);'].map((text) => Buffer.from(text));
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Masks bodies that are one unit, and the units of bodies that come in several. */
export class BodyMasker {
  readonly #text: TextMasker;
  readonly #limits: Required<MaskLimits>;
  readonly #none = new Edits();

  constructor(text: TextMasker, limits: Required<MaskLimits>) {
    this.#text = text;
    this.#limits = limits;
  }

  /** @param ends - where the bytes of each chunk end */
  whole(bytes: Buffer, ends: readonly number[], type: ContentType): MaskedBody {
    if (bytes.length === 0) return { data: bytes, ends, masked: false };
    if (bytes.length > this.#limits.bodyBytes) return { problem: 'size' };
    if (type.codings.length > 0) return this.#coded(bytes, ends, type);
    const edits = this.#read(bytes, type);
    if (typeof edits === 'string') return { problem: edits };
    return edited(bytes, ends, edits);
  }

  /** The replacements in one unit of a body of lines or events: `bytes[start..end)`. A string says why there are none. */
  unit(bytes: Buffer, start: number, end: number, kind: ContentType['kind'], edits: Edits): string {
    if (end - start > this.#limits.bodyBytes) return 'size';
    if (!isUtf8(bytes.subarray(start, end))) return 'utf8';
    return kind === 'json-lines'
      ? this.#line(bytes, start, end, edits)
      : this.#event(bytes, start, end, edits);
  }

  /** A coded body that something is masked in goes back into its codings, so that its headers stay true. */
  #coded(bytes: Buffer, ends: readonly number[], type: ContentType): MaskedBody {
    const decoded = decodeBody(bytes, type.codings, this.#limits);
    if (typeof decoded === 'string') return { problem: decoded };
    const inner = this.#decoded(decoded.bytes, type);
    if ('problem' in inner) return inner;
    if (!inner.masked && !decoded.hasExtras) return { data: bytes, ends, masked: false };
    const data = decoded.encode(inner.data);
    // Places within a coded form mean nothing to each other: each chunk keeps its share of the length.
    return { data, ends: ends.map((end) => Math.round((end / bytes.length) * data.length)), masked: true };
  }

  #decoded(bytes: Buffer, type: ContentType): MaskedBody {
    if (bytes.length === 0) return { data: bytes, ends: [], masked: false };
    if (type.kind === 'json-lines' || type.kind === 'event-stream') {
      const edits = new Edits();
      const problem = this.units(bytes, bytes.length, type.kind, edits);
      return problem === '' ? edited(bytes, [], edits) : { problem };
    }
    const edits = this.#read(bytes, type);
    return typeof edits === 'string' ? { problem: edits } : edited(bytes, [], edits);
  }

  /** All units in `bytes[0..end)`, the last of which may lack its end. */
  units(bytes: Buffer, end: number, kind: ContentType['kind'], edits: Edits): string {
    let start = 0;
    while (start < end) {
      const next = unitEnd(bytes, start, end, kind, true);
      const problem = this.unit(bytes, start, next, kind, edits);
      if (problem !== '') return problem;
      start = next;
    }
    return '';
  }

  #read(bytes: Buffer, type: ContentType): Edits | string {
    if (!isReadableCharset(type.charset)) return 'charset';
    const start = startOfContent(bytes);
    const first = firstByte(bytes, start);
    if (first === undefined) return this.#none;
    if (type.kind === 'json' || first === 0x7b || first === 0x5b) {
      const problem = this.#json(bytes, start);
      if (problem === '') return this.#text.scanner(0).edits;
      // Text may begin with a bracket; what looks like JSON and is broken may hide names from the scanner.
      const looksLikeText = type.kind === 'text' || type.kind === 'form';
      const broken =
        type.kind === 'json' ||
        problem !== 'json-syntax' ||
        jsonLike.test(bytes.toString('latin1', start, start + 1000));
      if (!looksLikeText) return type.kind === 'json' ? problem : 'content-type';
      if (broken) return problem;
    }
    if (type.kind !== 'form' && type.kind !== 'text') return 'content-type';
    if (isMarkup(bytes, start) || isMultipart(bytes, start)) return 'content-type';
    // Text holds none of these; UTF-16 and compressed bytes do, and detectors would see nothing in them.
    if (hasControls(bytes)) return 'charset';
    if (type.kind === 'form') return this.#form(bytes);
    const edits = new Edits();
    this.#text.editText(bytes, start, bytes.length, edits);
    return edits;
  }

  #json(bytes: Buffer, start: number): string {
    if (!isUtf8(bytes)) return 'utf8';
    return this.#text.scanner(0).scan(bytes, start, bytes.length, 0);
  }

  #form(bytes: Buffer): Edits | string {
    if (!isUtf8(bytes)) return 'utf8';
    const text = bytes.toString('utf8');
    const edits = this.#text.urls.pairEdits(text, 'form', 0);
    if (text.length === bytes.length || edits.count === 0) return edits;
    const all = new Edits();
    all.add(0, bytes.length, edits.applyToText(text));
    return all;
  }

  /** One line of JSON; a record separator may stand before it (RFC 7464). */
  #line(bytes: Buffer, start: number, end: number, edits: Edits): string {
    let from = start;
    while (from < end && bytes[from] === 0x1e) from++;
    if (firstByte(bytes.subarray(0, end), from) === undefined) return '';
    const scanner = this.#text.scanner(0);
    const problem = scanner.scan(bytes, from, end, 0);
    if (problem === '') edits.append(scanner.edits);
    return problem;
  }

  /** One server-sent event: the lines of its data belong together; every other field by itself. */
  #event(bytes: Buffer, start: number, end: number, edits: Edits): string {
    const data: [from: number, to: number][] = [];
    for (let at = start; at < end; ) {
      const stop = lineEnd(bytes, at, end);
      if (isData(bytes, at, stop)) data.push([fieldStart(bytes, at, stop), stop]);
      at = afterLine(bytes, stop, end);
    }
    const masked = data.length > 1 ? this.#joined(bytes, data) : undefined;
    let line = 0;
    for (let at = start; at < end; ) {
      const stop = lineEnd(bytes, at, end);
      const from = fieldStart(bytes, at, stop);
      if (!isKnownField(bytes, at, stop)) {
        const whole = bytes.toString('utf8', at, stop);
        edits.add(at, stop, this.#text.undecodable(whole, 0));
      } else {
        const text =
          isData(bytes, at, stop) && masked !== undefined ? masked[line++] : this.#field(bytes, from, stop);
        if (text !== undefined) edits.add(from, stop, text);
      }
      at = afterLine(bytes, stop, end);
    }
    return '';
  }

  #field(bytes: Buffer, from: number, to: number): string | undefined {
    return to > from ? this.#text.maskBytes(bytes, from, to, -1) : undefined;
  }

  /** Several lines of data as one text; undefined for lines that stay. */
  #joined(bytes: Buffer, lines: readonly (readonly [from: number, to: number])[]): (string | undefined)[] {
    const texts = lines.map(([from, to]) => bytes.toString('utf8', from, to));
    const whole = Buffer.from(texts.join('\n'));
    const masked = this.#text.maskBytes(whole, 0, whole.length, -1);
    if (masked === undefined) return texts.map(() => undefined);
    const after = masked.split('\n');
    // A value over several lines was replaced by a shorter one: what is left over stays empty.
    if (after.length > texts.length)
      after.splice(texts.length - 1, after.length, after.slice(texts.length - 1).join(' '));
    return texts.map((text, i) => (after[i] === text ? undefined : (after[i] ?? '')));
  }
}

function edited(bytes: Buffer, ends: readonly number[], edits: Edits): MaskedBody {
  if (edits.count === 0) return { data: bytes, ends, masked: false };
  return { data: edits.applyToBytes(bytes), ends: edits.mapPlaces(ends), masked: true };
}

/** After a byte order mark and what guards JSON against scripts. */
function startOfContent(bytes: Buffer): number {
  let start = bytes.subarray(0, 3).equals(byteOrderMark) ? 3 : 0;
  const guard = scriptGuards.find((each) => bytes.subarray(start, start + each.length).equals(each));
  if (guard !== undefined) start += guard.length;
  return start;
}

/** Elements of XML or HTML, whatever the type says: their names are not looked at, so their values are not shown. */
function isMarkup(bytes: Buffer, start: number): boolean {
  return /^\s*<[A-Za-z!?/]/.test(bytes.toString('latin1', start, start + 64));
}

function isMultipart(bytes: Buffer, start: number): boolean {
  return /^\s*--[^\r\n]{1,200}\r?\ncontent-/i.test(bytes.toString('latin1', start, start + 300));
}

function firstByte(bytes: Buffer, start: number): number | undefined {
  for (let i = start; i < bytes.length; i++) {
    const code = bytes[i] ?? 0;
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
  }
  return undefined;
}

/**
 * Where the unit that begins at `start` ends: after the line, or after the empty line that ends an event. -1 when its
 * end is not there yet, unless `last` says that no more will come.
 */
export function unitEnd(
  bytes: Buffer,
  start: number,
  end: number,
  kind: ContentType['kind'],
  last: boolean,
): number {
  if (kind === 'json-lines') {
    const newline = bytes.indexOf(0x0a, start);
    return newline >= 0 && newline < end ? newline + 1 : last ? end : -1;
  }
  for (let at = start; at < end; ) {
    const stop = lineEnd(bytes, at, end);
    // A carriage return at the very end may be half of a line end.
    if (stop >= end || (stop + 1 === end && bytes[stop] === 0x0d)) return last ? end : -1;
    const next = afterLine(bytes, stop, end);
    if (stop === at) return next;
    at = next;
  }
  return last ? end : -1;
}

function lineEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== 0x0a && bytes[at] !== 0x0d) at++;
  return at;
}

function afterLine(bytes: Buffer, stop: number, end: number): number {
  if (stop >= end) return end;
  return bytes[stop] === 0x0d && stop + 1 < end && bytes[stop + 1] === 0x0a ? stop + 2 : stop + 1;
}

function isData(bytes: Buffer, start: number, end: number): boolean {
  return (
    end - start >= 4 && bytes.toString('latin1', start, Math.min(start + 5, end)).replace(':', '') === 'data'
  );
}

const knownField = /^(?:\ufeff)?(?:(?:data|event|id|retry)?:|(?:data|event|id|retry)?$)/;

/** A client passes over lines of any other name, so nobody says what they mean. */
function isKnownField(bytes: Buffer, start: number, end: number): boolean {
  return knownField.test(bytes.toString('utf8', start, Math.min(end, start + 16)));
}

/** Where the value of an event's line begins: after the colon and one space. A line without a colon is all name. */
function fieldStart(bytes: Buffer, start: number, end: number): number {
  let colon = start;
  while (colon < end && bytes[colon] !== 0x3a) colon++;
  if (colon === end) return start;
  return bytes[colon + 1] === 0x20 && colon + 1 < end ? colon + 2 : colon + 1;
}

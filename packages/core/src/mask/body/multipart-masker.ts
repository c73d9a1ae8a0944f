import { isUtf8 } from 'node:buffer';
import type { HeaderMasker } from '../head/header-masker.ts';
import { maskedBoundary, withMaskedBoundary } from '../head/multipart-boundary.ts';
import { Edits } from '../json/edits.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import type { Scope } from '../rules/scope.ts';
import type { TextMasker } from '../text/text-masker.ts';
import { percentDecoded } from '../value/percent-decoded.ts';
import { type ContentType, contentType, isReadableCharset } from './content-type.ts';
import { hasControls } from './control-bytes.ts';
import { type Disposition, extendedValue, readDisposition } from './disposition.ts';
import { type Part, type PartHeader, readMultipart } from './multipart.ts';
import { decodeTransfer } from './transfer-encoding.ts';

/** Reads the content of a part as the body of that type would be read. */
export type ReadContent = (
  bytes: Buffer,
  start: number,
  end: number,
  type: ContentType,
  depth: number,
) => Edits | string;

/** What stands in place of a content that is not kept. */
export type Stand = (bytes: Buffer, start: number, end: number, problem: string) => string;

/** What the headers of a part say. */
interface PartHead {
  readonly disposition: Disposition | undefined;
  readonly name: string | undefined;
  readonly isFile: boolean;
  readonly type: ContentType;
  readonly hasType: boolean;
  readonly transfer: string;
}

const deepest = 3;
/** Parameters of a `Content-Disposition` that say nothing of anyone. */
const plainParameters = new Set(['size', 'creation-date', 'modification-date', 'read-date']);
const typeName = /;\s*name[*\d]*\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;"]*)/gi;

/**
 * Masks multipart bodies: names of parts are keys, file names become tokens, headers of parts go through the header
 * masker, files that cannot be read are left out, and what stands before, between and behind the parts is written anew.
 */
export class MultipartMasker {
  readonly #scope: Scope;
  readonly #text: TextMasker;
  readonly #headers: HeaderMasker;
  readonly #read: ReadContent;
  readonly #stand: Stand;

  constructor(scope: Scope, text: TextMasker, headers: HeaderMasker, read: ReadContent, stand: Stand) {
    this.#scope = scope;
    this.#text = text;
    this.#headers = headers;
    this.#read = read;
    this.#stand = stand;
  }

  /** @param depth - 0 for a body, one more for a multipart within a part */
  edits(bytes: Buffer, start: number, end: number, type: ContentType, depth: number): Edits | string {
    if (type.boundary === undefined || depth > deepest) return 'multipart';
    const multipart = readMultipart(bytes, start, end, type.boundary);
    if (multipart === undefined) return 'multipart';
    const mark = maskedBoundary(depth);
    // A content that holds the delimiter to be would be taken apart at it.
    if (type.boundary !== mark && bytes.subarray(start, end).includes(`--${mark}`)) return 'multipart';
    const edits = new Edits();
    const { parts, delimiters } = multipart;
    const first = delimiters[0]?.start ?? start;
    if (first > start) edits.add(start, first, '');
    for (const [i, part] of parts.entries()) {
      const delimiter = delimiters[i];
      const next = delimiters[i + 1];
      const head = partHead(part, type.mediaType === 'multipart/form-data');
      if (delimiter === undefined || next === undefined || head === undefined) return 'multipart';
      const rule = head.name === undefined ? undefined : this.#scope.rules.multipart(head.name);
      if (rule?.action === 'remove') {
        this.#scope.count(rule.id);
        edits.add(delimiter.start, next.start, '');
        continue;
      }
      replace(bytes, delimiter.start, delimiter.end, `--${mark}`, edits);
      for (const header of part.headers) this.#header(header, head, depth, edits);
      this.#content(bytes, part, head, rule, depth, edits);
    }
    const last = delimiters.at(-1);
    if (last === undefined) return 'multipart';
    replace(bytes, last.start, last.end, `--${mark}--`, edits);
    if (bytes.toString('latin1', last.end, end) !== '\r\n' && last.end < end) edits.add(last.end, end, '');
    return edits;
  }

  #header({ name, value, start, end }: PartHeader, head: PartHead, depth: number, edits: Edits): void {
    const lower = name.toLowerCase();
    let masked: string | undefined;
    let shownName = name;
    if (lower === 'content-disposition' && head.disposition !== undefined) {
      masked = this.#disposition(head.disposition, value);
    } else if (lower !== 'content-length') {
      // That of the content as it was would be wrong, and tell how long it was.
      const [key = '', kept] = this.#headers.mask([name, value]);
      masked = kept;
      if (kept !== undefined) shownName = key;
      if (kept !== undefined && lower === 'content-type') {
        masked = withMaskedBoundary(kept, depth + 1).replace(typeName, '');
      }
    }
    if (masked === undefined) edits.add(start, end, '');
    else if (masked !== value || shownName !== name) {
      edits.add(start, end, `${headerText(shownName)}: ${headerText(masked)}\r\n`);
    }
  }

  /** The same text when nothing is masked in it. */
  #disposition({ type, parameters }: Disposition, value: string): string {
    let out = type;
    let changed = false;
    for (const parameter of parameters) {
      const text = headerText(parameter.value);
      const masked = this.#parameter(parameter.name, text);
      if (masked !== undefined) out += `; ${masked}`;
      changed ||= masked === undefined || masked !== `${parameter.name}="${quotable(text)}"`;
    }
    return changed ? out : value;
  }

  #parameter(name: string, text: string): string | undefined {
    if (name === 'filename') return `filename="${quotable(this.#fileName(text))}"`;
    if (name === 'filename*')
      return `filename*=UTF-8''${encodeURIComponent(this.#fileName(extendedValue(text)))}`;
    if (name === 'name') return `name="${quotable(this.#masked(text))}"`;
    return plainParameters.has(name) ? `${name}="${quotable(this.#masked(text))}"` : undefined;
  }

  /** File names are people's own words; what kind of file it is stays. */
  #fileName(text: string): string {
    const extension = /\.[A-Za-z0-9]{1,5}$/.exec(text)?.[0] ?? '';
    const rule = this.#scope.rules.default('default/header/unknown', 'file-name');
    return this.#text.maskUnder(rule, text.slice(0, text.length - extension.length), 0) + extension;
  }

  #masked(text: string): string {
    const plain = percentDecoded(text);
    const masked = this.#text.mask(plain, 0);
    return masked === plain ? text : masked;
  }

  #content(
    bytes: Buffer,
    { contentStart: start, contentEnd: end }: Part,
    head: PartHead,
    rule: MaskRule | undefined,
    depth: number,
    edits: Edits,
  ): void {
    if (start === end || (rule?.action === 'keep' && !rule.detectors)) return;
    const transferred = decodeTransfer(bytes, start, end, head.transfer);
    let masked: Edits | string = 'encoding';
    if (transferred === 'plain') masked = this.#inside(bytes, start, end, head, rule, depth);
    else if (transferred !== undefined) {
      masked = this.#inside(transferred.bytes, 0, transferred.bytes.length, head, rule, depth);
    }
    if (typeof masked === 'string') replace(bytes, start, end, this.#stand(bytes, start, end, masked), edits);
    else if (transferred === 'plain') edits.append(masked);
    else if (masked.count > 0 && transferred !== undefined) {
      edits.add(start, end, transferred.encode(masked.applyToBytes(transferred.bytes)));
    }
  }

  #inside(
    bytes: Buffer,
    start: number,
    end: number,
    { type, hasType, isFile }: PartHead,
    rule: MaskRule | undefined,
    depth: number,
  ): Edits | string {
    const part = bytes.subarray(start, end);
    if (rule !== undefined && rule.action !== 'keep') {
      const edits = new Edits();
      const text = part.toString(isUtf8(part) ? 'utf8' : 'latin1');
      const masked = this.#text.maskUnder(rule, text, 0);
      if (masked !== text) edits.add(start, end, masked);
      return edits;
    }
    if (type.codings.length > 0) return 'encoding';
    const isField = !isFile && (!hasType || type.kind === 'text');
    const masked = isField
      ? this.#field(bytes, start, end, type)
      : this.#read(bytes, start, end, type, depth + 1);
    if (typeof masked !== 'string' || rule === undefined) return masked;
    // A rule keeps it, whatever it is: detectors see what there is to see.
    const edits = new Edits();
    this.#text.editText(bytes, start, end, edits);
    return edits;
  }

  /** As the value of a form's field. */
  #field(bytes: Buffer, start: number, end: number, type: ContentType): Edits | string {
    if (!isReadableCharset(type.charset) || hasControls(bytes.subarray(start, end))) return 'charset';
    const edits = new Edits();
    if (!isUtf8(bytes.subarray(start, end))) this.#text.editText(bytes, start, end, edits);
    else {
      const masked = this.#text.maskBytes(bytes, start, end, 0);
      if (masked !== undefined) edits.add(start, end, masked);
    }
    return edits;
  }
}

function replace(bytes: Buffer, start: number, end: number, text: string, edits: Edits): void {
  if (bytes.toString('latin1', start, end) !== text) edits.add(start, end, text);
}

/** Undefined when the headers are not clear; every part of a form must have its name. */
function partHead({ headers }: Part, isForm: boolean): PartHead | undefined {
  let text: string | undefined;
  let transfer = '';
  let hasType = false;
  for (const { name, value } of headers) {
    const lower = name.toLowerCase();
    if (lower === 'content-disposition') {
      if (text !== undefined) return undefined;
      text = value;
    } else if (lower === 'content-type') hasType = true;
    else if (lower === 'content-transfer-encoding') transfer = transfer === '' ? value : 'several';
  }
  const disposition = text === undefined ? undefined : readDisposition(text);
  if (text !== undefined && disposition === undefined) return undefined;
  const parameters = disposition?.parameters ?? [];
  const names = parameters.filter(({ name }) => name === 'name');
  if (names.length > 1 || parameters.some(({ name }) => /^name\*|^filename\*\d/.test(name))) return undefined;
  const [named] = names;
  if (isForm && (named === undefined || disposition?.type !== 'form-data')) return undefined;
  return {
    disposition,
    name: named === undefined ? undefined : percentDecoded(headerText(named.value)),
    isFile: parameters.some(({ name }) => name.startsWith('filename')),
    type: contentType(headers.flatMap(({ name, value }) => [name, value])),
    hasType,
    transfer,
  };
}

/** Header text is one character per byte; what is no UTF-8 is left out. */
function headerText(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value.replace(/[\x80-\xff]/g, '?');
}

function quotable(text: string): string {
  return text.replace(/["\\]/g, '\\$&').replace(/[\r\n]/g, ' ');
}

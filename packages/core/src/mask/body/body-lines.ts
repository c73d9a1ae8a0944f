import type { Edits } from '../json/edits.ts';
import { firstByte } from '../text/content-look.ts';
import type { TextMasker } from '../text/text-masker.ts';
import type { ContentKind } from './content-type.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const recordSeparator = 0x1e;
const fieldNames = new Set(['data', 'event', 'id', 'retry', '']);

/** Kinds whose bodies come in units of their own, which can be masked before the body ends. */
export function comesInUnits(kind: ContentKind): boolean {
  return kind === 'event-stream' || kind === 'json-lines' || kind === 'json-seq';
}

/**
 * Where the unit that begins at `start` ends: after the line, before the next record, or after the empty line that ends
 * an event. -1 when its end is not there yet, unless `last` says that no more will come.
 */
export function unitEnd(bytes: Buffer, start: number, end: number, kind: ContentKind, last: boolean): number {
  if (kind === 'json-lines') return ending(bytes.indexOf(lineFeed, start) + 1, end, last);
  if (kind === 'json-seq') {
    // Separators side by side have empty records between them: none is held back for the next.
    return ending(bytes.indexOf(recordSeparator, start + 1), end, last);
  }
  for (let at = start; at < end; ) {
    const stop = lineEnd(bytes, at, end);
    // A carriage return at the very end may be half of a line end.
    if (stop >= end || (stop + 1 === end && bytes[stop] === carriageReturn)) return last ? end : -1;
    const next = afterLine(bytes, stop, end);
    if (stop === at) return next;
    at = next;
  }
  return last ? end : -1;
}

function ending(found: number, end: number, last: boolean): number {
  if (found > 0 && found <= end) return found;
  return last ? end : -1;
}

/** Masks one line of JSON or one record of a JSON sequence (RFC 7464). Says why it cannot, or nothing. */
export function maskRecord(
  text: TextMasker,
  bytes: Buffer,
  start: number,
  end: number,
  edits: Edits,
): string {
  let from = start;
  while (from < end && bytes[from] === recordSeparator) from++;
  if (firstByte(bytes, from, end) === undefined) return '';
  const scanner = text.scanner(0);
  const problem = scanner.scan(bytes, from, end, 0);
  if (problem === '') edits.append(scanner.edits);
  return problem;
}

interface Line {
  readonly start: number;
  readonly stop: number;
  readonly field: string;
  /** Where its value begins; at the end of a line that has none. */
  readonly from: number;
  readonly hasColon: boolean;
}

/** Masks one server-sent event: the lines of its data belong together; every other field by itself. */
export function maskEvent(text: TextMasker, bytes: Buffer, start: number, end: number, edits: Edits): void {
  const lines: Line[] = [];
  for (let at = start; at < end; ) {
    const stop = lineEnd(bytes, at, end);
    if (stop > at) lines.push(lineAt(bytes, at, stop));
    at = afterLine(bytes, stop, end);
  }
  // A client passes over a mark at the beginning of the stream; in any other place it makes the line one of no meaning.
  const unclear = bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
  const data = unclear ? [] : lines.filter((line) => line.field === 'data');
  const joined = data.length > 1 ? maskJoined(text, bytes, data) : undefined;
  let nextJoined = 0;
  for (const line of lines) {
    if (unclear || !fieldNames.has(line.field)) {
      // A client passes over lines of any other name, so nobody says what they mean.
      edits.add(line.start, line.stop, text.undecodable(bytes.toString('utf8', line.start, line.stop), 0));
      continue;
    }
    const isJoined = joined !== undefined && line.field === 'data';
    const masked = isJoined ? joined[nextJoined++] : maskField(text, bytes, line);
    if (masked !== undefined) edits.add(line.from, line.stop, line.hasColon ? masked : `:${masked}`);
  }
}

function maskField(text: TextMasker, bytes: Buffer, { from, stop }: Line): string | undefined {
  return stop > from ? text.maskBytes(bytes, from, stop, -1) : undefined;
}

/** Several lines of data as one text; undefined for lines that stay. */
function maskJoined(text: TextMasker, bytes: Buffer, lines: readonly Line[]): (string | undefined)[] {
  const texts = lines.map(({ from, stop }) => bytes.toString('utf8', from, stop));
  const whole = Buffer.from(texts.join('\n'));
  const masked = text.maskBytes(whole, 0, whole.length, -1);
  if (masked === undefined) return texts.map(() => undefined);
  const after = masked.split('\n');
  // A value over several lines was replaced by a shorter one: what is left over stays empty.
  if (after.length > texts.length)
    after.splice(texts.length - 1, after.length, after.slice(texts.length - 1).join(' '));
  return texts.map((before, i) => (after[i] === before ? undefined : (after[i] ?? '')));
}

/** The value begins after the colon and one space. A line without a colon is all name. */
function lineAt(bytes: Buffer, start: number, stop: number): Line {
  let colon = start;
  while (colon < stop && bytes[colon] !== 0x3a) colon++;
  const field = colon - start > 5 ? 'unknown' : bytes.toString('latin1', start, colon);
  if (colon === stop) return { start, stop, field, from: stop, hasColon: false };
  const from = bytes[colon + 1] === 0x20 && colon + 1 < stop ? colon + 2 : colon + 1;
  return { start, stop, field, from, hasColon: true };
}

function lineEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== lineFeed && bytes[at] !== carriageReturn) at++;
  return at;
}

function afterLine(bytes: Buffer, stop: number, end: number): number {
  if (stop >= end) return end;
  return bytes[stop] === carriageReturn && stop + 1 < end && bytes[stop + 1] === lineFeed
    ? stop + 2
    : stop + 1;
}
